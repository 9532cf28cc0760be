"""Flickr8k (Hodosh, Young & Hockenmaier 2013, JAIR 47): 8,000 photos, five captions each, from the official files."""

from __future__ import annotations

from pathlib import Path

from data.corpora.captions import CaptionedItem
from data.corpora.lines import read_lines

SPLITS = {"train": "trainImages", "val": "devImages", "test": "testImages"}


def read(directory: str | Path, split: str) -> list[CaptionedItem]:
    """Reads the photos' names and captions of one split.

    Args:
        directory: the folder with `Flickr8k.token.txt` (or `.gz`) and `Flickr_8k.trainImages.txt` and so on; a folder
            `flickr8k` inside is found too.
        split: "train", "val" or "test".

    Returns:
        In the order of the split's list. Photos outside the official lists are left out.

    Raises:
        FileNotFoundError: a file is missing; the message names what was looked for.
        ValueError: a line is not `NAME.jpg#N<TAB>caption`, or a photo of the split has no caption.
    """
    folder = find(directory)
    captions = _captions(_file(folder, "Flickr8k.token.txt"))
    path = _file(folder, f"Flickr_8k.{SPLITS[split]}.txt")
    names = [name.strip() for name in read_lines(path) if name.strip()]
    missing = [name for name in names if name not in captions]
    if missing:
        raise ValueError(f"{path}: {missing[0]} has no caption in Flickr8k.token.txt ({len(missing):,} such).")
    return [CaptionedItem(name=name, captions=tuple(captions[name])) for name in names]


def find(directory: str | Path) -> Path:
    """The folder with the corpus' files: `directory` itself, or `flickr8k` in it."""
    directory = Path(directory)
    inside = directory / "flickr8k"
    return inside if inside.is_dir() else directory


def photos(directory: str | Path) -> Path:
    """Where the photos are: a tar file or a folder.

    Raises:
        FileNotFoundError: neither is there.
    """
    folder = find(directory)
    for name in ("photos.tar", "photos", "Flicker8k_Dataset", "Flickr8k_Dataset", "Images"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"No photos in {folder}: looked for photos.tar, and for the folder Flicker8k_Dataset.")


def _captions(path: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        key, tab, caption = line.partition("\t")
        name, mark, _ = key.partition("#")
        if not (tab and mark and caption.strip()):
            raise ValueError(f"{path}, line {number:,}: expected NAME.jpg#0, a tab and a caption, got {line[:60]!r}.")
        captions.setdefault(name, []).append(caption.strip())
    return captions


def _file(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"No {name} or {name}.gz in {folder}. Give the corpus with --data-dir, or name its folder in CARROUSEL_DATA."
    )
