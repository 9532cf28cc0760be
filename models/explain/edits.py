"""Units held by hand: what would the network say if this unit were silent?

An edit replaces one unit's state c (where a cell has none, its output h) from a step on, after the step was computed; h
is then computed from the replaced c, and everything after follows. Edits become three numbers a unit and step,

    c ← keep · c_computed + freeze · c_before + value,

(1, 0, 0) where nothing is held, so that one compiled function serves every edit, and the derivative with respect to
`value` is the derivative with respect to c.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

Action = Literal["zero", "one", "freeze", "value"]
ACTIONS: tuple[Action, ...] = ("zero", "one", "freeze", "value")
KEEP, FREEZE, VALUE = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One unit held from one step on.

    Attributes:
        stream: name of the layer and direction, see `models.explain.readings.Stream`.
        unit: its index.
        action: "zero", "one" or "value", which are numbers; or "freeze", what it was after the step before `from_step`.
        from_step: the first step that is changed, in the stream's reading order, from 0.
        value: used by "value" only.
    """

    stream: str
    unit: int
    action: Action
    from_step: int
    value: float = 0.0

    def __post_init__(self):
        if self.action not in ACTIONS:
            raise ValueError(f"An edit must be one of {', '.join(ACTIONS)}, got {self.action!r}.")
        if self.unit < 0 or self.from_step < 0:
            raise ValueError(f"unit and from_step count from 0, got {self.unit} and {self.from_step}.")

    @property
    def number(self) -> float:
        """What the unit is set to, unless it is frozen."""
        return {"zero": 0.0, "one": 1.0}.get(self.action, self.value)


def holds(edits: Iterable[Edit], stream: str, steps: int, units: int) -> np.ndarray:
    """The edits of one stream as numbers: float32 (steps, 3, units), `KEEP`, `FREEZE` and `VALUE`.

    Later edits of the same unit win from their step on.

    Raises:
        ValueError: a unit that the stream does not have.
    """
    held = np.zeros((steps, 3, units), np.float32)
    held[:, KEEP] = 1
    for edit in edits:
        if edit.stream != stream:
            continue
        if edit.unit >= units:
            raise ValueError(f"{stream} has the units 0 to {units - 1}, not {edit.unit}.")
        frozen = edit.action == "freeze"
        held[edit.from_step :, :, edit.unit] = (0, frozen, 0 if frozen else edit.number)
    return held


def held_gates(cell, projected, state, held, recurrent_mask=None) -> dict[str, Any]:
    """`cell.gates` with units held.

    Args:
        cell, projected, state, recurrent_mask: see `models.layers`.
        held: (batch, 3, units) or (1, 3, units), one step of `holds`.
    """
    readings = cell.gates(projected, state, recurrent_mask)
    name = "cell" if "cell" in readings else "hidden"
    before = state[1] if name == "cell" else state[0]
    readings[name] = held[:, KEEP] * readings[name] + held[:, FREEZE] * before + held[:, VALUE]
    if name == "cell":
        readings["hidden"] = shown(cell, readings)
    return readings


def shown(cell, readings: dict[str, Any]):
    """h from the state c and the output gate, as `cell` computes it."""
    squash = getattr(cell, "output_activation", None) or getattr(cell, "activation", keras.ops.tanh)
    hidden = squash(readings["cell"])
    if "output" not in readings:
        return hidden
    gate = readings["output"]  # one for each unit, or one for each block of neighbours
    return ops.repeat(gate, hidden.shape[-1] // gate.shape[-1], axis=-1) * hidden


def held_step(cell, projected, state, held):
    """`cell.step` with units held: (output, new state)."""
    readings = held_gates(cell, projected, state, held)
    new = [readings["hidden"], readings["cell"]] if "cell" in readings else [readings["hidden"]]
    return readings["hidden"], new
