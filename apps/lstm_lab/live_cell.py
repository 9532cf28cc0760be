"""The live cell: one unit of each kind on one drawn sequence, with stories that show what a gate is for.

Everything that moves is computed in the browser (`widget/live_cell.js`); this module says where it starts, and a
test checks that each story's cell does what its text promises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.lstm_lab.units import Weights

STEPS = 16


@dataclass(frozen=True, kw_only=True)
class Story:
    """Scalar weights for one LSTM unit, one GRU unit and one plain unit, and the input they are shown on.

    Attributes:
        key: short name, kept in the address.
        title: what the choice says.
        text: what to look at, one or two sentences.
        inputs: STEPS numbers in [−1, 1].
        lstm_input, lstm_recurrent, lstm_bias: four numbers each, columns i, f, c, o.
        lstm_peephole: input, forget, output.
        gru_input, gru_recurrent, gru_bias: three numbers each, columns z, r, h.
        rnn: weight of x, weight of h, bias.
        peepholes: whether they are switched on at first.
    """

    key: str
    title: str
    text: str
    inputs: tuple[float, ...]
    lstm_input: tuple[float, float, float, float]
    lstm_recurrent: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    lstm_bias: tuple[float, float, float, float]
    lstm_peephole: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gru_input: tuple[float, float, float]
    gru_recurrent: tuple[float, float, float] = (0.0, 0.0, 1.0)
    gru_bias: tuple[float, float, float]
    rnn: tuple[float, float, float] = (2.0, 0.9, 0.0)
    peepholes: bool = False

    def weights(self, unit: str, peepholes: bool | None = None) -> Weights:
        """The story's weights for `unit` ("rnn", "lstm" or "gru") as one-unit layers."""
        if unit == "rnn":
            kernel, recurrent, bias = ([v] for v in self.rnn)
            return Weights(kernel=np.array([kernel]), recurrent=np.array([recurrent]), bias=np.array(bias))
        if unit == "gru":
            columns = self.gru_input, self.gru_recurrent, self.gru_bias
            return Weights(kernel=np.array([columns[0]]), recurrent=np.array([columns[1]]), bias=np.array(columns[2]))
        on = self.peepholes if peepholes is None else peepholes
        return Weights(
            kernel=np.array([self.lstm_input]),
            recurrent=np.array([self.lstm_recurrent]),
            bias=np.array(self.lstm_bias),
            peephole=np.array(self.lstm_peephole)[:, None] if on else None,
        )

    def to_json(self) -> dict:
        """The story as `widget/live_cell.js` reads it."""
        return {
            "key": self.key,
            "title": self.title,
            "text": self.text,
            "inputs": list(self.inputs),
            "peepholes": self.peepholes,
            "lstm": {
                "w": list(self.lstm_input),
                "u": list(self.lstm_recurrent),
                "b": list(self.lstm_bias),
                "p": list(self.lstm_peephole),
            },
            "gru": {"w": list(self.gru_input), "u": list(self.gru_recurrent), "b": list(self.gru_bias)},
            "rnn": {"w": [self.rnn[0]], "u": [self.rnn[1]], "b": [self.rnn[2]]},
        }


def pulses(**at: float) -> tuple[float, ...]:
    """A quiet sequence with a value at some steps: `pulses(s3=1.0)` is 1 at step 3 (counted from 1), 0 elsewhere."""
    wanted = {int(name[1:]): value for name, value in at.items()}
    return tuple(wanted.get(step, 0.0) for step in range(1, STEPS + 1))


NOISE = (0.1, -0.2, 0.0, 0.15, -0.1, 0.2, 0.05, -0.15, 0.1, 0.0, -0.2, 0.1, 0.15, -0.05, 0.0, 0.1)

STORIES = (
    Story(
        key="latch",
        title="Latch",
        text="One pulse opens the input gate and is written. After that the gate is shut, the forget gate stays "
        "open, and the small noise that follows cannot touch what is stored.",
        inputs=tuple(0.9 if step == 3 else NOISE[step - 1] for step in range(1, STEPS + 1)),
        lstm_input=(9.0, 0.0, 2.0, 0.0),
        lstm_bias=(-5.0, 5.0, 0.0, 2.0),
        gru_input=(-9.0, 0.0, 2.0),
        gru_bias=(5.0, 2.0, 0.0),
    ),
    Story(
        key="forget",
        title="Forget on command",
        text="A positive pulse writes; a negative one closes the forget gate and empties the cell. The GRU can "
        "only forget by writing something else in the same step.",
        inputs=pulses(s2=0.9, s8=-0.9, s11=0.9),
        lstm_input=(9.0, 9.0, 2.0, 0.0),
        lstm_bias=(-5.0, 5.0, 0.0, 2.0),
        gru_input=(-9.0, 0.0, 2.0),
        gru_bias=(5.0, 2.0, 0.0),
    ),
    Story(
        key="count",
        title="Count",
        text="All gates open: the carrousel adds what comes in and takes it away again, so that it is back at zero "
        "after as many steps down as up. This is how an LSTM tells aⁿbⁿ; a unit that squashes its state cannot.",
        inputs=(1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0),
        lstm_input=(0.0, 0.0, 0.4, 0.0),
        lstm_bias=(9.0, 9.0, 0.0, 9.0),
        gru_input=(0.0, 0.0, 0.4),
        gru_bias=(1.0, 2.0, 0.0),
        rnn=(0.4, 1.0, 0.0),
    ),
    Story(
        key="timer",
        title="Keep time",
        text="No input at all. The cell fills step by step; through its peephole it opens the output gate once it "
        "is full, and that spike, seen one step later, shuts the forget gate: a clock. Switch the peepholes off, "
        "and the gate is blind.",
        inputs=(0.0,) * STEPS,
        lstm_input=(0.0, 0.0, 0.0, 0.0),
        lstm_recurrent=(0.0, -13.0, 0.0, 0.0),
        lstm_bias=(5.0, 7.0, 0.55, -12.0),
        lstm_peephole=(0.0, 0.0, 5.4),
        gru_input=(0.0, 0.0, 0.0),
        gru_bias=(1.0, 2.0, 0.42),
        rnn=(2.0, 0.9, 0.1),
        peepholes=True,
    ),
    Story(
        key="leak",
        title="Leak",
        text="The forget gate half open, as with a bias of zero: every step halves what is held. That is why one "
        "starts its bias at one or more. Pull it up and see.",
        inputs=pulses(s2=0.9),
        lstm_input=(9.0, 0.0, 2.0, 0.0),
        lstm_bias=(-5.0, 0.0, 0.0, 2.0),
        gru_input=(-9.0, 0.0, 2.0),
        gru_bias=(0.0, 2.0, 0.0),
        gru_recurrent=(0.0, 0.0, 0.0),
        rnn=(2.0, 0.5, 0.0),
    ),
)

WAVE = tuple(round(float(np.sin(2 * np.pi * step / 8)), 2) for step in range(STEPS))

INPUTS = (
    {"key": "pulse", "title": "a pulse", "values": list(pulses(s3=0.9))},
    {"key": "two", "title": "up, then down", "values": list(pulses(s3=0.9, s9=-0.9))},
    {"key": "steps", "title": "aⁿbⁿ", "values": [1.0] * 6 + [-1.0] * 6 + [0.0] * 4},
    {"key": "wave", "title": "a wave", "values": list(WAVE)},
    {"key": "noise", "title": "noise", "values": [round(4 * v, 2) for v in NOISE]},
    {"key": "silence", "title": "silence", "values": [0.0] * STEPS},
)


def widget_data() -> dict:
    """All that the live cell's widget starts from."""
    return {"stories": [story.to_json() for story in STORIES], "inputs": list(INPUTS)}
