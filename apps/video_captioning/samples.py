"""Clips to try: made of scikit-image's photos by a moving camera when they are first asked for; none is committed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

SECONDS, RATE, SIZE = 6.0, 8, (320, 240)
SAMPLES = {
    "a motorcycle": ("motorcycle_left.png",),
    "a cat": ("chelsea.png",),
    "an astronaut": ("astronaut.png",),
    "coffee, then a rocket": ("coffee.png", "rocket.jpg"),
}
"""What is seen → the photos that it is made of. The first opens the page."""


@cache
def folder() -> Path | None:
    """Where scikit-image keeps its photos; None where it is not installed. It is not imported: that takes a second."""
    found = find_spec("skimage")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) / "data" if places else None


def file_name(name: str) -> str:
    """What a sample is called as a file."""
    return f"{name.replace(',', '').replace(' ', '-')}.mp4"


@cache
def sample(name: str) -> bytes:
    """A sample clip's file, mp4.

    Raises:
        FileNotFoundError: scikit-image, or a photo in it, is not there.
        ImportError: PyAV is not installed.
    """
    from data.made_clips import camera, encode
    from data.photos import open_photo

    place = folder()
    if place is None:
        raise FileNotFoundError("The sample clips are made of scikit-image's photos: pip install scikit-image.")
    photos = [open_photo(place / file).image for file in SAMPLES[name]]
    return encode(camera(photos, SECONDS, RATE, SIZE), RATE)
