"""Keras' own SimpleRNN, LSTM and GRU cells under the house's cell contract (see `models.layers`)."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.fused import lstm_sequence


class KerasCell(keras.layers.Layer):
    """A Keras recurrent cell, seen as `project` and `gates`.

    The weights are the Keras cell's own, so a model trained through the adapter and one trained through Keras' layer
    can exchange them.

    Args:
        units: width of the output h.
    """

    keras_class: type
    columns_per_unit: int
    states_per_cell: int
    keras_arguments: dict = {}

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units] * self.states_per_cell
        self.projection_size = units * self.columns_per_unit
        self.cell = self.keras_class(units, dtype=self.dtype_policy, name="cell", **self.keras_arguments)

    def build(self, input_shape):
        self.cell.build((None, input_shape[-1]))
        self.built = True

    def project(self, inputs):
        """One product for all steps. (..., features) → (..., projection_size)."""
        return ops.matmul(inputs, ops.cast(self.cell.kernel, inputs.dtype)) + ops.cast(self.input_bias, inputs.dtype)

    @property
    def input_bias(self):
        return self.cell.bias

    def recur(self, hidden):
        """The recurrent product. (batch, units) → (batch, projection_size)."""
        return ops.matmul(hidden, ops.cast(self.cell.recurrent_kernel, hidden.dtype))

    def gates(self, projected, state, recurrent_mask=None, recur=None):
        """One step's activations by name; see `models.layers`.

        Args:
            recur: in place of `self.recur`; see `models.decoder.RecurrentDecoder.prepare`.
        """
        raise NotImplementedError

    def step(self, projected, state, recurrent_mask=None, recur=None):
        """One step: (output (batch, units), new state)."""
        readings = self.gates(projected, state, recurrent_mask, recur)
        new_state = [readings["hidden"], readings["cell"]] if "cell" in readings else [readings["hidden"]]
        return readings["hidden"], new_state

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("carrousel")
class SimpleRNNCell(KerasCell):
    """h_t = tanh(W x_t + U h_{t−1} + b)."""

    keras_class, columns_per_unit, states_per_cell = keras.layers.SimpleRNNCell, 1, 1

    def gates(self, projected, state, recurrent_mask=None, recur=None):
        """The new output alone: this cell has no gates."""
        return {"hidden": ops.tanh(projected + (recur or self.recur)(_masked(state[0], recurrent_mask)))}


@keras.saving.register_keras_serializable("carrousel")
class LSTMCell(KerasCell):
    """The LSTM with a forget gate (Gers, Schmidhuber & Cummins 2000); gate order i, f, c, o as in Keras."""

    keras_class, columns_per_unit, states_per_cell = keras.layers.LSTMCell, 4, 2

    def gates(self, projected, state, recurrent_mask=None, recur=None):
        """input, forget, candidate, output, and the new cell and hidden state, each (batch, units)."""
        hidden, cell = state
        arrived = projected + (recur or self.recur)(_masked(hidden, recurrent_mask))
        units = self.units
        both = ops.sigmoid(arrived[:, : 2 * units])
        gate_input, gate_forget = both[:, :units], both[:, units:]
        candidate = ops.tanh(arrived[:, 2 * units : 3 * units])
        gate_output = ops.sigmoid(arrived[:, 3 * units :])
        cell = gate_forget * cell + gate_input * candidate
        return {
            "input": gate_input,
            "forget": gate_forget,
            "candidate": candidate,
            "output": gate_output,
            "cell": cell,
            "hidden": gate_output * ops.tanh(cell),
        }

    def sequence(self, projected, state, mask=None, reverse=False, recurrent_mask=None):
        """All steps at once, see `models.layers.fused`; equal to stepping."""
        outputs, hidden, cell = lstm_sequence(
            projected, self.cell.recurrent_kernel, None, *state, mask, reverse, recurrent_mask
        )
        return outputs, [hidden, cell]


@keras.saving.register_keras_serializable("carrousel")
class GRUCell(KerasCell):
    """The GRU (Cho et al. 2014) with the reset gate behind the recurrent product, Keras' `reset_after=True`."""

    keras_class, columns_per_unit, states_per_cell = keras.layers.GRUCell, 3, 1

    @property
    def input_bias(self):
        return self.cell.bias[0]

    def gates(self, projected, state, recurrent_mask=None, recur=None):
        """update, reset, candidate, and the new hidden state, each (batch, units)."""
        hidden = state[0]
        units = self.units
        recurrent = (recur or self.recur)(_masked(hidden, recurrent_mask))
        recurrent = recurrent + ops.cast(self.cell.bias[1], projected.dtype)
        both = ops.sigmoid(projected[:, : 2 * units] + recurrent[:, : 2 * units])
        update, reset = both[:, :units], both[:, units:]
        candidate = ops.tanh(projected[:, 2 * units :] + reset * recurrent[:, 2 * units :])
        hidden = update * hidden + (1 - update) * candidate
        return {"update": update, "reset": reset, "candidate": candidate, "hidden": hidden}


def _masked(hidden, recurrent_mask):
    return hidden if recurrent_mask is None else hidden * recurrent_mask
