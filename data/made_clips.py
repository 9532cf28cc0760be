"""Clips made of photos: the camera pans and zooms over each, then cuts to the next.

No clip is committed: what the page shows first, what the benchmarks decode, and what a captioner of clips may learn
from beside a corpus (`plan` and `film`) is made by this module.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

CODECS = ("libx264", "libopenh264", "mpeg4")
"""The first that this PyAV can write; browsers play all but the last."""
SHAKE = 0.01
"""Standard deviation of a shaking camera's place, as a share of the picture."""
MOST_FRAMES = 8
"""Of a clip that `plan` gives."""

Window = tuple[float, float, float]
"""Middle along and down, and the width seen, each as a share of the picture."""


def camera(
    photos: Sequence[Image.Image],
    seconds: float,
    rate: int,
    size: tuple[int, int],
    begin: Window = (0.42, 0.45, 0.95),
    end: Window = (0.55, 0.5, 0.7),
    shake: np.random.Generator | None = None,
) -> Iterator[np.ndarray]:
    """A moving look at photos, one after another, each for an equal time.

    Args:
        photos: RGB.
        seconds: length of the whole.
        rate: frames a second.
        size: width and height of the frames.
        begin, end: what is seen at a photo's first frame and at its last.
        shake: moves every frame by a hundredth of the picture or so, as a hand does; None holds still.

    Yields:
        uint8 (height, width, 3), RGB.
    """
    each = max(2, round(seconds * rate / len(photos)))
    for photo in photos:
        for number in range(each):
            share = number / (each - 1)
            smooth = share * share * (3 - 2 * share)
            x, y, wide = (a + (b - a) * smooth for a, b in zip(begin, end, strict=True))
            if shake is not None:
                x, y = shake.normal((x, y), SHAKE)
            yield _look(photo, x, y, wide, size)


def _look(photo: Image.Image, x: float, y: float, wide: float, size: tuple[int, int]) -> np.ndarray:
    """What a camera sees whose picture has the middle (x, y); it stays within the photo."""
    ratio = size[1] / size[0]
    width = wide * min(photo.width, photo.height / ratio)
    height = width * ratio
    left = min(max(0.0, x * photo.width - width / 2), photo.width - width)
    top = min(max(0.0, y * photo.height - height / 2), photo.height - height)
    seen = photo.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    return np.asarray(seen, np.uint8)


@dataclass(frozen=True, kw_only=True)
class MadeClip:
    """A clip to be made.

    Attributes:
        name: of the clip; decides how the camera moves.
        shots: the photos' names, and how many frames each is seen for.
    """

    name: str
    shots: tuple[tuple[str, int], ...]

    @property
    def about(self) -> str:
        """The photo that is seen longest: its captions are the clip's."""
        return max(self.shots, key=lambda shot: shot[1])[0]


def plan(photos: Sequence[str], number: int, seed: int = 0) -> list[MadeClip]:
    """Clips to be made of photos: half of one, half of two with a cut between.

    Two are never seen for the same time, so that it shows in the frames which of them a clip is about.

    Args:
        photos: their names; two at least.
        number: of clips.
        seed: decides which photos, in which order, and for how long.
    """
    generator = np.random.default_rng((seed, len(photos)))
    clips = []
    for count in range(number):
        first, second = (photos[one] for one in generator.choice(len(photos), 2, replace=False))
        frames = int(generator.integers(4, MOST_FRAMES + 1))
        shots = [(first, frames)]
        if generator.random() < 0.5:
            other = int(generator.integers(1, (frames - 1) // 2 + 1))  # less than half
            shots = [(first, frames - other), (second, other)][:: generator.choice((1, -1))]
        clips.append(MadeClip(name=f"made/{seed}-{count:05d}", shots=tuple(shots)))
    return clips


def film(clip: MadeClip, open_photo: Callable[[str], Image.Image], size: tuple[int, int]) -> np.ndarray:
    """The frames of a clip: the camera pans, zooms and shakes, elsewhere in every clip, and cuts between photos.

    Args:
        clip: see `plan`.
        open_photo: a photo's name → the photo, RGB.
        size: width and height of the frames.

    Returns:
        uint8 (frames, height, width, 3), RGB.
    """
    generator = np.random.default_rng(zlib.crc32(clip.name.encode()))
    frames: list[np.ndarray] = []
    for photo, number in clip.shots:
        begin, end = (
            (*generator.uniform(0.35, 0.65, 2).tolist(), float(generator.uniform(0.7, 1.0))) for _ in range(2)
        )
        moving = camera([open_photo(photo)], max(2, number), 1, size, begin, end, shake=generator)
        frames += list(moving)[:number]
    return np.stack(frames)


def encode(
    frames: Iterable[np.ndarray], rate: int, codec: str = "", bit_rate: int = 600_000, form: str = "mp4"
) -> bytes:
    """Frames as the bytes of a file.

    Args:
        frames: uint8 (height, width, 3), RGB, all of one even size; at least one.
        rate: frames a second.
        codec: of PyAV; empty takes the first of `CODECS` that is there.
        bit_rate: bits a second to aim at.
        form: the container.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: there is no frame.
    """
    import av

    codec = codec or next(name for name in CODECS if name in av.codecs_available)
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream: Any = None
        for number, frame in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=rate)
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt, stream.bit_rate, stream.gop_size = "yuv420p", bit_rate, 10 * rate
                if codec == "libx264":
                    stream.options = {"preset": "veryfast"}
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(picture))
        if stream is None:
            raise ValueError("There is no frame to make a clip of.")
        container.mux(stream.encode(None))
    return file.getvalue()
