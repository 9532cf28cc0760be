"""What a hostile or careless hand can give to a command, a page or a signature; made by code, the same every time."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.test_clips import sound_alone, write_clip
from tests.data.test_photos import bomb, content, plain
from tests.serving.strangers import pickled


def texts() -> dict[str, str]:
    """One text a name, each on one line."""
    made = {
        "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "template": "{{7*7}} ${7*7} #{7*7} %s %n %x {0.__class__} $(touch /tmp/x) `id`",
        "sql": "'; DROP TABLE words; --",
        "paths": "../../../../etc/passwd file:///etc/passwd C:\\con\\nul",
        "escapes": "\x1b[2J\x1b]0;title\x07 red \x1b[31m",
        "nul": "a\0b\0c",
        "controls": "".join(map(chr, range(1, 32))).replace("\n", "").replace("\r", ""),
        "directions": "abc \u202edef\u202c \u2066ghi\u2069 \u200f",
        "invisible": "\u200b\u200b\ufeff\u00ad",
        "zalgo": "e" + "\u0301" * 5_000,
        "joined": "👩‍👩‍👧‍👦" * 200,
        "flags": "🇩🇪" * 500 + "🇩",
        "arabic": "هذا نص طويل من اليمين إلى اليسار",
        "chinese": "没有空格的长句子" * 300,
        "thai": "ภาษาไทยไม่มีช่องว่าง" * 50,
        "private use": "\ue000\uf8ff\U000f0000\U0010fffd",
        "not characters": "\uffff\ufffe\U0001ffff",
        "replacement": "\ufffd" * 100,
        "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
        "no-break": "\u00a0\u2007\u202f\u3000",
        "blank": "   \t  ",
        "long word": "a" * 190_000,
        "too long": "a" * 300_000,
        "many words": "wort " * 9_999,
        "too many words": "w " * 10_001,
        "punctuation": "!?.,;:" * 2_000,
        "quotes": "\"'`´‘’“”„«»" * 300,
        "digits": "1234567890" * 500,
        "number": "1e309 nan inf -inf 0x7fffffff 9" + "9" * 4_500,
        "json": '{"a": [' * 3_000,
        "specials": "<pad> <unk> <s> </s> ▁ ▁▁ <0x00> <mask>",
        "flag-like": "--model=/etc/passwd -h --help @file",
        "ligatures": "ﬁ ﬂ ﬃ Ǆ ß ẞ İ ı ſ Å Ω K",
        "growing": "ﷺ" * 3_000,
        "lower grows": "İ" * 5_000,
        "hangul": "\u1100\u1161\u11a8" * 2_000,
        "variation": "a\ufe0f\ufe0e\U000e0100" * 500,
        "tags": "x" + "".join(chr(0xE0000 + n) for n in range(0x20, 0x7F)),
        "backtracking": "a" * 5_000 + "!" + " aaaa" * 2_000,
        "dots": "." * 20_000,
        "hyphens": "-" * 20_000,
        "apostrophes": "n't" * 5_000 + "'" * 5_000,
        "breaks": "<br />" * 5_000,
        "smileys": ":-) " * 4_000,
        "one letter": "x",
        "one mark": "?",
    }
    for seed in range(14):
        generator = np.random.default_rng(seed)
        most = (0x7F, 0x2FF, 0xFFF, 0xFFFF, 0x10FFFF)[seed % 5]
        points = generator.integers(0, most, 400)
        drawn = (chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)
        made[f"drawn {seed}"] = "".join(drawn).replace("\n", " ").replace("\r", " ")
    return made


def text_file() -> tuple[bytes, int]:
    """All of `texts` and some bytes that are no text, one a line; and how many lines there are."""
    lines = [text.encode() for text in texts().values()]
    lines += [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok \xe2\x82", b"\x80" * 1_000, b""]
    return b"\n".join(lines) + b"\n", len(lines)


def photos() -> dict[str, bytes]:
    """Files that are called photos. Those whose names begin with "good" can be answered."""
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    jpeg, png, gif = (content(noise, kind) for kind in ("JPEG", "PNG", "GIF"))
    made = {
        "empty.jpg": b"",
        "text.jpg": b"This is no photo.",
        "page.png": b"<!doctype html><script>alert(1)</script>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n",
        "bomb.png": bomb(30_000, 30_000),
        "large.png": bomb(9_000, 9_000),
        "negative.png": bomb(2**31 - 1, 2**31 - 1),
        "nothing.png": bomb(64, 64),
        "1x1.png": content(plain((1, 1))),
        "8000x10.png": content(plain((8000, 10))),
        "10x8000.jpg": content(plain((10, 8000)), "JPEG"),
        "zeros.jpg": bytes(10_000),
        "start.jpg": b"\xff\xd8\xff\xe0" + bytes(1_000),
        "crc.png": png.replace(b"IDAT", b"IDAT", 1)[:-8] + b"\0\0\0\0" + png[-4:],
        "good cmyk.jpg": content(plain((40, 40), (0, 240, 240, 0), "CMYK"), "JPEG"),
        "good deep.png": content(Image.fromarray(np.full((40, 40), 40_000, np.uint16))),
        "good alpha.png": content(plain((40, 40), (10, 20, 30, 0), "RGBA")),
        "good grey alpha.png": content(plain((40, 40), (10, 0), "LA")),
        "good palette.png": content(plain((40, 40)).convert("P")),
        "good bits.png": content(plain((40, 40), 1, "1")),
        "good moving.gif": content(plain((40, 40)), "GIF", save_all=True, append_images=[plain((40, 40), (0, 0, 9))]),
        "good noise.webp": content(noise, "WEBP"),
        "good noise.tif": content(noise, "TIFF"),
        "good float.tif": content(Image.fromarray(np.full((40, 40), np.nan, np.float32)), "TIFF"),
        "good profile.jpg": content(noise, "JPEG", icc_profile=b"garbage" * 5_000),
        "good profile.png": content(noise, "PNG", icc_profile=b"\xff" * 60_000),
        "good comment.jpg": content(noise, "JPEG", comment=b"c" * 60_000),
        "good renamed.png": jpeg,
        "good behind.jpg": jpeg + b"<?php system($_GET['x']); ?>" * 1_000,
    }
    for orientation in (2, 5, 6, 8, 9, 255, 65_535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        made[f"good turned {orientation}.jpg"] = content(noise, "JPEG", exif=exif)
    made["good exif.jpg"] = content(noise, "JPEG", exif=b"Exif\0\0MM\0*" + b"\xff" * 5_000)
    made["metadata.png"] = png[:33] + _chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(80_000_000))) + png[33:]
    for kind, whole in (("jpg", jpeg), ("png", png), ("gif", gif)):
        for share in (0.02, 0.3, 0.7):
            made[f"cut {share}.{kind}"] = whole[: int(share * len(whole))]
        for seed in range(3):
            made[f"changed {seed}.{kind}"] = _changed(whole, seed)
    return made


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _changed(whole: bytes, seed: int, count: int = 20) -> bytes:
    generator = np.random.default_rng(seed)
    changed = bytearray(whole)
    for place in generator.integers(0, len(whole), count):
        changed[place] = generator.integers(256)
    return bytes(changed)


def write_clips(folder: Path) -> None:
    """Files that are called clips; a name that begins with "good" can be answered."""
    secret = folder.parent / "secret.txt"
    secret.write_text("a secret")
    whole = write_clip(folder / "good.mp4", frames=6).read_bytes()
    write_clip(folder / "good.mkv", frames=6)
    write_clip(folder / "good odd.avi", frames=4, size=(66, 50))
    write_clip(folder / "thin.mkv", size=(400, 16), frames=3)
    sound_alone(folder / "sound.mp4")
    still = content(plain((64, 64)))
    reference = b"\0\0\0\x18ftypqt  " + b"\0" * 8 + b"file://" + str(secret).encode() + b"\0" * 200
    contents = {
        "empty.mp4": b"",
        "photo.mp4": still,
        "text.avi": b"no clip",
        "list.mp4": b"#EXTM3U\n#EXTINF:1,\nfile://" + str(secret).encode() + b"\n",
        "concat.mp4": b"ffconcat version 1.0\nfile " + str(secret).encode() + b"\n",
        "page.mkv": b"<MPD><BaseURL>http://127.0.0.1/</BaseURL></MPD>",
        "reference.mov": reference,
        "head.mp4": b"\0\0\0\x18ftypisom" + bytes(500),
        "head.avi": b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(500),
        "head.mkv": b"\x1aE\xdf\xa3" + b"\xff" * 500,
        "head.mpg": b"\0\0\x01\xba" + bytes(500),
        "cut.mp4": whole[: len(whole) // 2],
        "changed.mp4": _changed(whole, 1, 60),
        "index.mp4": whole.replace(b"stco", b"stc0"),
        "huge.gif": b"GIF89a\xff\xff\xff\xff\xf7\0\0"
        + bytes(768)
        + b"!\xf9\4\0\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;",
    }
    for name, one in contents.items():
        (folder / name).write_bytes(one)


def features(marker: Path, width: int = 6) -> dict[str, bytes]:
    """`.npy` files of frame features; none can be used."""

    def npy(array: np.ndarray) -> bytes:
        file = io.BytesIO()
        np.save(file, array, allow_pickle=True)
        return file.getvalue()

    good = npy(np.ones((3, width), np.float32))
    huge = good.replace(f"(3, {width}), ".encode(), f"(999999999999, {width}), ".encode())
    return {
        "objects.npy": npy(np.array([[object]], dtype=object)),
        "pickle.npy": pickled(marker),
        "empty.npy": b"",
        "text.npy": b"1 2 3",
        "cut.npy": good[:-10],
        "head.npy": good[:40],
        "huge.npy": huge,
        "nan.npy": npy(np.full((3, width), np.nan, np.float32)),
        "words.npy": npy(np.array([["a"] * width])),
        "wide.npy": npy(np.ones((3, width + 1), np.float32)),
        "cube.npy": npy(np.ones((3, width, 2), np.float32)),
        "nothing.npy": npy(np.ones((0, width), np.float32)),
        "code.npy": good.replace(b"'descr': '<f4'", b"'descr': os.x "),
    }


def tables() -> dict[str, bytes]:
    """Tables of texts and labels; none can be used."""
    quoted = b'text,label\n"' + b"never closed " * 400_000
    return {
        "empty.csv": b"",
        "header.csv": b"text,label\n",
        "columns.csv": b"a,b\nx,y\n",
        "short.csv": b"text,label\nonly one\n",
        "long.csv": b"text,label\na,b,c\n",
        "label.csv": b"text,label\ngood,\n",
        "one class.csv": b"text,label\n" + b"good film,positive\n" * 50,
        "quote.csv": quoted,
        "latin.csv": "text,label\nschön,gut\n".encode("latin-1"),
        "utf16.csv": "text,label\ngood,positive\n".encode("utf-16"),
        "nul.csv": b"text,label\n\0\0\0\n",
        "photo.csv": content(plain()),
        "bad.csv.gz": b"\x1f\x8b" + b"garbage" * 100,
        "cut.csv.gz": gzip.compress(b"text,label\n" + b"good,positive\nbad,negative\n" * 1_000)[:60],
        "bomb.csv.gz": gzip.compress(bytes(100_000_000), 1),
        "plain.csv.gz": b"text,label\ngood,positive\n",
        "twice.csv": b"text,text\na,b\n",
        "blank.csv": b"text,label\n" + b" ,x\n" * 30,
    }


def treebanks() -> dict[str, bytes]:
    """CoNLL-U files; none can be used."""
    row = b"1\ta\t_\tNOUN\t_\t_\t_\t_\t_\t_\n"
    return {
        "empty.conllu": b"",
        "blank.conllu": b"\n\n\n",
        "text.conllu": b"This is no treebank.\n",
        "columns.conllu": b"1\ta\t_\tNOUN\n\n",
        "tag.conllu": row.replace(b"NOUN", b"Nomen") + b"\n",
        "none.conllu": row.replace(b"NOUN", b"_") + b"\n",
        "number.conllu": row.replace(b"1", b"9" * 5_000) + b"\n",
        "word.conllu": row.replace(b"\ta\t", b"\t\t") + b"\n",
        "latin.conllu": row.replace(b"\ta\t", b"\t\xe4\t") + b"\n",
        "spaces.conllu": row.replace(b"\t", b"    ") + b"\n",
        "comment.conllu": b"# sent_id = 1\n\n",
        "features.conllu": b"1\ta\t_\tNOUN\t_\t=|=\t1:2\t_\t_\tx\xff\n\n",
        "photo.conllu": content(plain()),
        "bad.conllu.gz": b"\x1f\x8b" + b"garbage" * 50,
        "bad.conllu.xz": b"\xfd7zXZ\0" + b"garbage" * 50,
        "cut.conllu.xz": lzma.compress(row * 3_000)[:80],
        "bomb.conllu.xz": lzma.compress(bytes(100_000_000), preset=0),
    }


def vectors(marker: Path) -> dict[str, bytes]:
    """Files of word vectors; none can be used."""
    return {
        "empty.txt": b"",
        "blank.txt": b"\n\n",
        "words.txt": b"one two three\n",
        "alone.txt": b"word\n",
        "uneven.txt": b"a 1 2 3\nb 1 2\n",
        "nan.txt": b"a 1 2 nan\n",
        "inf.txt": b"a 1 2 1e999\n",
        "huge.txt": b"a 1 2 " + b"9" * 400 + b"\n",
        "latin.txt": b"\xe4 1 2 3\n",
        "header.txt": b"3 0\na\n",
        "lies.txt": b"9 99999999999\na 1 2 3\n",
        "photo.txt": content(plain()),
        "pickle.txt": pickled(marker),
        "pickle.bin": pickled(marker),
        "head.bin": b"999999999999 300\n",
        "wide.bin": b"2 999999999\nabc ",
        "cut.bin": b"2 4\na " + np.ones(4, np.float32).tobytes() + b"\nb " + bytes(3),
        "nan.bin": b"1 4\na " + np.full(4, np.nan, np.float32).tobytes(),
        "negative.bin": b"-1 -4\n",
        "bad.txt.gz": b"\x1f\x8b" + b"garbage" * 50,
        "bomb.txt.gz": gzip.compress(bytes(100_000_000), 1),
        "bad.bin.gz": b"\x1f\x8b" + b"garbage" * 50,
    }


def captions() -> dict[str, bytes]:
    """Files of captions, JSON as COCO has it or tables; none can be used."""

    def coco(**parts) -> bytes:
        return json.dumps({"images": [], "annotations": [], **parts}).encode()

    return {
        "empty.json": b"",
        "deep.json": b"[" * 200_000,
        "list.json": b"[]",
        "number.json": b"9" * 10_000,
        "nothing.json": coco(),
        "keys.json": coco(images=[{"a": 1}]),
        "kinds.json": coco(images=[1, None, "x"]),
        "object.json": coco(images={"id": 1}),
        "unknown.json": coco(annotations=[{"image_id": 7, "caption": "x"}]),
        "unhashable.json": coco(images=[{"id": [1], "file_name": "x"}]),
        "latin.json": b'{"images": "\xe4"}',
        "outside.json": coco(
            images=[{"id": 1, "file_name": "../../../etc/passwd"}], annotations=[{"image_id": 1, "caption": "a b"}]
        ),
        "empty.csv": b"",
        "header.csv": b"image,caption\n",
        "columns.csv": b"a,b\nx,y\n",
        "short.csv": b"image,caption\nx.png\n",
        "quote.csv": b'image,caption\n"x.png,a b',
        "latin.csv": b"image,caption\nx.png,\xe4\n",
        "missing.csv": b"image,caption\nnone.png,a photo\n",
        "outside.csv": b"image,caption\n/etc/passwd,a photo\n",
    }


def photo_archives(folder: Path) -> list[Path]:
    """Tar files that are called photos; none holds the photo that is asked for, `x.png`, in a form to be used."""
    made = {"bad.tar": b"no tar", "empty.tar": bytes(10_240), "cut.tar": b"x.png" + bytes(400), "zip.tar": _zip()}
    for name, one in made.items():
        (folder / name).write_bytes(one)
    members = {"link.tar": (tarfile.SYMTYPE, b""), "device.tar": (tarfile.CHRTYPE, b""), "text.tar": (b"0", b"text")}
    for name, (kind, data) in members.items():
        with tarfile.open(folder / name, "w") as tar:
            member = tarfile.TarInfo("x.png")
            member.type, member.linkname, member.size = kind, "/etc/passwd", len(data)
            tar.addfile(member, io.BytesIO(data))
    with tarfile.open(folder / "bomb.tar", "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("x.png")
        member.size = 200_000_000
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    return sorted(folder.glob("*.tar"))


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../x.png", "text")
    return file.getvalue()


def feature_archives(marker: Path) -> dict[str, bytes]:
    """`.npz` files of frame features; none can be used."""

    def npz(**members: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, one in members.items():
                archive.writestr(f"{name}.npy", one)
        return file.getvalue()

    def npy(array) -> bytes:
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()

    good = npy(np.ones((2, 3, 6), np.float32))
    huge = good.replace(b"(2, 3, 6), ", b"(2, 3, 99999999999), ")
    return {
        "empty.npz": b"",
        "text.npz": b"PK no zip",
        "nothing.npz": npz(),
        "pickle.npz": npz(clip=pickled(marker)),
        "lengths.npz": npz(features=good, ids=npy(np.array(["a"]))),
        "huge.npz": npz(features=huge, ids=npy(np.array(["a", "b"]))),
        "bomb.npz": npz(clip=good.replace(b"(2, 3, 6), ", b"(90000000,), ")[:128] + bytes(100_000_000)),
        "cut.npz": npz(features=good, ids=npy(np.array(["a", "b"])))[:200],
    }
