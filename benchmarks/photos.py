"""Photos as users have them: the SavedModel beside `predict`, memory, bad photos, and captions of other photos.

    python -m benchmarks.photos [--model NAME] [--only parity memory captions] [--report FILE.json]

The photos come with scikit-image; those that are missing to twenty are parts of them. "parity" exports the model and
asks both for the same photos. "memory" starts `predict` in a process of its own for each kind of photo and reads how
much memory it held at most. "captions" writes the table of the model card.
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from benchmarks import measuring

WANTED = 20
LIMIT = 1.5 * 2**30
PARTS = ("parity", "memory", "captions")
CROP = (0.1, 0.05, 0.75, 0.8)


def photos(count: int = WANTED) -> dict[str, bytes]:
    """Upright 8-bit RGB photos by name, as PNG or JPEG files: scikit-image's, then parts of them."""
    from PIL import Image

    from apps.image_captioning.samples import folder

    place = folder()
    if place is None:
        raise SystemExit("The photos come with scikit-image: pip install scikit-image")
    found: dict[str, bytes] = {}
    for path in sorted([*place.glob("*.png"), *place.glob("*.jpg")]):
        with Image.open(path) as image:
            if image.mode == "RGB" and min(image.size) >= 100:
                found[path.name] = path.read_bytes()
    for name in list(found):
        if len(found) >= count:
            break
        image = Image.open(io.BytesIO(found[name])).convert("RGB")
        box = tuple(round(share * side) for share, side in zip(CROP, 2 * image.size, strict=True))
        file = io.BytesIO()
        image.crop(box).save(file, "PNG")
        found[f"part of {name}"] = file.getvalue()
    return dict(list(found.items())[:count])


def parity(captioner: Any, files: dict[str, bytes]) -> dict[str, Any]:
    """How far the pixels in the graph are from Pillow's, and how many captions are the same.

    Returns:
        `pixels`: by photo the mean difference in steps of 1/255; `same`: photos with the same caption; `differ`: the
        two captions of the others.
    """
    import numpy as np
    import tensorflow as tf

    from apps.image_captioning.exporting import export
    from data.photos import open_photo, squash
    from serving.signatures.photo import PhotoReader

    reader, pixels = PhotoReader(captioner.size, captioner.recipe.max_length), {}
    for name, content in files.items():
        inside = reader(tf.constant([content])).source.numpy()[0]
        ours = squash(open_photo(content).image, captioner.size).astype(np.float32)
        pixels[name] = round(float(np.abs(inside - ours).mean()), 3)
    said = [one.caption for one in captioner.predict(list(files.values()))]
    with tempfile.TemporaryDirectory() as folder:
        export(captioner, Path(folder))
        loaded = tf.saved_model.load(folder)
        answers = loaded.signatures["serving_default"](image_bytes=tf.constant(list(files.values())))
    served = [text.decode() for text in answers["caption"].numpy()]
    pairs = zip(files, said, served, strict=True)
    differ = {name: [ours, theirs] for name, ours, theirs in pairs if ours != theirs}
    return {"pixels": pixels, "same": len(files) - len(differ), "differ": differ}


def bomb(width: int, height: int) -> bytes:
    """A PNG of one black bit a pixel: small, and huge when it is decoded."""
    squeeze, row = zlib.compressobj(9), b"\0" * (1 + -(-width // 8))
    packed = b"".join([*(squeeze.compress(row) for _ in range(height)), squeeze.flush()])

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def large(width: int = 7000, height: int = 7000) -> bytes:
    """About the largest photo that is not refused."""
    from PIL import Image

    file = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG", quality=60)
    return file.getvalue()


def folder_of_a_hundred(folder: Path, content: bytes) -> Path:
    """A hundred photos, one of which is cut off."""
    folder.mkdir()
    for number in range(100):
        cut = len(content) // 2 if number == 57 else len(content)
        (folder / f"{number:03d}.png").write_bytes(content[:cut])
    return folder


def memory(model: str) -> dict[str, dict[str, Any]]:
    """What `predict` makes of each kind of photo: exit code, seconds, answers, and the most memory that it held."""
    content = next(iter(photos(1).values()))
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        kinds = {"a photo": content, "49 megapixels": large(), "30,000 × 30,000": bomb(30_000, 30_000)}
        kinds["8,000 × 10"] = bomb(8_000, 10)
        asked = {}
        for number, (kind, body) in enumerate(kinds.items()):
            path = place / f"{number}.png"
            path.write_bytes(body)
            asked[kind] = ["--image", str(path)]
        asked["a hundred, one cut off"] = ["--input", str(folder_of_a_hundred(place / "many", content))]
        for kind, flags in asked.items():
            command = [sys.executable, "-m", "apps.image_captioning", "predict", "--model", model, *flags]
            done = measuring.watched(command)
            rows[kind] = {name: done[name] for name in ("rc", "seconds", "peak")}
            rows[kind] |= {"answers": len(done["out"].splitlines()), "said": done["err"].strip().splitlines()[-2:]}
    return rows


def main() -> int:
    """Measures and prints; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="flickr8k", help="a model folder or a shipped one")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--report", type=Path, help="write everything as JSON")
    args = parser.parse_args()
    report: dict[str, Any] = {}
    if "memory" in args.only:  # first: the processes have the machine's memory for themselves
        report["memory"] = memory(args.model)
        for kind, row in report["memory"].items():
            print(
                f"{kind:26}{row['peak'] / 2**30:6.2f} GiB {row['seconds']:6.1f} s, exit {row['rc']}, "
                f"{row['answers']} answers {' '.join(row['said']) if row['rc'] else ''}"
            )
    if {"parity", "captions"} & {*args.only}:
        from apps.image_captioning.card import other_photos
        from apps.image_captioning.task import ImageCaptioningTask
        from serving import store

        captioner = ImageCaptioningTask().open(store.resolve(args.model, "image_captioning"))
        if "parity" in args.only:
            found = report["parity"] = parity(captioner, photos())
            worst = max(found["pixels"].values())
            print(
                f"pixels in the graph: mean difference at most {worst:.2f} of 255 steps, {len(found['pixels'])} photos"
            )
            print(f"same caption: {found['same']} of {len(found['pixels'])}; {found['differ'] or ''}")
        if "captions" in args.only:
            report["captions"] = other_photos(captioner)
            print(report["captions"])
    measuring.write_report(args.report, {**measuring.machine(), **report})
    return 0 if kept(report) else 1


def kept(report: dict[str, Any]) -> bool:
    """Whether the limits are kept: 1.5 GiB, 1/255 a pixel, 19 of 20 captions."""
    parts = report.get("parity", {"pixels": {"": 0.0}, "same": WANTED})
    peaks = [row["peak"] for row in report.get("memory", {}).values()]
    return max(peaks, default=0) < LIMIT and max(parts["pixels"].values()) <= 1.0 and parts["same"] >= WANTED - 1


if __name__ == "__main__":
    sys.exit(main())
