"""Why a classifier decided: its verdict on every beginning of a text, what each word contributed, and its gates.

**Contributions** are integrated gradients (Sundararajan, Taly & Yan 2017, equation 1): on the straight path from a
text of `<unk>` alone to the text itself, the gradient of the log-odds of one class is averaged, and multiplied by the
way that each word's embedding went. They are complete: their sum is the log-odds of the text less those of the text of
`<unk>`. The average is taken over finitely many points, denser where the log-odds change fast, and more of them until
that sum is right; what is left is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops

from models import backend
from models.explain.readings import Reading, Recorder, Stream, streams_of

STEPS = (24, 96)
"""Points on the path, tried in this order."""
SOUNDINGS = 32
"""Pieces of the path at whose ends the log-odds are looked at first."""
TOLERANCE = 0.02
"""The share of the whole change that the contributions may miss it by, before more points are taken."""
MOST_WORDS = 12_000
"""Words, padding included, that are read or differentiated at once."""


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """What each token of a text contributed to one class.

    Attributes:
        contributions: float32 (time,), in log-odds: positive ones speak for the class.
        log_odds: of the class: its log-probability less that of all others together.
        baseline: the same of the text with every word `<unk>`.
        steps: points on the path.
    """

    contributions: np.ndarray
    log_odds: float
    baseline: float
    steps: int

    @property
    def gap(self) -> float:
        """What the sum of the contributions misses the change of the log-odds by; 0 where they are complete."""
        return float(self.contributions.sum()) - (self.log_odds - self.baseline)


class ClassifierExplainer:
    """Looks into one classifier.

    Args:
        model: a `models.classifier.RecurrentClassifier`.
        eos_id: the token at the end of a text.
        unknown_id: the token that says nothing.
    """

    def __init__(self, model, eos_id: int, unknown_id: int):
        self.model, self.eos_id, self.unknown_id = model, eos_id, unknown_id
        self.streams: tuple[Stream, ...] = streams_of(model, name="layer")

    def prefixes(self, token_ids: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        """Logits of the text as if it had ended after so many tokens.

        Args:
            token_ids: a text, `</s>` at its end.
            lengths: numbers of tokens, `</s>` apart, rising.

        Returns:
            float32 (lengths, classes).
        """
        rows, found = list(lengths), []
        while rows:
            count = max(1, MOST_WORDS // (rows[min(len(rows), 64) - 1] + 1))
            here, rows = rows[: min(count, 64)], rows[min(count, 64) :]
            ids = np.zeros((len(here), here[-1] + 1), np.int32)
            for row, length in enumerate(here):
                ids[row, : length + 1] = [*token_ids[:length], self.eos_id]
            found.append(np.asarray(self._logits(ids)))
        return np.concatenate(found) if found else np.zeros((0, self.model.classes), np.float32)

    def attribute(self, token_ids: Sequence[int], target: int, steps: Sequence[int] = STEPS) -> Attribution:
        """Integrated gradients of the log-odds of one class.

        Args:
            token_ids: a text, `</s>` at its end, which is in the baseline as well and contributes nothing.
            target: the class, counted from 0.
            steps: points on the path, tried in this order until the sum is right.
        """
        ids = np.array([token_ids], np.int32)
        baseline = np.where(ids == self.eos_id, self.eos_id, self.unknown_id).astype(np.int32)
        sounded = self._sound(ids, baseline, target)
        found = None
        for count in steps:
            found = Attribution(
                contributions=self._integrate(ids, baseline, target, *points(sounded, count)),
                log_odds=float(sounded[-1]),
                baseline=float(sounded[0]),
                steps=count,
            )
            if abs(found.gap) <= TOLERANCE * max(1.0, abs(found.log_odds - found.baseline)):
                break
        assert found is not None
        return found

    def read(self, token_ids: Sequence[int]) -> list[Reading]:
        """Every gate, state and output of every layer along a text, in one forward pass."""
        kept, starts = self._read(np.array([token_ids], np.int32))
        return [
            Reading(
                stream=stream,
                series={name: np.asarray(value)[0] for name, value in series.items()},
                start=dict(zip(("hidden", "cell"), (np.asarray(one)[0] for one in start), strict=False)),
            )
            for stream, series, start in zip(self.streams, kept, starts, strict=True)
        ]

    def _sound(self, ids: np.ndarray, baseline: np.ndarray, target: int) -> np.ndarray:
        """The log-odds at evenly spread points of the path, its ends among them."""
        places = np.linspace(0, 1, SOUNDINGS + 1, dtype=np.float32)
        at_once = max(1, MOST_WORDS // ids.shape[1])
        parts = [places[first : first + at_once] for first in range(0, len(places), at_once)]
        return np.concatenate([np.asarray(self._along(ids, baseline, part, target)) for part in parts])

    def _integrate(self, ids, baseline, target: int, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The weighted sum over points, a few of them at once."""
        at_once = max(1, MOST_WORDS // ids.shape[1])
        total = np.zeros(ids.shape[1], np.float64)
        for first in range(0, len(places), at_once):
            here = slice(first, first + at_once)
            total += np.asarray(self._gradients(ids, baseline, places[here], weights[here], target))
        return total.astype(np.float32)

    @cached_property
    def _logits(self) -> Callable:
        return backend.compiled(lambda ids: self.model(ids, training=False), [((None, None), "int32")])

    def _path(self, ids, baseline, places):
        """Embeddings on the straight path, (places, time, features), the way (1, time, features), and the mask."""
        end, mask = self.model.embed(ids)
        start, _ = self.model.embed(baseline)
        path = start + ops.reshape(places, (-1, 1, 1)) * (end - start)
        return path, end - start, ops.repeat(mask, ops.shape(places)[0], axis=0)

    @cached_property
    def _along(self) -> Callable:
        def function(ids, baseline, places, target):
            path, _, mask = self._path(ids, baseline, places)
            return log_odds(self.model.classify(path, mask), target)

        return backend.compiled(function, [*_PATH, ((), "int32")])

    @cached_property
    def _gradients(self) -> Callable:
        def function(ids, baseline, places, weights, target):
            path, way, mask = self._path(ids, baseline, places)

            def odds(embedded):
                return log_odds(self.model.classify(embedded, mask), target)

            (gradients,) = backend.gradients(odds, path)
            averaged = ops.sum(gradients * ops.reshape(weights, (-1, 1, 1)), axis=0)
            return ops.sum(averaged * way[0], axis=-1)

        return backend.compiled(function, [*_PATH, ((None,), "float32"), ((), "int32")])

    @cached_property
    def _read(self) -> Callable:
        def function(ids) -> tuple[Any, Any]:
            recorder = Recorder()
            self.model.classify(*self.model.embed(ids), run=recorder)
            return recorder.kept, recorder.starts

        return backend.compiled(function, [((1, None), "int32")])


_PATH: list[Any] = [((1, None), "int32"), ((1, None), "int32"), ((None,), "float32")]


def points(sounded: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where to differentiate on a path, and by how much each point counts: the midpoint rule on uneven pieces.

    Half of the points are spread evenly, half so that between two of them the log-odds change by as much as between any
    others.

    Args:
        sounded: (soundings,), the log-odds at evenly spread points from 0 to 1.
        count: how many points.

    Returns:
        places, weights: float32 (count,); the weights add up to 1.
    """
    change = np.abs(np.diff(np.asarray(sounded, np.float64)))
    even = np.full(len(change), 1 / len(change))
    density = 0.5 * even + 0.5 * (change / change.sum() if change.sum() > 0 else even)
    reached = np.concatenate([[0.0], np.cumsum(density)])
    ends = np.interp(np.linspace(0, 1, count + 1), reached / reached[-1], np.linspace(0, 1, len(reached)))
    return ((ends[:-1] + ends[1:]) / 2).astype(np.float32), np.diff(ends).astype(np.float32)


def log_odds(logits, target):
    """log p / (1 - p) of one class. (batch, classes), int32 () → (batch,)."""
    classes = ops.arange(logits.shape[-1], dtype="int32")
    chosen = ops.expand_dims(classes, 0) == target
    own = ops.sum(ops.where(chosen, logits, 0.0), axis=-1)
    return own - ops.logsumexp(ops.where(chosen, -1e9, logits), axis=-1)
