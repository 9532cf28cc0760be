"""The LSTM with peepholes: its gates see the state that they guard."""

from __future__ import annotations

import keras
from keras import ops

from models.layers import fused
from models.layers.gated import GatedCell, GatedLayer


@keras.saving.register_keras_serializable("carrousel")
class PeepholeLSTMCell(GatedCell):
    """One step of the LSTM with peepholes (Gers & Schmidhuber 2000; Graves 2012, chapter 4, one cell a block).

    With x the inputs, h and c the state before the step and c′ after it, p the peepholes:

        i = σ(W_i x + U_i h + p_i ⊙ c + b_i)        f = σ(W_f x + U_f h + p_f ⊙ c + b_f)
        c′ = f ⊙ c + i ⊙ tanh(W_c x + U_c h + b_c)
        o = σ(W_o x + U_o h + p_o ⊙ c′ + b_o)       h′ = o ⊙ tanh(c′)

    Weights: `kernel` (features, 4 * units), `recurrent_kernel` (units, 4 * units), `bias` (4 * units,), columns in
    Keras' order i, f, c, o; `peephole` (3, units) for i, f, o. With the peepholes at zero it is
    `keras.layers.LSTMCell`, whose weights then fit.
    """

    @property
    def columns(self) -> dict[str, int]:
        """Keras' order."""
        return {name: self.units for name in ("input", "forget", "candidate", "output")}

    @property
    def peephole_shape(self) -> tuple[int, ...]:
        """Input, forget and output gate."""
        return 3, self.units

    def gates(self, projected, state, recurrent_mask=None) -> dict:
        """input, forget, candidate, output, and the new cell and hidden state, each (batch, units)."""
        hidden, cell = state
        arrived = self.split(projected + self.recur(hidden, recurrent_mask))
        peephole = ops.cast(self.peephole, projected.dtype)
        gate_input = self.recurrent_activation(arrived["input"] + peephole[0] * cell)
        gate_forget = self.recurrent_activation(arrived["forget"] + peephole[1] * cell)
        candidate = self.activation(arrived["candidate"])
        cell = gate_forget * cell + gate_input * candidate
        gate_output = self.recurrent_activation(arrived["output"] + peephole[2] * cell)
        return {
            "input": gate_input,
            "forget": gate_forget,
            "candidate": candidate,
            "output": gate_output,
            "cell": cell,
            "hidden": gate_output * self.activation(cell),
        }

    def equations(self):
        """The fast path has the usual activations built in."""
        usual = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        return fused.lstm_equations(self.units) if usual else None


@keras.saving.register_keras_serializable("carrousel")
class PeepholeLSTM(GatedLayer):
    """The LSTM with peepholes over time; a drop-in for `keras.layers.LSTM`. See `PeepholeLSTMCell`.

    Args:
        units: width of the output.
        kwargs: those of `keras.layers.LSTM`, and `peephole_initializer`, `peephole_regularizer`,
            `peephole_constraint`.
    """

    cell_class = PeepholeLSTMCell
