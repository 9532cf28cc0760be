"""MSVD (Chen & Dolan 2011, ACL): short clips with about 40 captions each, in the official lists."""

from __future__ import annotations

from pathlib import Path

from data.corpora.captions import CaptionedItem
from data.corpora.lines import read_json, read_lines

SPLITS = {"train": "train_list.txt", "val": "val_list.txt", "test": "test_list.txt"}


def read(directory: str | Path, split: str) -> list[CaptionedItem]:
    """Reads one split's clip ids and captions; which of them have clips or features is another question.

    Args:
        directory: the folder with `captions.json.gz` (clip id → captions) and the three lists; a folder `msvd`
            inside is found too.
        split: "train", "val" or "test".

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or a clip of the list has no captions.
    """
    folder = find(directory)
    captions_path = folder / "captions.json.gz"
    captions = read_json(captions_path)
    names = [name for name in read_lines(folder / SPLITS[split]) if name]
    missing = [name for name in names if not captions.get(name)]
    if missing:
        raise ValueError(f"{folder / SPLITS[split]}: {missing[0]} has no captions ({len(missing):,} such).")
    return [CaptionedItem(name=name, captions=tuple(captions[name])) for name in names]


def clips(directory: str | Path) -> Path:
    """The folder with the clips as small mp4 files."""
    return find(directory) / "clips_small"


def find(directory: str | Path) -> Path:
    """The folder with the corpus' files: `directory` itself, or `msvd` in it."""
    inside = Path(directory) / "msvd"
    return inside if inside.is_dir() else Path(directory)
