"""Whether probabilities mean what they say: expected calibration error, and temperature scaling (Guo et al. 2017)."""

from __future__ import annotations

import math

import numpy as np

BINS = 15


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities (n, classes) of logits divided by a temperature, as float64."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponentials = np.exp(scaled)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def nats(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log-probability of the right classes.

    Args:
        logits: (n, classes).
        labels: int (n,).
        temperature: what logits are divided by.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    highest = scaled.max(axis=-1)
    normalizer = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=-1))
    return float(np.mean(normalizer - scaled[np.arange(len(labels)), labels]))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """How far confidence is from accuracy (Guo et al. 2017, equation 3), 0 to 100.

    Texts are put into bins of equal width by the probability of the class that was chosen; the error is the mean
    distance between accuracy and mean confidence in a bin, weighted by the texts in it.

    Args:
        probabilities: (n, classes).
        labels: int (n,).
        bins: how many.
    """
    confidence, guesses = probabilities.max(axis=-1), probabilities.argmax(axis=-1)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for place in range(bins):
        here = places == place
        if here.any():
            error += here.mean() * abs(np.mean(guesses[here] == labels[here]) - confidence[here].mean())
    return 100.0 * float(error)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.05 to 20, that makes the right classes likeliest (Guo et al. 2017, section 4.2).

    The mean negative log-probability is convex in 1/T; golden-section search finds its lowest point in log T to three
    digits. Temperature moves no class past another, so accuracy stays.

    Args:
        logits: (n, classes), of texts that were not trained on.
        labels: int (n,).
    """
    low, high, ratio = math.log(0.05), math.log(20.0), (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if nats(logits, labels, math.exp(left)) <= nats(logits, labels, math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
