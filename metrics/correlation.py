"""Rank correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation; values that are equal share the mean of their ranks.

    Args:
        first, second: one value a pair.

    Returns:
        -1 to 1; NaN for fewer than two pairs, or where all values of one side are equal.

    Raises:
        ValueError: the numbers of values differ.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values against {len(second)}.")
    ranks = [ranked(side) - (len(first) - 1) / 2 for side in (first, second)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float(ranks[0] @ ranks[1]) / spread if spread else float("nan")


def ranked(values: Sequence[float]) -> np.ndarray:
    """Ranks from 0, float64; equal values have the mean of theirs."""
    _, where, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    return (before + (counts - 1) / 2)[where]
