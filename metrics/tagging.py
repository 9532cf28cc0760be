"""Accuracy of tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def tag_accuracy(found: Sequence[Any] | np.ndarray, gold: Sequence[Any] | np.ndarray) -> float:
    """The share of words with the right tag.

    Args:
        found, gold: one tag a word, (words,).

    Returns:
        0 to 1; NaN where there are no words.

    Raises:
        ValueError: the numbers of words differ.
    """
    found, gold = np.asarray(found), np.asarray(gold)
    if found.shape != gold.shape:
        raise ValueError(f"{len(found):,} tags were found for {len(gold):,} words.")
    return float(np.mean(found == gold)) if len(gold) else float("nan")


def confusions(found: Sequence[str], gold: Sequence[str], count: int) -> list[tuple[str, str, int]]:
    """The most frequent mistakes.

    Args:
        found, gold: one tag a word.
        count: how many.

    Returns:
        (right tag, found tag, how often), the most frequent first.
    """
    counts: dict[tuple[str, str], int] = {}
    for right, other in zip(gold, found, strict=True):
        if right != other:
            counts[right, other] = counts.get((right, other), 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(right, other, times) for (right, other), times in ordered[:count]]
