"""Photos from outside made safe: within limits, upright, RGB, and squashed or cropped to the square a network reads."""

from __future__ import annotations

import io
import tarfile
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 25 * 10**6
MAX_PIXELS = 50 * 10**6
MIN_SIDE = 16
MAX_ASPECT = 20
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
"""What is read. Pillow knows more, some of them rarely looked at by anyone who would find a hole."""


class PhotoRefused(ValueError):
    """A photo that no model is asked about; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo that can be prepared for a network.

    Attributes:
        image: upright, RGB, 8 bits.
        notices: what was done to it, one sentence each, for the user to read.
    """

    image: Image.Image
    notices: tuple[str, ...] = ()


def open_photo(source: str | Path | bytes) -> Photo:
    """Reads a photo; its size is looked at before anything is decoded.

    EXIF rotation is applied; transparent parts become white; CMYK, grey, palettes and 16 bits become 8-bit RGB; of an
    animation the first frame is taken.

    Args:
        source: a file, or the bytes of one.

    Raises:
        PhotoRefused: it is no photo, is damaged, or is beyond the limits; the message says which.
        OSError: the file cannot be read.
    """
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise PhotoRefused("The file is empty.")
    if len(content) > MAX_BYTES:
        raise PhotoRefused(f"The file has {len(content) / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's word on large photos and odd EXIF; the limits here are lower
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            _check_size(image)
            return _upright(image)
    except PhotoRefused:
        raise
    except UnidentifiedImageError as error:
        raise PhotoRefused(f"This is no photo that can be read. {', '.join(FORMATS)} can.") from error
    except Image.DecompressionBombError as error:
        raise PhotoRefused(f"The photo has far more than {MAX_PIXELS / 1e6:.0f} megapixels.") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, zlib.error) as error:
        raise PhotoRefused("The photo is damaged or cut off.") from error
    except MemoryError as error:
        raise PhotoRefused("The photo does not fit into the memory.") from error


def _content(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)  # a file can be endless


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoRefused(
            f"The photo has {width:,} × {height:,} pixels; the limit is {MAX_PIXELS / 1e6:.0f} megapixels. Shrink it."
        )
    if min(width, height) < MIN_SIDE:
        raise PhotoRefused(f"The photo has {width:,} × {height:,} pixels; each side needs at least {MIN_SIDE}.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoRefused(
            f"The photo has {width:,} × {height:,} pixels; one side is over {MAX_ASPECT} times the other."
        )


def _upright(image: Image.Image) -> Photo:
    notices = []
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        notices.append("It is an animation; its first frame was taken.")
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return Photo(image=_rgb(image), notices=tuple(notices))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float32) / 257.0  # 16 bits; there is no way to tell that it is less
        return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def squash(image: Image.Image, size: int) -> np.ndarray:
    """The whole photo as a square, its aspect ratio lost, as in Flickr8k's copies: uint8 (size, size, 3).

    Bilinear with antialiasing; `serving.signatures.photo` does the same in the graph.
    """
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8)


@dataclass(frozen=True, kw_only=True)
class View:
    """A random look at a photo, for training.

    Attributes:
        box: left, top, right, bottom, as shares of width and height.
        mirrored: left and right are exchanged. Words for them in its captions must be too.
    """

    box: tuple[float, float, float, float]
    mirrored: bool

    def take(self, image: Image.Image, size: int) -> np.ndarray:
        """uint8 (size, size, 3)."""
        width, height = image.size
        left, top, right, bottom = self.box
        box = (left * width, top * height, right * width, bottom * height)
        seen = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
        if self.mirrored:
            seen = seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(seen, np.uint8)


def view_of(name: str, number: int, least_area: float = 0.6) -> View:
    """The view of a photo that its name and a number decide; number 0 is the whole photo as it is.

    Others crop to `least_area` up to all of it, at an aspect ratio of 3 : 4 to 4 : 3 (Szegedy et al. 2015, section 6,
    with tighter limits, since captions speak of the whole photo), and mirror half of them: the photos of users have not
    been squashed to squares as the corpus' have.
    """
    if number == 0:
        return View(box=(0.0, 0.0, 1.0, 1.0), mirrored=False)
    generator = np.random.default_rng((zlib.crc32(name.encode()), number))
    area, ratio = generator.uniform(least_area, 1.0), np.exp(generator.uniform(-1, 1) * np.log(4 / 3))
    width, height = min(1.0, np.sqrt(area * ratio)), min(1.0, np.sqrt(area / ratio))
    left, top = generator.uniform(0, 1 - width), generator.uniform(0, 1 - height)
    mirrored = bool(generator.integers(2))
    return View(box=(float(left), float(top), float(left + width), float(top + height)), mirrored=mirrored)


def region_views(image: Image.Image, rows: int, columns: int, size: int = 96) -> list[Image.Image]:
    """The photo cut into a grid, row by row, each part `size` pixels wide."""
    width, height = image.size
    parts = []
    for row in range(rows):
        for column in range(columns):
            box = (
                column * width / columns,
                row * height / rows,
                (column + 1) * width / columns,
                (row + 1) * height / rows,
            )
            tall = max(1, round(size * (box[3] - box[1]) / (box[2] - box[0])))
            parts.append(image.resize((size, tall), Image.Resampling.BILINEAR, box=box))
    return parts


class PhotoFiles:
    """Photos by name, from a folder or from a tar file, which is not unpacked.

    Args:
        place: the folder or the tar file. A tar that is compressed as a whole can only be read from its start: best is
            one that is not.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: the file is no tar.
    """

    def __init__(self, place: str | Path):
        self.place = Path(place)
        self._tar: tarfile.TarFile | None = None
        self._members: dict[str, tarfile.TarInfo] = {}
        if self.place.is_dir():
            return
        if not self.place.is_file():
            raise FileNotFoundError(f"No photos in {self.place}: there is no such folder or tar file.")
        try:
            self._tar = tarfile.open(self.place)
            for member in self._tar:
                if member.isfile():
                    self._members[member.name.removeprefix("./")] = member
                    self._members.setdefault(Path(member.name).name, member)
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{self.place} is no tar file that can be read ({error}).") from error

    def order(self, names: Sequence[str]) -> list[int]:
        """The names' numbers in the order in which reading them is quickest."""
        if self._tar is None:
            return list(range(len(names)))
        return sorted(range(len(names)), key=lambda number: self._member(names[number]).offset_data)

    def size(self, name: str) -> int:
        """A photo's bytes.

        Raises:
            FileNotFoundError: there is no such photo.
        """
        return self._member(name).size if self._tar else self._path(name).stat().st_size

    def open(self, name: str) -> Photo:
        """See `open_photo`.

        Raises:
            PhotoRefused: the message names the photo.
            FileNotFoundError: there is no such photo.
        """
        try:
            if self._tar is None:
                return open_photo(self._path(name))
            file = self._tar.extractfile(self._member(name))
            return open_photo(file.read(MAX_BYTES + 1) if file else b"")
        except PhotoRefused as error:
            raise PhotoRefused(f"{name} in {self.place}: {error}") from error

    def _member(self, name: str) -> tarfile.TarInfo:
        if name not in self._members:
            raise FileNotFoundError(f"No photo {name} in {self.place}.")
        return self._members[name]

    def _path(self, name: str) -> Path:
        path = self.place / name
        if not path.is_file():
            raise FileNotFoundError(f"No photo {name} in {self.place}.")
        return path
