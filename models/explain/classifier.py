"""Why a classifier decided: its verdict on every beginning of a text, what each word contributed, and its gates.

**Contributions** are integrated gradients (Sundararajan, Taly & Yan 2017, equation 1): on the straight path from a
text of `<unk>` alone to the text itself, the gradient of the log-odds of one class is averaged, and multiplied by the
way that each word's embedding went. They are complete: their sum is the log-odds of the text less those of the text of
`<unk>`. The average is taken over finitely many points, more of them until that sum is right; what is left is told.
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

STEPS = (16, 64, 256)
"""Points on the path, tried in this order."""
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
        ends = np.asarray(self._log_odds(np.concatenate([baseline, ids]), target))
        found = None
        for count in steps:
            found = Attribution(
                contributions=self._integrate(ids, baseline, target, count),
                log_odds=float(ends[1]),
                baseline=float(ends[0]),
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

    def _integrate(self, ids: np.ndarray, baseline: np.ndarray, target: int, steps: int) -> np.ndarray:
        """The midpoint rule with so many points, a few of them at once."""
        places = (np.arange(steps, dtype=np.float32) + 0.5) / steps
        at_once = max(1, MOST_WORDS // ids.shape[1])
        total = np.zeros(ids.shape[1], np.float64)
        for first in range(0, steps, at_once):
            total += np.asarray(self._gradients(ids, baseline, places[first : first + at_once], target))
        return (total / steps).astype(np.float32)

    @cached_property
    def _logits(self) -> Callable:
        return backend.compiled(lambda ids: self.model(ids, training=False), [((None, None), "int32")])

    @cached_property
    def _log_odds(self) -> Callable:
        def function(ids, target):
            return log_odds(self.model(ids, training=False), target)

        return backend.compiled(function, [((None, None), "int32"), ((), "int32")])

    @cached_property
    def _gradients(self) -> Callable:
        def function(ids, baseline, places, target):
            end, mask = self.model.embed(ids)
            start, _ = self.model.embed(baseline)
            rows = ops.shape(places)[0]
            way = end - start
            path = start + ops.reshape(places, (-1, 1, 1)) * way

            def odds(embedded):
                return log_odds(self.model.classify(embedded, ops.repeat(mask, rows, axis=0)), target)

            (gradients,) = backend.gradients(odds, path)
            return ops.sum(ops.sum(gradients, axis=0) * way[0], axis=-1)

        signature = [((1, None), "int32"), ((1, None), "int32"), ((None,), "float32"), ((), "int32")]
        return backend.compiled(function, signature)

    @cached_property
    def _read(self) -> Callable:
        def function(ids) -> tuple[Any, Any]:
            recorder = Recorder()
            self.model.classify(*self.model.embed(ids), run=recorder)
            return recorder.kept, recorder.starts

        return backend.compiled(function, [((1, None), "int32")])


def log_odds(logits, target):
    """log p / (1 - p) of one class. (batch, classes), int32 () → (batch,)."""
    classes = ops.arange(logits.shape[-1], dtype="int32")
    chosen = ops.expand_dims(classes, 0) == target
    own = ops.sum(ops.where(chosen, logits, 0.0), axis=-1)
    return own - ops.logsumexp(ops.where(chosen, -1e9, logits), axis=-1)
