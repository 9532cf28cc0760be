"""The carrousel: how much of what a word wrote into the cell is still there, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.explain.influence import by_groups


def still_held(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is left of each word, from the norms of ∂c_t/∂(embedding of word j).

    Args:
        norms: (time, words).

    Returns:
        held: (words, time), 0 to 1, each word's norm as a share of its greatest value over time.
        written: (words,), 0 to 1, that greatest value as a share of the greatest of all words.
    """
    greatest = norms.max(axis=0, initial=0.0)
    held = np.divide(norms, greatest, out=np.zeros_like(norms), where=greatest > 0).T
    strongest = greatest.max(initial=0.0)
    return held, greatest / strongest if strongest else greatest


def word_norms(norms: np.ndarray, words: Sequence[Sequence[int]]) -> np.ndarray:
    """Frobenius norms of words from those of their tokens: (time, tokens) → (time, words)."""
    return np.sqrt(by_groups(np.square(norms), words))


def kept_within(forget: np.ndarray) -> np.ndarray:
    """Within one layer: the share of what step j added to c that is left after step t, ∏_{j < s ≤ t} f_s, a unit.

    Args:
        forget: (time, units), the forget gates.

    Returns:
        (time, time, units): [j, t], 1 where t = j, 0 where t < j.
    """
    steps = len(forget)
    kept = np.zeros((steps, *forget.shape), forget.dtype)
    for j in range(steps):
        kept[j, j] = 1
        for t in range(j + 1, steps):
            kept[j, t] = kept[j, t - 1] * forget[t]
    return kept
