"""What our cells and the layers around them share: weights, dropout, configuration, and how Keras runs them."""

from __future__ import annotations

import keras
from keras import ops

from models.layers import fused
from models.layers.recurrence import step_cell

FROM_CELL = (
    "units",
    "activation",
    "recurrent_activation",
    "use_bias",
    "unit_forget_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "peephole_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "peephole_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "peephole_constraint",
    "dropout",
    "recurrent_dropout",
)


class GatedCell(keras.layers.LSTMCell):
    """A Keras LSTM cell with peepholes, and the contract of `models.layers` besides Keras' own.

    A subclass says in `columns` which groups of columns its kernels have, in order, and computes `gates`.

    Args:
        units: width of the output h.
        peephole_initializer, peephole_regularizer, peephole_constraint: as Keras has them for the other weights.
            Zeros are the default: the layer starts as the one without peepholes, and learns them.
        kwargs: those of `keras.layers.LSTMCell`. `implementation` has no effect: there is one. Both dropouts use one
            mask for all gates (Keras draws four as soon as there is recurrent dropout).
    """

    def __init__(
        self, units, *args, peephole_initializer="zeros", peephole_regularizer=None, peephole_constraint=None, **kwargs
    ):
        super().__init__(units, *args, **kwargs)
        self.implementation, self.dropout_mask_count = 2, None
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.peephole_regularizer = keras.regularizers.get(peephole_regularizer)
        self.peephole_constraint = keras.constraints.get(peephole_constraint)

    @property
    def columns(self) -> dict[str, int]:
        """The groups of columns of `kernel`, `recurrent_kernel` and `bias`, in order, and their widths."""
        raise NotImplementedError

    @property
    def peephole_shape(self) -> tuple[int, ...] | None:
        """The shape of the peephole weights, or None where the cell has none."""
        raise NotImplementedError

    @property
    def projection_size(self) -> int:
        """P, the width of what `project` gives."""
        return sum(self.columns.values())

    def build(self, input_shape):
        width = self.projection_size
        self._add("kernel", (input_shape[-1], width))
        self._add("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self.peephole = None
        if self.use_bias:
            self._add("bias", (width,), initializer=self._start_bias if self.unit_forget_bias else None)
        if self.peephole_shape:
            self._add("peephole", self.peephole_shape)
        self.built = True

    def _add(self, name, shape, setting=None, initializer=None):
        setting = setting or name
        weight = self.add_weight(
            shape=shape,
            name=name,
            initializer=initializer or getattr(self, f"{setting}_initializer"),
            regularizer=getattr(self, f"{setting}_regularizer"),
            constraint=getattr(self, f"{setting}_constraint"),
        )
        setattr(self, name, weight)

    def _start_bias(self, shape, *args, **kwargs):
        """Forget gates start at one more than nothing (Gers, Schmidhuber & Cummins 2000; Jozefowicz et al. 2015)."""
        ones = keras.initializers.Ones()
        return ops.concatenate(
            [
                (ones if name == "forget" else self.bias_initializer)((width,), *args, **kwargs)
                for name, width in self.columns.items()
            ]
        )

    def project(self, inputs):
        """The inputs' part of every gate, for all steps in one product. (…, features) → (…, P)."""
        projected = ops.matmul(inputs, ops.cast(self.kernel, inputs.dtype))
        return projected if self.bias is None else projected + ops.cast(self.bias, inputs.dtype)

    def recur(self, hidden, recurrent_mask=None):
        """The recurrent part of every gate. (batch, units) → (batch, P)."""
        hidden = hidden if recurrent_mask is None else hidden * recurrent_mask
        return ops.matmul(hidden, ops.cast(self.recurrent_kernel, hidden.dtype))

    def split(self, arrived) -> dict:
        """What arrives at each group of columns, by name. (…, P) → (…, width) each."""
        parts, at = {}, 0
        for name, width in self.columns.items():
            parts[name] = arrived[..., at : at + width]
            at += width
        return parts

    def gates(self, projected, state, recurrent_mask=None) -> dict:
        """One step's activations by name; see `models.layers`."""
        raise NotImplementedError

    def step(self, projected, state, recurrent_mask=None):
        """One step: (output (batch, units), new state [h, c])."""
        readings = self.gates(projected, state, recurrent_mask)
        return readings["hidden"], [readings["hidden"], readings["cell"]]

    def equations(self):
        """The cell for `models.layers.fused.run`, or None where its settings need stepping."""
        return None

    def sequence(self, projected, state, mask=None, reverse=False, recurrent_mask=None):
        """All steps at once, see `models.layers.fused`; equal to stepping."""
        if self.equations() is None:
            return step_cell(self, projected, state, mask, reverse, recurrent_mask)
        return self._fused(state, mask, reverse, recurrent_mask, projected=projected)

    def read(self, inputs, state, mask=None, reverse=False, recurrent_mask=None):
        """`sequence` of the projection of `inputs` (batch, time, features), with the projection inside."""
        if self.equations() is None:
            return step_cell(self, self.project(inputs), state, mask, reverse, recurrent_mask)
        return self._fused(state, mask, reverse, recurrent_mask, inputs=inputs, kernel=self.kernel, bias=self.bias)

    def _fused(self, state, mask, reverse, recurrent_mask, **read):
        outputs, hidden, cell = fused.run(
            self.equations(),
            reverse,
            **read,
            recurrent_kernel=self.recurrent_kernel,
            peephole=None if self.peephole is None else ops.reshape(self.peephole, (-1, self.units)),
            h0=state[0],
            c0=state[1],
            mask=mask,
            recurrent_mask=recurrent_mask,
        )
        return outputs, [hidden, cell]

    def call(self, inputs, states, training=False):
        """One step as Keras' RNN layers ask for it: (output, new state)."""
        if training and 0 < self.dropout < 1:
            inputs = inputs * self.get_dropout_mask(inputs)
        return self.step(self.project(inputs), list(states), self.recurrent_mask(states, training))

    def recurrent_mask(self, states, training):
        """The recurrent dropout of this batch, (batch, units), or None."""
        drops = training and 0 < self.recurrent_dropout < 1
        return self.get_recurrent_dropout_mask(states[0]) if drops else None

    def get_config(self):
        return {
            **super().get_config(),
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
            "peephole_regularizer": keras.regularizers.serialize(self.peephole_regularizer),
            "peephole_constraint": keras.constraints.serialize(self.peephole_constraint),
        }


class GatedLayer(keras.layers.RNN):
    """A layer over time around one of our cells; to users it is what `keras.layers.LSTM` is.

    Args:
        size: what the cell's first arguments are (units, or blocks and cells).
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in Keras. `unroll`
            runs Keras' own loop over the cell, which needs no known batch but is slower.
        kwargs: the cell's, and those of `keras.layers.Layer`.
    """

    cell_class: type[GatedCell]

    def __init__(
        self,
        *size,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        own = {name: kwargs.pop(name) for name in ("name", "activity_regularizer") if name in kwargs}
        both = {name: kwargs.pop(name) for name in ("dtype", "trainable") if name in kwargs}
        if kwargs.pop("use_cudnn", "auto") is True:
            raise ValueError(f"use_cudnn=True: cuDNN has no kernel for {type(self).__name__}. Leave it out.")
        cell = self.cell_class(*size, name="cell", **both, **kwargs)
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, **own, **both
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """What `keras.layers.RNN.call` runs: (last output, outputs, states)."""
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        cell, state = self.cell, list(initial_state)
        if training and 0 < cell.dropout < 1:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), 1)
        if mask is not None:
            mask = ops.cast(mask if len(mask.shape) == 2 else ops.squeeze(mask, -1), "bool")
        outputs, state = cell.read(sequences, state, mask, self.go_backwards, cell.recurrent_mask(state, training))
        if mask is not None:
            outputs = ops.where(ops.expand_dims(self._shown(mask), -1), outputs, 0)
        if self.go_backwards:  # Keras gives the outputs in the order in which they were computed
            outputs = ops.flip(outputs, axis=1)
        return outputs[:, -1], outputs, state

    def _shown(self, mask):
        """Where Keras (on TensorFlow) puts out something: from the first real step on, or at real steps alone."""
        if self.zero_output_for_mask:
            return mask
        passed = ops.cast(ops.flip(mask, axis=1) if self.go_backwards else mask, "int32")
        started = ops.cumsum(passed, axis=1) > 0
        return ops.flip(started, axis=1) if self.go_backwards else started

    def get_config(self):
        config = super().get_config()
        config.pop("cell")
        of_cell = self.cell.get_config()
        of_cell = {name: value for name, value in of_cell.items() if name not in ("name", "trainable", "dtype")}
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        return {**config, **of_cell, "activity_regularizer": regularizer}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _from_cell(name: str) -> property:
    return property(lambda self: getattr(self.cell, name))


for _name in FROM_CELL:
    setattr(GatedLayer, _name, _from_cell(_name))
