"""From the LSTM to the GRU in four changes, computed by the layers themselves.

A GRU is an LSTM whose input gate is one minus its forget gate, whose output gate is held open, which shows its
state as it is, and whose candidate reads the state through a reset gate (LSTM variants CIFG, NOG, NOAF in Greff et
al. 2017; GRU: Cho et al. 2014). Each stage makes one more of these changes to `CoupledGateLSTM` and keeps the GRU's
weights; at the last the outputs are equal to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from apps.lstm_lab.units import Weights, random_weights

UNITS = 3
STEPS = 24


@dataclass(frozen=True)
class Stage:
    """One change.

    Attributes:
        title: what is changed.
        name: what the layer then is, short.
        formula: the equations, with what has just changed in <em>; written by us, so it may hold markup.
        options: of `CoupledGateLSTM`; None for the LSTM that it starts from.
        columns: which gates' weights it takes, in its own order.
    """

    title: str
    name: str
    formula: str
    options: dict | None
    columns: tuple[str, ...]


STAGES = (
    Stage(
        "The LSTM",
        "LSTM",
        "c = φ·c + ι·g<br>h = ω·tanh c",
        None,
        ("input", "update", "candidate", "output"),
    ),
    Stage(
        "Couple the gates",
        "coupled",
        "c = φ·c + <em>(1−φ)</em>·g<br>h = ω·tanh c",
        {"peepholes": False},
        ("update", "candidate", "output"),
    ),
    Stage(
        "Hold the output open",
        "output open",
        "c = φ·c + (1−φ)·g<br>h = <em>tanh c</em>",
        {"peepholes": False, "output_gate": False},
        ("update", "candidate"),
    ),
    Stage(
        "Show the state as it is",
        "h = c",
        "h = φ·h + (1−φ)·g<br>h = <em>c</em>",
        {"peepholes": False, "output_gate": False, "output_activation": "linear"},
        ("update", "candidate"),
    ),
    Stage(
        "Read through a reset gate",
        "with reset",
        "h = z·h + (1−z)·g<br>g = tanh(W x + U <em>(r·h)</em>)",
        {"peepholes": False, "output_gate": False, "output_activation": "linear", "reset_gate": True},
        ("update", "reset", "candidate"),
    ),
)


@dataclass
class Gates:
    """The weights of every gate apart, so that each stage can take those it has.

    Attributes:
        seed: of the weights and of the input.
        kernel, recurrent, bias: by gate name, (2, UNITS), (UNITS, UNITS), (UNITS,).
        inputs: (STEPS, 2).
    """

    seed: int
    kernel: dict[str, np.ndarray] = field(init=False)
    recurrent: dict[str, np.ndarray] = field(init=False)
    bias: dict[str, np.ndarray] = field(init=False)
    inputs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        generator = np.random.default_rng(self.seed)
        self.kernel, self.recurrent, self.bias = {}, {}, {}
        for name in ("update", "reset", "candidate", "input", "output"):
            # A little larger than Keras starts them, so that the gates visibly move.
            weights = random_weights("rnn", 2, UNITS, generator)
            self.kernel[name], self.recurrent[name] = 1.5 * weights.kernel, 1.2 * weights.recurrent
            self.bias[name] = generator.normal(0.0, 0.5, UNITS)
        self.inputs = generator.normal(size=(STEPS, 2))

    def joined(self, columns: tuple[str, ...]) -> list[np.ndarray]:
        """Kernel, recurrent kernel and bias with these gates' columns side by side, as `set_weights` takes them."""
        parts = (self.kernel, self.recurrent, self.bias)
        return [np.concatenate([part[name] for name in columns], axis=-1) for part in parts]

    def gru_weights(self) -> Weights:
        """The same GRU for `apps.lstm_lab.units`."""
        kernel, recurrent, bias = self.joined(("update", "reset", "candidate"))
        return Weights(kernel=kernel, recurrent=recurrent, bias=bias)


def outputs(layer, weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """What a Keras layer with these weights puts out, (time, units), for inputs (time, features)."""
    batch = inputs[None].astype("float32")
    layer.build(batch.shape)
    layer.set_weights(weights)
    return np.asarray(layer(batch))[0]


def compare(seed: int = 0) -> dict:
    """Every stage's output beside Keras' own GRU, on one sequence with one set of weights.

    Args:
        seed: of both.

    Returns:
        What `widget/coupling.js` draws: "inputs" (time, 2), "gru" (time, units) and the stages with their "hidden".
    """
    import keras

    from models.layers.coupled_gate_lstm import CoupledGateLSTM

    gates = Gates(seed)
    gru = keras.layers.GRU(UNITS, reset_after=False, return_sequences=True)
    stages = []
    for stage in STAGES:
        if stage.options is None:
            layer = keras.layers.LSTM(UNITS, return_sequences=True)
        else:
            layer = CoupledGateLSTM(UNITS, return_sequences=True, **stage.options)
        hidden = outputs(layer, gates.joined(stage.columns), gates.inputs)
        stages.append({"title": stage.title, "name": stage.name, "formula": stage.formula, "hidden": hidden.tolist()})
    shown = outputs(gru, gates.joined(("update", "reset", "candidate")), gates.inputs)
    return {"inputs": gates.inputs.tolist(), "gru": shown.tolist(), "stages": stages}
