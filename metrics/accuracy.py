"""Accuracy of a classifier, the confusions behind it, and F1 a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def accuracy(guesses: Sequence[int] | np.ndarray, labels: Sequence[int] | np.ndarray) -> float:
    """Share of right guesses, 0 to 100.

    Raises:
        ValueError: there is nothing to score, or the two do not have the same length.
    """
    guesses, labels = _checked(guesses, labels)
    return 100.0 * float(np.mean(guesses == labels))


def confusion(guesses: Sequence[int] | np.ndarray, labels: Sequence[int] | np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) was taken for each (column). → int64 (classes, classes)."""
    guesses, labels = _checked(guesses, labels)
    return np.bincount(labels * classes + guesses, minlength=classes * classes).reshape(classes, classes)


def f1_scores(confusions: np.ndarray) -> np.ndarray:
    """F1 of each class, 0 to 100: 2 · right / (guessed + there); 0 where a class neither occurs nor is guessed."""
    right = np.diag(confusions).astype(np.float64)
    total = confusions.sum(axis=0) + confusions.sum(axis=1)
    return 100.0 * np.divide(2 * right, total, out=np.zeros_like(right), where=total > 0)


def _checked(guesses, labels) -> tuple[np.ndarray, np.ndarray]:
    guesses, labels = np.asarray(guesses, np.int64), np.asarray(labels, np.int64)
    if guesses.shape != labels.shape or not guesses.size:
        raise ValueError(f"One guess a label is needed, and at least one: got {guesses.size} and {labels.size}.")
    return guesses, labels
