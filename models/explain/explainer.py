"""One trained model explained: readings, saliency and what is held, each by one compiled function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from models import backend
from models.explain import edits as editing
from models.explain.edits import Edit
from models.explain.influence import influence
from models.explain.readings import Reading, Stream, logit_gradients, read, streams_of

LONGEST = 400  # steps that an edit is written out for
AT_ONCE = 16  # steps differentiated in one batch: more would cost memory and gain no time


@dataclass(frozen=True, kw_only=True)
class Influence:
    """See `models.explain.influence.influence`; all in the order of the sentences, NumPy float32.

    Attributes:
        saliency: (T, S), signed.
        source_norms: (T, S).
        target_norms: (T, T).
    """

    saliency: np.ndarray
    source_norms: np.ndarray
    target_norms: np.ndarray


class Explainer:
    """Looks into one encoder–decoder.

    Args:
        encoder: has `embed` and `summarise`, see `models.encoders.text.TextEncoder`.
        decoder: a `models.decoder.RecurrentDecoder`.
        bos_id: the token that starts an answer.
        probes: random projections for the norms of derivatives, see `models.explain.influence`.
        source: shape and type of the encoder's input for one item.
    """

    def __init__(self, encoder, decoder, bos_id: int, probes: int = 2, source=((1, None), "int32")):
        self.encoder, self.decoder, self.bos_id = encoder, decoder, bos_id
        self.streams: tuple[Stream, ...] = streams_of(encoder, decoder)
        width = sum(stream.units for stream in self.streams if stream.side == "target")
        self.probes = np.random.default_rng(0).standard_normal((probes, width)).astype(np.float32)
        self.inner = sum(stream.side == "source" for stream in self.streams)
        self._source = source
        self._compiled: dict[str, Callable] = {}

    def read(self, source: np.ndarray, target_ids: Sequence[int], edits: Sequence[Edit] = ()) -> list[Reading]:
        """Every gate, state and output along a finished path, in one forward pass.

        Args:
            source: the encoder's input, of batch 1 and without padding.
            target_ids: what was written, `</s>` included where it was.
            edits: units held.
        """
        given = self._arguments(source, target_ids, edits)
        kept, starts, gradients = self._function("read")(*given)
        readings = []
        for number, stream in enumerate(self.streams):
            series = {name: np.asarray(value)[0] for name, value in kept[number].items()}
            if getattr(self.encoder, "reverse", False) and stream.side == "source":
                series = {name: value[::-1] for name, value in series.items()}
            start = dict(zip(("hidden", "cell"), (np.asarray(x)[0] for x in starts[number]), strict=False))
            gradient = np.asarray(gradients[number - self.inner]) if number >= self.inner else None
            readings.append(Reading(stream=stream, series=series, start=start, gradient=gradient))
        return readings

    def influence(self, source: np.ndarray, target_ids: Sequence[int], edits: Sequence[Edit] = ()) -> Influence:
        """Saliency and the norms of derivatives along a finished path, in one backward pass; arguments as in `read`."""
        source, target_in, target_out, *held = self._arguments(source, target_ids, edits)
        function = self._function("influence, edited" if edits else "influence")
        time, inner, parts = len(target_ids), self.inner, []
        for first in range(0, time, AT_ONCE):
            end = min(first + AT_ONCE, time)  # what comes later has no influence
            given = [source, target_in[:, :end], target_out[:, :end], np.arange(first, end, dtype=np.int32)]
            if edits:
                given += [*held[:inner], *(one[:end] for one in held[inner:])]
            found = [np.asarray(tensor) for tensor in function(*given)]
            parts.append([*found[:2], np.pad(found[2], [(0, 0), (0, time - end)])])
        saliency, source_norms, target_norms = (np.concatenate(part) for part in zip(*parts, strict=True))
        if getattr(self.encoder, "reverse", False):
            saliency, source_norms = saliency[:, ::-1], source_norms[:, ::-1]
        return Influence(saliency=saliency, source_norms=source_norms, target_norms=target_norms)

    def start(self, source: np.ndarray, edits: Sequence[Edit] = ()):
        """The decoder's start state, with the encoder's units held where an edit says so."""
        if not any(edit.stream == stream.name for edit in edits for stream in self.streams[: self.inner]):
            return self._function("start")(source)
        return self._function("start, edited")(source, *self._holds(edits, "source", self._columns(source)))

    def step(self, token_ids, state, held=()):
        """`decoder.step` with units held: `held` has (3, units) for each layer, see `held_at`; empty for none."""
        if not held:
            return self.decoder.step(token_ids, state)

        def advance(level, cell, projected, before):
            return editing.held_step(cell, projected, before, ops.expand_dims(held[level], 0))

        return self.decoder.step(token_ids, state, advance)

    def held_at(self, edits: Sequence[Edit]) -> Callable[[int], list[np.ndarray]]:
        """For `models.decoding.walk.search`: what `step` holds at a position."""
        held = self._holds(edits, "target", LONGEST)
        return lambda position: [one[min(position, LONGEST - 1)] for one in held]

    def check(self, edits: Sequence[Edit]) -> None:
        """Raises ValueError for an edit of a stream or a unit that the model does not have."""
        names = {stream.name: stream.units for stream in self.streams}
        for edit in edits:
            if edit.stream not in names:
                raise ValueError(f"There is no layer {edit.stream!r}; there are {', '.join(names)}.")
            editing.holds([edit], edit.stream, 1, names[edit.stream])

    def _columns(self, source) -> int:
        return int(np.shape(source)[1]) if self.inner else 0

    def _holds(self, edits: Sequence[Edit], side: str, steps: int) -> list[np.ndarray]:
        return [editing.holds(edits, one.name, steps, one.units) for one in self.streams if one.side == side]

    def _arguments(self, source, target_ids: Sequence[int], edits: Sequence[Edit]) -> list[Any]:
        self.check(edits)
        target_out = np.asarray([target_ids], np.int32)
        target_in = np.concatenate([np.full((1, 1), self.bos_id, np.int32), target_out[:, :-1]], axis=1)
        held = self._holds(edits, "source", self._columns(source)) + self._holds(edits, "target", len(target_ids))
        return [source, target_in, target_out, *held]

    def _function(self, name: str) -> Callable:
        if name not in self._compiled:
            path = [self._source, ((1, None), "int32"), ((1, None), "int32")]
            held = [((None, 3, stream.units), "float32") for stream in self.streams]
            function, signature = {
                "read": (self._read, path + held),
                "influence": (self._influence, [*path, ((None,), "int32")]),
                "influence, edited": (self._influence, [*path, ((None,), "int32"), *held]),
                "start": (self._start, path[:1]),
                "start, edited": (self._start, path[:1] + held[: self.inner]),
            }[name]
            self._compiled[name] = backend.compiled(function, signature)
        return self._compiled[name]

    def _read(self, source, target_in, target_out, *held):
        kept, starts, state = read(self.encoder, self.decoder, source, target_in, held)
        inner = self.inner
        gradients = logit_gradients(
            self.decoder, target_in, target_out, state, kept[inner:], starts[inner:], held[inner:]
        )
        return kept, starts, gradients

    def _influence(self, source, target_in, target_out, steps, *held):
        return influence(self.encoder, self.decoder, source, target_in, target_out, steps, self.probes, held)

    def _start(self, source, *held):
        from models.explain.readings import Recorder
        from models.layers.recurrence import run_cell

        run = Recorder(held) if held else run_cell
        return self.decoder.start(self.encoder.summarise(*self.encoder.embed(source), run=run))
