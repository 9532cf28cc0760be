"""Photos from outside: what is read, what is refused, and how they are prepared."""

import io
import struct
import tarfile
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from data.photos import PhotoFiles, PhotoRefused, open_photo, region_views, squash, view_of


def content(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(size=(40, 30), colour=(200, 10, 10), mode="RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_the_usual_formats_are_read(kind):
    photo = open_photo(content(plain(), kind))
    assert photo.image.mode == "RGB" and photo.image.size == (40, 30) and not photo.notices
    assert np.abs(np.asarray(photo.image)[5, 5].astype(int) - [200, 10, 10]).max() < 12


@pytest.mark.parametrize(
    "bad, says",
    [
        (b"", "empty"),
        (b"This is text.", "no photo"),
        (content(Image.effect_noise((64, 64), 50), "JPEG")[:900], "damaged"),
        (content(Image.effect_noise((64, 64), 50))[:900], "damaged"),
        (bomb(30_000, 30_000), "megapixels"),
        (bomb(9_000, 9_000), "9,000 × 9,000"),
        (content(plain((1, 1))), "at least 16"),
        (content(plain((8000, 10))), "at least 16"),
        (content(plain((8000, 20))), "20 times"),
    ],
    ids=["empty", "text", "cut-jpeg", "cut-png", "bomb", "large", "1x1", "8000x10", "8000x20"],
)
def test_what_is_no_photo_to_ask_about_is_refused_with_a_reason(bad, says):
    with pytest.raises(PhotoRefused, match=says):
        open_photo(bad)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked():
    hostile = bomb(30_000, 30_000)
    tracemalloc.start()
    with pytest.raises(PhotoRefused):
        open_photo(hostile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_cmyk_grey_palettes_and_16_bits_become_rgb():
    for image, kind in (
        (plain(colour=(0, 240, 240, 0), mode="CMYK"), "JPEG"),
        (plain(colour=128, mode="L"), "PNG"),
        (plain().convert("P"), "PNG"),
        (Image.fromarray(np.full((30, 40), 257 * 128, np.uint16)), "PNG"),
    ):
        assert open_photo(content(image, kind)).image.mode == "RGB"
    deep = open_photo(content(Image.fromarray(np.full((30, 40), 257 * 128, np.uint16)))).image
    assert np.asarray(deep).max() == np.asarray(deep).min() == 128


def test_transparent_parts_become_white():
    image = open_photo(content(plain(colour=(10, 20, 30, 0), mode="RGBA"))).image
    assert np.asarray(image).min() == 255


def test_of_an_animation_the_first_frame_is_taken_and_said_so():
    first, second = plain(colour=(255, 0, 0)), plain(colour=(0, 0, 255))
    photo = open_photo(content(first, "GIF", save_all=True, append_images=[second]))
    assert tuple(np.asarray(photo.image)[0, 0]) == (255, 0, 0)
    assert "first frame" in photo.notices[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_their_camera_held_them(orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = 255  # white at the top left
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo(upright)))
    image = open_photo(content(stored, "PNG", exif=exif)).image
    assert np.array_equal(np.asarray(image), upright)


def test_a_photo_is_squashed_whole():
    image = Image.new("RGB", (200, 50), "black")
    image.paste("white", (100, 0, 200, 50))
    square = squash(image, 20)
    assert square.shape == (20, 20, 3) and square[:, :9].max() == 0 and square[:, 11:].min() == 255


def test_view_0_is_the_photo_and_others_are_crops_that_a_name_decides():
    assert view_of("a.jpg", 0).box == (0, 0, 1, 1) and not view_of("a.jpg", 0).mirrored
    views = [view_of(f"{n}.jpg", 1, least_area=0.5) for n in range(200)]
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (view.box for view in views)]
    assert min(areas) > 0.4 and max(areas) <= 1.0 + 1e-9
    assert 60 < sum(view.mirrored for view in views) < 140
    assert view_of("a.jpg", 1) == view_of("a.jpg", 1) != view_of("b.jpg", 1)


def test_photos_of_a_tar_are_those_of_a_folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(content(plain(colour=(number * 80, 0, 0))))
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        for number in (2, 0, 1):
            tar.add(folder / f"{number}.png", arcname=f"photos/{number}.png")
    loose, packed = PhotoFiles(folder), PhotoFiles(tmp_path / "photos.tar")
    names = ["0.png", "1.png", "2.png"]
    for name in names:
        assert loose.size(name) == packed.size(name)
        assert loose.open(name).image.tobytes() == packed.open(name).image.tobytes()
    assert packed.order(names) == [2, 0, 1]
    for files in (loose, packed):
        with pytest.raises(FileNotFoundError, match=r"No photo 9\.png"):
            files.open("9.png")
    with pytest.raises(FileNotFoundError):
        PhotoFiles(tmp_path / "nowhere")
    (tmp_path / "bad.tar").write_bytes(b"no tar")
    with pytest.raises(ValueError, match="no tar file"):
        PhotoFiles(tmp_path / "bad.tar")


def test_a_grid_covers_a_photo_row_by_row():
    image = Image.new("RGB", (60, 30), "black")
    image.paste("white", (40, 15, 60, 30))
    parts = region_views(image, rows=2, columns=3, size=10)
    assert [np.asarray(part).mean() > 200 for part in parts] == [False] * 5 + [True]
