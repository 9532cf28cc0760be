"""Photos to try: they come with scikit-image, and none is committed here."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

SAMPLES = {
    "a motorcycle": "motorcycle_left.png",
    "a cat": "chelsea.png",
    "an astronaut": "astronaut.png",
    "a cup of coffee": "coffee.png",
    "a rocket": "rocket.jpg",
}
"""What is seen → the file. The first opens the page: motorcycles alone are common in the shipped model's corpus."""


@cache
def folder() -> Path | None:
    """Where scikit-image keeps its photos; None where it is not installed. It is not imported: that takes a second."""
    found = find_spec("skimage")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) / "data" if places else None


def sample(name: str) -> bytes:
    """A sample photo's file.

    Raises:
        FileNotFoundError: scikit-image, or this photo in it, is not there.
    """
    place = folder()
    if place is None:
        raise FileNotFoundError("The sample photos come with scikit-image: pip install scikit-image.")
    return (place / SAMPLES[name]).read_bytes()
