"""Clips made of photos: the camera pans and zooms over each, then cuts to the next.

No clip is committed: what the page shows first and what the benchmarks decode is made by this module.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

CODECS = ("libx264", "libopenh264", "mpeg4")
"""The first that this PyAV can write; browsers play all but the last."""

Window = tuple[float, float, float]
"""Middle along and down, and the width seen, each as a share of the picture."""


def camera(
    photos: Sequence[Image.Image],
    seconds: float,
    rate: int,
    size: tuple[int, int],
    begin: Window = (0.42, 0.45, 0.95),
    end: Window = (0.55, 0.5, 0.7),
) -> Iterator[np.ndarray]:
    """A moving look at photos, one after another, each for an equal time.

    Args:
        photos: RGB.
        seconds: length of the whole.
        rate: frames a second.
        size: width and height of the frames.
        begin, end: what is seen at a photo's first frame and at its last.

    Yields:
        uint8 (height, width, 3), RGB.
    """
    each = max(2, round(seconds * rate / len(photos)))
    for photo in photos:
        for number in range(each):
            share = number / (each - 1)
            smooth = share * share * (3 - 2 * share)
            x, y, wide = (a + (b - a) * smooth for a, b in zip(begin, end, strict=True))
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
