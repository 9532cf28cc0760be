"""Clips as ready ResNet-152 features, each with one triple: subject, relation, object."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.corpora.captions import CaptionedItem
from data.corpora.lines import read_json

FOLDS = 5
FEATURES = "resnet152_6x2048.npz"


def read(directory: str | Path) -> list[CaptionedItem]:
    """Reads the clips that have a label, in a fixed shuffled order; the caption has three words, `stand-behind` one.

    Raises:
        FileNotFoundError: `labels.json` is missing.
        ValueError: a label is not three words.
    """
    path = find(directory) / "labels.json"
    labels = read_json(path)
    for name, label in labels.items():
        if len(label.split()) != 3:
            raise ValueError(f"{path}: {name} is no subject, relation and object: {label[:60]!r}.")
    names = [list(labels)[number] for number in np.random.default_rng(0).permutation(len(labels))]
    return [CaptionedItem(name=name, captions=(labels[name].replace("_", "-"),)) for name in names]


def fold(items: list[CaptionedItem], split: str, number: int) -> list[CaptionedItem]:
    """One part of one of five folds: a fifth to test, the next fifth to choose by, the rest to train on."""
    wanted = {"test": {number % FOLDS}, "val": {(number + 1) % FOLDS}}
    wanted["train"] = set(range(FOLDS)) - wanted["test"] - wanted["val"]
    return [item for place, item in enumerate(items) if place % FOLDS in wanted[split]]


def find(directory: str | Path) -> Path:
    """The folder with the corpus' files: `directory` itself, or `video_svo` in it."""
    inside = Path(directory) / "video_svo"
    return inside if inside.is_dir() else Path(directory)
