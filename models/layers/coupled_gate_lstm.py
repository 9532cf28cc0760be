"""The LSTM whose input gate is one minus its forget gate, and how it becomes a GRU."""

from __future__ import annotations

import keras
from keras import ops

from models import backend
from models.layers import fused
from models.layers.gated import GatedCell, GatedLayer


@keras.saving.register_keras_serializable("carrousel")
class CoupledGateLSTMCell(GatedCell):
    """One step of the LSTM with coupled input and forget gate (CIFG in Greff et al. 2017).

    With x the inputs, h and c the state before the step and c′ after it, p the peepholes:

        f = σ(W_f x + U_f h + p_f ⊙ c + b_f)
        c′ = f ⊙ c + (1 − f) ⊙ tanh(W_c x + U_c h + b_c)
        o = σ(W_o x + U_o h + p_o ⊙ c′ + b_o)       h′ = o ⊙ tanh(c′)

    What is forgotten is replaced by the input; what is remembered blocks it. With `output_gate=False`,
    `output_activation="linear"`, `reset_gate=True` and `peepholes=False`, h = c and this is the GRU of Cho et al. 2014
    with z = f (the sign as in Keras, `reset_after=False`), weight for weight.

    Weights: columns in the order forget, reset, candidate, output (those that exist), `units` each; `peephole`
    (1 or 2, units) for the forget and, where it exists, the output gate.

    Args:
        units: width of the output h.
        output_gate: False holds it open, o = 1.
        output_activation: the function between c′ and the output gate.
        reset_gate: True lets the candidate read r ⊙ h with r = σ(W_r x + U_r h + b_r).
        peepholes: whether the gates see c.
    """

    def __init__(
        self,
        units: int,
        output_gate: bool = True,
        output_activation="tanh",
        reset_gate: bool = False,
        peepholes: bool = True,
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        self.output_gate, self.reset_gate, self.peepholes = output_gate, reset_gate, peepholes
        self.output_activation = keras.activations.get(output_activation)

    @property
    def columns(self) -> dict[str, int]:
        """Those of Keras' GRU (z, r, h) where it is one."""
        names = ("forget", *["reset"] * self.reset_gate, "candidate", *["output"] * self.output_gate)
        return {name: self.units for name in names}

    @property
    def peephole_shape(self) -> tuple[int, ...] | None:
        """Forget gate, output gate."""
        return (1 + self.output_gate, self.units) if self.peepholes else None

    def gates(self, projected, state, recurrent_mask=None) -> dict:
        """forget, input = 1 − forget, candidate, output and reset where they are, new cell and hidden state."""
        hidden, cell = state
        came = hidden if recurrent_mask is None else hidden * recurrent_mask
        kernel = self.split(ops.cast(self.recurrent_kernel, projected.dtype))
        arrived, recurrent = self.split(projected), self.split(self.recur(came))
        peephole = ops.cast(self.peephole, projected.dtype) if self.peepholes else None

        def gate(name, state=None, number=0):
            at_gate = arrived[name] + recurrent[name]
            return self.recurrent_activation(at_gate if state is None else at_gate + peephole[number] * state)

        readings = {"forget": gate("forget", cell if self.peepholes else None)}
        readings["input"] = 1 - readings["forget"]
        at_candidate = recurrent["candidate"]
        if self.reset_gate:
            readings["reset"] = gate("reset")
            at_candidate = ops.matmul(readings["reset"] * came, kernel["candidate"])
        readings["candidate"] = self.activation(arrived["candidate"] + at_candidate)
        readings["cell"] = readings["forget"] * cell + readings["input"] * readings["candidate"]
        hidden = self.output_activation(readings["cell"])
        if self.output_gate:
            readings["output"] = gate("output", readings["cell"] if self.peepholes else None, 1)
            hidden = readings["output"] * hidden
        return {**readings, "hidden": hidden}

    def equations(self):
        """The fast path knows no reset gate (two products a step that wait for each other), and these activations."""
        usual = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        squashes = {keras.activations.tanh: True, keras.activations.linear: False}.get(self.output_activation)
        if self.reset_gate or squashes is None or not usual:
            return None
        return coupled_equations(self.units, self.output_gate, squashes)

    def get_config(self):
        return {
            **super().get_config(),
            "output_gate": self.output_gate,
            "output_activation": keras.activations.serialize(self.output_activation),
            "reset_gate": self.reset_gate,
            "peepholes": self.peepholes,
        }


@keras.saving.register_keras_serializable("carrousel")
class CoupledGateLSTM(GatedLayer):
    """The LSTM with coupled input and forget gate over time. See `CoupledGateLSTMCell`.

    Args:
        units: width of the output.
        kwargs: those of the cell and of `keras.layers.LSTM`.
    """

    cell_class = CoupledGateLSTMCell


def coupled_equations(units: int, output_gate: bool = True, squashes: bool = True) -> fused.Equations:
    """The coupled-gate cell for the fast path; columns forget, candidate and, with an output gate, output.

    Args:
        units: width of the output.
        output_gate: False where it is held open.
        squashes: whether h(·) is tanh; it is the identity otherwise.
    """
    at_forget, at_cell, at_output = slice(0, units), slice(units, 2 * units), slice(2 * units, None)

    def forward(arrived, c, peephole):
        at_gate = arrived[at_forget]
        f = ops.sigmoid(at_gate if peephole is None else at_gate + peephole[0] * c)
        candidate = ops.tanh(arrived[at_cell])
        c_new = candidate + f * (c - candidate)
        h = ops.tanh(c_new) if squashes else c_new
        kept = (f, candidate, h)
        if output_gate:
            at_gate = arrived[at_output]
            o = ops.sigmoid(at_gate if peephole is None else at_gate + peephole[1] * c_new)
            h, kept = o * h, (*kept, o)
        return h, c_new, kept

    def backward(dh, dc, c, activations, peephole):
        f, candidate, squashed, *o = activations
        deltas = []
        if output_gate:
            deltas = [backend.sigmoid_gradient(o[0], dh * squashed)]
            dh = dh * o[0]
        ds = dc + (backend.tanh_gradient(squashed, dh) if squashes else dh)
        if output_gate and peephole is not None:
            ds = ds + peephole[1] * deltas[0]
        dc_before = ds * f
        delta_forget = backend.sigmoid_gradient(f, ds * (c - candidate))
        delta_cell = backend.tanh_gradient(candidate, ds - dc_before)
        if peephole is not None:
            dc_before = dc_before + peephole[0] * delta_forget
        return ops.concatenate([delta_forget, delta_cell, *deltas], axis=0), dc_before

    def peephole_gradient(delta, c_before, c_after):
        found = [fused.over_steps(delta[:, at_forget], c_before)]
        if output_gate:
            found.append(fused.over_steps(delta[:, at_output], c_after))
        return ops.stack(found)

    return fused.Equations(forward, backward, peephole_gradient, rows=(units,) * (3 + output_gate))


SHARED_WITH_GRU = (
    "units",
    "activation",
    "recurrent_activation",
    "use_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "seed",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "trainable",
    "dtype",
)
AS_GRU = {"output_gate": False, "output_activation": "linear", "reset_gate": True, "peepholes": False}


def coupled_from_gru(gru: keras.layers.GRU) -> CoupledGateLSTM:
    """The same GRU as a coupled-gate LSTM, with its weights where it has any.

    Its state is a pair [h, c] with h = c, where the GRU's is h alone.

    Raises:
        ValueError: the GRU applies its reset gate after the recurrent product.
    """
    config = gru.get_config()
    if config["reset_after"]:
        raise ValueError("This GRU has reset_after=True, a third variant. Make it with reset_after=False.")
    layer = CoupledGateLSTM(
        **{name: config[name] for name in SHARED_WITH_GRU if name in config},
        unit_forget_bias=False,
        **AS_GRU,
    )
    return _with_weights(layer, gru)


def gru_from_coupled(layer: CoupledGateLSTM) -> keras.layers.GRU:
    """The same coupled-gate LSTM as Keras' GRU (`reset_after=False`), with its weights where it has any.

    Raises:
        ValueError: the layer is not a GRU; the message says which settings make it one.
    """
    config = layer.get_config()
    found = {name: config[name] for name in AS_GRU}
    if found != AS_GRU:
        raise ValueError(f"A GRU needs {AS_GRU}, this layer has {found}.")
    gru = keras.layers.GRU(
        **{name: config[name] for name in SHARED_WITH_GRU if name in config}, reset_after=False, use_cudnn=False
    )
    return _with_weights(gru, layer)


def _with_weights(made, given):
    if given.built:
        made.build((None, None, given.cell.kernel.shape[0]))
        made.set_weights(given.get_weights())
    return made
