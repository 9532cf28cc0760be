"""Padded, bucketed batches whose order follows from a seed and the epoch alone, so that a run can resume anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pad(sequences: Sequence[Sequence[int]], width: int = 0, pad_id: int = 0) -> np.ndarray:
    """Pads on the right.

    Args:
        sequences: ids, one sequence a row.
        width: the width to pad to, where it is more than the longest sequence.
        pad_id: what to fill with.

    Returns:
        int32 (batch, time), at least one column.
    """
    width = max(1, width, max((len(sequence) for sequence in sequences), default=1))
    padded = np.full((len(sequences), width), pad_id, dtype=np.int32)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
    return padded


def plan_epoch(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Groups examples of like length, in an order that only `seed` and `epoch` decide.

    Examples are shuffled, sorted by length (shuffled ties stay shuffled), cut into batches, and the batches are
    shuffled.

    Args:
        lengths: int (examples,) or (examples, keys): what to sort by, first key first.
        batch_size: examples a batch; the one with what is left over may be smaller.
        seed: the run's seed.
        epoch: 0 for the first.

    Returns:
        One array of example numbers a batch.
    """
    generator = np.random.default_rng((seed, epoch))
    lengths = np.asarray(lengths).reshape(len(lengths), -1)
    shuffled = generator.permutation(len(lengths))
    order = shuffled[np.lexsort(lengths[shuffled].T[::-1])]
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[number] for number in generator.permutation(len(batches))]


def vary_widths(lengths: Sequence[int], multiple: int = 1) -> list[int]:
    """Widths for batches, no two neighbours alike.

    Keras infers from the first two batches that it meets, which may be any two neighbours when a run resumes, which
    dimensions vary. So a batch whose width equals its predecessor's gets more padding.

    Args:
        lengths: the longest sequence of each batch.
        multiple: round widths up to a multiple of this.
    """
    widths: list[int] = []
    for length in lengths:
        width = -(-int(length) // multiple) * multiple
        widths.append(width + multiple * (bool(widths) and width == widths[-1]))
    return widths
