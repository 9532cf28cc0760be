"""Graves' memory block: several cells share one input, one forget and one output gate."""

from __future__ import annotations

import keras
from keras import ops

from models.layers import fused
from models.layers.gated import GatedCell, GatedLayer


@keras.saving.register_keras_serializable("carrousel")
class LSTMBlockCell(GatedCell):
    """One step of `blocks` memory blocks of `cells` cells each (Graves 2012, equations 4.2 to 4.10).

    In Graves' letters (`models.layers.reference` has the backward pass), for one block with cells c:

        a_ι = Σ_i w_iι x_i + Σ_h w_hι b_h + Σ_c w_cι s_c      b_ι = f(a_ι)      input gate; φ, the forget gate, alike
        a_c = Σ_i w_ic x_i + Σ_h w_hc b_h                     s_c′ = b_φ s_c + b_ι g(a_c)
        a_ω = Σ_i w_iω x_i + Σ_h w_hω b_h + Σ_c w_cω s_c′     b_ω = f(a_ω)      b_c = b_ω h(s_c′)

    Weights, B blocks of S cells: `kernel` (features, B * (3 + S)), `recurrent_kernel` (B * S, B * (3 + S)) and `bias`
    alike, columns in the order input gates (B), forget gates (B), cells block by block (B * S), output gates (B);
    `peephole` (3, B, S) for ι, φ, ω. With S = 1 it is `PeepholeLSTMCell`.

    Args:
        blocks: B, at least 1.
        cells: S, cells in a block, at least 1. The output has B * S units.
    """

    def __init__(self, blocks: int, cells: int, **kwargs):
        if blocks < 1 or cells < 1:
            raise ValueError(f"blocks and cells must be at least 1, got {blocks} and {cells}.")
        super().__init__(blocks * cells, **kwargs)
        self.blocks, self.cells = blocks, cells

    @property
    def columns(self) -> dict[str, int]:
        """Keras' order, the gates one column a block."""
        return {"input": self.blocks, "forget": self.blocks, "candidate": self.units, "output": self.blocks}

    @property
    def peephole_shape(self) -> tuple[int, ...]:
        """ι, φ, ω."""
        return 3, self.blocks, self.cells

    def gates(self, projected, state, recurrent_mask=None) -> dict:
        """input, forget, output (batch, blocks); candidate and the new cell and hidden state (batch, units)."""
        hidden, cell = state
        shape = (-1, self.blocks, self.cells)
        arrived = self.split(projected + self.recur(hidden, recurrent_mask))
        peephole, before = ops.cast(self.peephole, projected.dtype), ops.reshape(cell, shape)
        gate_input = self.recurrent_activation(arrived["input"] + ops.sum(peephole[0] * before, axis=-1))
        gate_forget = self.recurrent_activation(arrived["forget"] + ops.sum(peephole[1] * before, axis=-1))
        candidate = self.activation(arrived["candidate"])
        wide_input, wide_forget = ops.expand_dims(gate_input, -1), ops.expand_dims(gate_forget, -1)
        after = wide_forget * before + wide_input * ops.reshape(candidate, shape)
        gate_output = self.recurrent_activation(arrived["output"] + ops.sum(peephole[2] * after, axis=-1))
        hidden = ops.expand_dims(gate_output, -1) * self.activation(after)
        return {
            "input": gate_input,
            "forget": gate_forget,
            "candidate": candidate,
            "output": gate_output,
            "cell": ops.reshape(after, (-1, self.units)),
            "hidden": ops.reshape(hidden, (-1, self.units)),
        }

    def equations(self):
        """The fast path has the usual activations built in."""
        usual = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        return fused.lstm_equations(self.units, self.cells) if usual else None

    def get_config(self):
        config = super().get_config()
        config.pop("units")
        return {"blocks": self.blocks, "cells": self.cells, **config}


@keras.saving.register_keras_serializable("carrousel")
class LSTMBlock(GatedLayer):
    """Memory blocks over time. See `LSTMBlockCell`.

    Args:
        blocks: number of blocks.
        cells: cells in a block; the output has blocks * cells units.
        kwargs: those of `keras.layers.LSTM`, and `peephole_initializer`, `peephole_regularizer`,
            `peephole_constraint`.
    """

    cell_class = LSTMBlockCell

    def __init__(self, blocks: int, cells: int, **kwargs):
        super().__init__(blocks, cells, **kwargs)
        self.blocks, self.cells = blocks, cells
