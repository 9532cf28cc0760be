"""MSR-VTT (Xu et al. 2016, CVPR): clips with 20 captions each, in the official splits; here as a few frames a clip."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from data.corpora.captions import CaptionedItem
from data.corpora.lines import read_json, read_lines

SPLITS = {"train": "train", "val": "validate", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class CaptionedFrames(CaptionedItem):
    """A clip of which frames are at hand.

    Attributes:
        frames: their names in the tar file, in time order.
    """

    frames: tuple[str, ...]


def read(directory: str | Path, split: str) -> list[CaptionedFrames]:
    """Reads one split of the clips that have frames.

    Args:
        directory: the folder with `captions.json.gz` (clip → captions), `frames.csv.gz` (clip, split, number of frames)
            and `frames.tar` (`CLIP/0.jpg`, …); a folder `msrvtt` inside is found too.
        split: "train", "val" or "test".

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or a clip has no captions.
    """
    folder = find(directory)
    path = folder / "frames.csv.gz"
    rows = list(csv.DictReader(read_lines(path)))
    if not rows or not {"video_id", "split", "frames"} <= set(rows[0]):
        raise ValueError(f"{path}: expected the columns video_id, split and frames.")
    captions = _captions(folder / "captions.json.gz")
    items = []
    for row in rows:
        if row["split"] != SPLITS[split]:
            continue
        name = row["video_id"]
        if not captions.get(name):
            raise ValueError(f"{path}: {name} has no captions in captions.json.gz.")
        frames = tuple(f"{name}/{number}.jpg" for number in range(int(row["frames"])))
        items.append(CaptionedFrames(name=name, captions=tuple(captions[name]), frames=frames))
    return items


def read_frames(directory: str | Path, split: str) -> list[CaptionedItem]:
    """Reads one split with its frames as photos; names are those in `frames.tar`.

    Args:
        directory, split: see `read`.

    Returns:
        Of "train" every frame, with five captions of its clip (where there are so many), others than its neighbours';
        of the other splits each clip's middle frame, with all captions.

    Raises:
        FileNotFoundError, ValueError: see `read`.
    """
    clips = read(directory, split)
    if split != "train":
        return [CaptionedItem(name=clip.frames[len(clip.frames) // 2], captions=clip.captions) for clip in clips]
    return [
        CaptionedItem(name=frame, captions=clip.captions[number :: len(clip.frames)][:5] or clip.captions)
        for clip in clips
        for number, frame in enumerate(clip.frames)
    ]


def read_texts(directory: str | Path, split: str) -> list[CaptionedItem]:
    """Reads the captions of one split, of the clips without frames too.

    Args:
        directory: the folder with `captions.json.gz` and `videos.tsv.gz` (columns video_id and split); a folder
            `msrvtt` inside is found too.
        split: "train", "val" or "test".

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged.
    """
    folder = find(directory)
    path = folder / "videos.tsv.gz"
    rows = list(csv.DictReader(read_lines(path), delimiter="\t"))
    if not rows or not {"video_id", "split"} <= set(rows[0]):
        raise ValueError(f"{path}: expected the columns video_id and split.")
    captions = _captions(folder / "captions.json.gz")
    names = [row["video_id"] for row in rows if row["split"] == SPLITS[split]]
    return [CaptionedItem(name=name, captions=tuple(captions[name])) for name in names if captions.get(name)]


def frames(directory: str | Path) -> Path:
    """The tar file or the folder with the frames."""
    folder = find(directory)
    return folder / "frames.tar" if (folder / "frames.tar").is_file() else folder / "frames"


def find(directory: str | Path) -> Path:
    """The folder with the corpus' files: `directory` itself, or `msrvtt` in it."""
    inside = Path(directory) / "msrvtt"
    return inside if inside.is_dir() else Path(directory)


def _captions(path: Path) -> dict[str, list[str]]:
    return read_json(path)
