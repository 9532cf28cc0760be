"""Gate readings: for a finished path of tokens, every gate, candidate, state and output of every recurrent layer.

A `Recorder` stands in for `models.layers.recurrence.run_cell` while the network runs as it always does, and keeps what
the cells' own `gates` put out: what is drawn is what is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from models import backend
from models.explain.edits import held_gates


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One recurrent layer in one direction.

    Attributes:
        name: "encoder 1 forward", "encoder 1 backward", "decoder 1".
        side: "source" for the encoder's, "target" for the decoder's.
        cell: the cell's kind, a name of `models.layers.build.CELLS`.
        units: width of its output.
        reverse: it reads from the last column to the first.
    """

    name: str
    side: Literal["source", "target"]
    cell: str
    units: int
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one stream did along one sentence.

    Attributes:
        stream: which.
        series: by the names of the cell contract ("input", "forget", "output", "candidate", "update", "reset",
            "cell", "hidden"; those that the cell has), float32 (time, units) in the order of the sentence. A gate
            that a block shares has (time, blocks).
        start: the state before the first step, "hidden" and where it exists "cell", float32 (units,).
        gradient: float32 (time, units), the derivative of the written token's logit with respect to that step's state
            c (without c, its h); decoder only.
    """

    stream: Stream
    series: dict[str, np.ndarray]
    start: dict[str, np.ndarray]
    gradient: np.ndarray | None = None


def streams_of(encoder, decoder=None, name: str = "encoder") -> tuple[Stream, ...]:
    """The recurrent layers of a model in the order in which they run.

    Args:
        encoder: has its layers in `stack`; an encoder without any has none.
        decoder: has its layers in `cells`; None where nothing is written.
        name: what the encoder's layers are called.
    """
    found = []
    stack: Any = getattr(encoder, "stack", None)
    for level, cells in enumerate(stack.cells if stack is not None else ()):
        for number, cell in enumerate(cells):
            way = ("forward", "backward")[number]
            # A source that was turned round is read from its end by the forward cell.
            reverse = (number == 1) != bool(getattr(encoder, "reverse", False))
            called = f"{name} {level + 1} {way}" if len(cells) > 1 else f"{name} {level + 1}"
            kind = stack.settings["cell"]
            found.append(Stream(name=called, side="source", cell=kind, units=cell.units, reverse=reverse))
    for level, cell in enumerate(decoder.cells if decoder is not None else ()):
        found.append(
            Stream(name=f"decoder {level + 1}", side="target", cell=decoder.settings["cell"], units=cell.units)
        )
    return tuple(found)


@dataclass
class Recorder:
    """Runs cells one step after another, with units held where asked, and keeps every reading.

    Attributes:
        held: for each run to come, in order, (time, 3, units) of `models.explain.edits.holds` in reading order;
            empty where nothing is held.
        kept: for each run so far: gates and states by name, (batch, time, ·).
        starts: the state before each run.
    """

    held: Sequence[Any] = ()
    differentiable: bool = False
    kept: list[dict[str, Any]] = field(default_factory=list)
    starts: list[list[Any]] = field(default_factory=list)

    def __call__(self, cell, projected, state, mask=None, reverse=False, recurrent_mask=None):
        """As `models.layers.recurrence.run_cell`."""
        held = self.held[len(self.kept)] if self.held else None
        steps = [ops.swapaxes(projected, 0, 1)]
        if held is not None:
            steps.append(ops.flip(held, axis=0) if reverse else held)
        if mask is not None:
            steps.append(ops.expand_dims(ops.swapaxes(mask, 0, 1), -1))
        probe = cell.gates(projected[:, 0], list(state), recurrent_mask)  # for its names and shapes alone
        names = list(probe)

        def advance(before, step):
            if held is None:
                readings = cell.gates(step[0], list(before), recurrent_mask)
            else:
                readings = held_gates(cell, step[0], list(before), ops.expand_dims(step[1], 0), recurrent_mask)
            if mask is not None:
                for place, name in enumerate(_state_names(names)):
                    readings[name] = ops.where(step[-1], readings[name], before[place])
            after = tuple(readings[name] for name in _state_names(names))
            return after, tuple(readings[name] for name in names)

        like = tuple(keras.KerasTensor(probe[name].shape, probe[name].dtype) for name in names)
        final, outputs = backend.scan(
            advance, tuple(state), tuple(steps), like, reverse=reverse, differentiable=self.differentiable
        )
        kept = {name: ops.swapaxes(series, 0, 1) for name, series in zip(names, outputs, strict=True)}
        self.kept.append(kept)
        self.starts.append(list(state))
        return kept["hidden"], list(final)


def _state_names(names: Sequence[str]) -> tuple[str, ...]:
    return ("hidden", "cell") if "cell" in names else ("hidden",)


def read(encoder, decoder, source_ids, target_in, held: Sequence[Any] = ()):
    """Runs a model along a finished path, and keeps every reading.

    Args:
        encoder: has `embed` and `summarise`, see `models.encoders.text.TextEncoder`.
        decoder: a `models.decoder.RecurrentDecoder`.
        source_ids: int32 (batch, source time).
        target_in: int32 (batch, target time): `<s>` and the tokens but the last.
        held: for each stream its `edits.holds`, or empty.

    Returns:
        kept: for each stream its readings by name, (batch, time, ·), in the order in which the layer got its inputs.
        starts: for each stream the state before its first step.
        state: the decoder's start state.
    """
    recorder = Recorder(held)
    state = decoder.start(encoder.summarise(*encoder.embed(source_ids), run=recorder))
    decoder.run(decoder.embedding(target_in), state, run=recorder)
    return recorder.kept, recorder.starts, state


def logit_gradients(decoder, target_in, target_out, state, kept, starts, held):
    """The derivative of each written token's logit with respect to the state c that it was read from.

    All steps of one sentence are one batch: each starts from the state that the path had there, and only that step's
    output is differentiated.

    Args:
        target_in, target_out: int32 (1, time).
        state: the decoder's start state, of batch 1.
        kept, starts: of the decoder's streams, from `read`.
        held: their `edits.holds`.

    Returns:
        For each decoder layer (time, units).
    """
    layers = []
    for readings, start in zip(kept, starts, strict=True):
        names = _state_names(list(readings))
        series = [ops.concatenate([s[:, None], readings[n][:, :-1]], 1) for s, n in zip(start, names, strict=True)]
        layers.append([one[0] for one in series])
    time = ops.shape(target_in)[1]
    rest = {
        name: keras.tree.map_structure(lambda x: ops.repeat(x, time, axis=0), value) for name, value in state.items()
    }

    def logit(*values):
        from models.explain.edits import VALUE, held_step

        def advance(level, cell, projected, before):
            step = ops.concatenate([held[level][:, :VALUE], held[level][:, VALUE:] + values[level][:, None]], axis=1)
            return held_step(cell, projected, before, step)

        logits, _ = decoder.step(target_in[0], {**rest, "layers": layers}, advance)
        return ops.take_along_axis(logits, target_out[0][:, None], axis=1)

    return backend.gradients(logit, *[ops.zeros_like(one[:, 0]) for one in held])
