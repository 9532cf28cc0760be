"""A map of words: two numbers a word, so that words that are near in many dimensions stay near in two."""

from __future__ import annotations

import numpy as np

BLOCK = 512
NEGATIVES = 5
RATE = 0.2
LONGEST = 4.0
"""No point is moved further by one pull or push."""


def lay_out(unit: np.ndarray, neighbours: int = 15, epochs: int = 300, seed: int = 1) -> np.ndarray:
    """Places words by their nearest neighbours.

    Near words attract each other, words drawn at random push each other away; both by the gradient of the
    log-likelihood under 1 / (1 + d²). That is LargeVis (Tang et al. 2016, equations 3 to 6), with weights as UMAP has
    them (McInnes et al. 2018, section 3.1); the start is the two main components. Every epoch moves all points at once.

    Args:
        unit: float32 (words, width), vectors of length 1.
        neighbours: nearest words to keep near.
        epochs: rounds of pulls and pushes.
        seed: of what is drawn.

    Returns:
        float32 (words, 2), centred, within -1 to 1.
    """
    count = len(unit)
    if count < 3:
        return np.stack([np.linspace(-1, 1, count), np.zeros(count)], axis=1).astype(np.float32)
    sources, targets, weights = _edges(unit, min(neighbours, count - 1))
    generator = np.random.default_rng(seed)
    places = _main_components(unit)
    for epoch in range(epochs):
        rate = RATE * (1 - epoch / epochs)
        drawn = generator.random(len(weights)) < weights
        near, others = sources[drawn], targets[drawn]
        pull = places[others] - places[near]
        step = np.clip(2 * pull / (1 + (pull**2).sum(axis=1, keepdims=True)), -LONGEST, LONGEST)
        move = _sum_by(near, step, count) - _sum_by(others, step, count)
        for _ in range(NEGATIVES):
            push = places[near] - places[generator.integers(0, count, len(near))]
            squared = (push**2).sum(axis=1, keepdims=True)
            step = np.clip(2 * push / ((0.01 + squared) * (1 + squared)), -LONGEST, LONGEST)
            move += _sum_by(near, step, count)
        places = places + rate * move
    return _within(places)


def nearest(unit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest other words of each word by cosine.

    Returns:
        int (words, count), the nearest first, and their cosines, float32 (words, count).
    """
    found, cosines = [], []
    for start in range(0, len(unit), BLOCK):
        block = unit[start : start + BLOCK] @ unit.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        found.append(np.take_along_axis(best, order, axis=1))
        cosines.append(np.take_along_axis(values, order, axis=1))
    return np.concatenate(found), np.concatenate(cosines)


def _edges(unit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who attracts whom, and how strongly, 0 to 1: a word's nearest always, the others by their distance beyond it."""
    found, cosines = nearest(unit, count)
    beyond = np.maximum(0.0, cosines[:, :1] - cosines)
    spread = np.maximum(beyond.mean(axis=1, keepdims=True), 1e-6)
    weights = np.exp(-beyond / spread)
    return np.repeat(np.arange(len(unit)), count), found.ravel(), weights.ravel()


def _main_components(unit: np.ndarray) -> np.ndarray:
    """The start: the two directions in which the vectors differ most, ten wide."""
    centred = (unit - unit.mean(axis=0)).astype(np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    places = centred @ directions[:, -2:]
    if places.shape[1] < 2:
        places = np.concatenate([places, np.zeros_like(places)], axis=1)
    return 10 * places / max(float(np.abs(places).max()), 1e-12)


def _sum_by(rows: np.ndarray, steps: np.ndarray, count: int) -> np.ndarray:
    """The sum of the steps of each row. (edges,), (edges, 2) → (count, 2)."""
    return np.stack([np.bincount(rows, steps[:, axis], count) for axis in (0, 1)], axis=1)


def _within(places: np.ndarray) -> np.ndarray:
    """Centred by medians; what lies far outside is drawn to the edge, so that it takes no room."""
    places = places - np.median(places, axis=0)
    edge = np.quantile(np.abs(places), 0.998)
    return (np.clip(places / max(float(edge), 1e-12), -1, 1) * 0.98).astype(np.float32)
