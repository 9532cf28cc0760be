"""The Large Movie Review Dataset (Maas et al. 2011): 25,000 reviews to train on, 25,000 to test, 50,000 unlabelled."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data.corpora.labelled import MAX_FIELD, Example

LABELS = ("negative", "positive")
SPLITS = ("train", "test", "unsup")
ARCHIVES = ("aclImdb_v1.tar.gz", "aclImdb_v1.tar.xz", "aclImdb.tar.gz", "aclImdb.tar.xz")
_FOLDERS = {
    ("train", "neg"): ("train", "negative"),
    ("train", "pos"): ("train", "positive"),
    ("test", "neg"): ("test", "negative"),
    ("test", "pos"): ("test", "positive"),
    ("train", "unsup"): ("unsup", ""),
}


class Review(NamedTuple):
    """One review.

    Attributes:
        split: one of `SPLITS`.
        example: its text, with `<br />` in it, and its label.
    """

    split: str
    example: Example


def read(directory: str | Path, splits: tuple[str, ...] = SPLITS) -> Iterator[Review]:
    """Reads the reviews one by one, from the archive as it is fetched or from its folder; nothing is unpacked.

    Args:
        directory: holds `aclImdb_v1.tar.gz` (or .xz) or the folder `aclImdb`, itself or in a folder `imdb`; or is
            one of these.
        splits: which parts.

    Raises:
        FileNotFoundError: none of these is there; the message names what was looked for.
        ValueError: the archive is damaged, or a review is not UTF-8.
    """
    place = find(directory)
    files = _in_folder(place) if place.is_dir() else _in_archive(place)
    try:
        for parts, name, content in files:
            split, label = _FOLDERS[parts]
            if split in splits:
                yield Review(split, Example(_decode(content(), place, name), label))
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise ValueError(f"{place} is not a whole archive ({error}). Fetch it again.") from None


def find(directory: str | Path) -> Path:
    """The archive or the folder.

    Raises:
        FileNotFoundError: neither.
    """
    directory = Path(directory)
    if directory.is_file():
        return directory
    for folder in (directory, directory / "imdb"):
        for candidate in (folder, folder / "aclImdb"):
            if (candidate / "train" / "pos").is_dir():
                return candidate
        for name in ARCHIVES:
            if (folder / name).is_file():
                return folder / name
    raise FileNotFoundError(
        f"No {ARCHIVES[0]} and no folder aclImdb in {directory} or {directory / 'imdb'}. Give the corpus with "
        "--data-dir, or name its folder in CARROUSEL_DATA."
    )


def _decode(raw: bytes, place: Path, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{place}, {name}: not UTF-8. Fetch the corpus again.") from None


def _in_archive(path: Path):
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            parts = tuple(member.name.split("/")[-3:-1])
            if member.isfile() and parts in _FOLDERS and member.name.endswith(".txt"):
                file = archive.extractfile(member)
                assert file is not None
                yield parts, member.name, partial(file.read, MAX_FIELD)


def _in_folder(folder: Path):
    for parts in _FOLDERS:
        for path in sorted((folder.joinpath(*parts)).glob("*.txt")):
            yield parts, str(path.relative_to(folder)), path.read_bytes
