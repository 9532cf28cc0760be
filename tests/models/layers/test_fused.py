"""The fast path against stepping: same outputs, states and gradients, whatever the mask and the direction."""

import keras
import numpy as np
import pytest
from keras import ops

from models import backend
from models.layers.adapters import LSTMCell
from models.layers.coupled_gate_lstm import CoupledGateLSTMCell
from models.layers.fused import lstm_sequence
from models.layers.lstm_block import LSTMBlockCell
from models.layers.peephole_lstm import PeepholeLSTMCell
from models.layers.recurrence import run_cell, step_cell

BATCH, TIME, INPUTS, UNITS = 3, 6, 4, 6
CELLS = {
    "plain": lambda **kwargs: LSTMCell(UNITS, **kwargs),
    "peephole": lambda **kwargs: PeepholeLSTMCell(UNITS, **kwargs),
    "block": lambda **kwargs: LSTMBlockCell(3, 2, **kwargs),
    "coupled": lambda **kwargs: CoupledGateLSTMCell(UNITS, **kwargs),
    "coupled, open and linear": lambda **kwargs: CoupledGateLSTMCell(
        UNITS, output_gate=False, output_activation="linear", peepholes=False, **kwargs
    ),
    "coupled, open": lambda **kwargs: CoupledGateLSTMCell(UNITS, output_gate=False, **kwargs),
    "coupled, linear": lambda **kwargs: CoupledGateLSTMCell(UNITS, output_activation="linear", **kwargs),
}
MASKS = {
    "padding on the right": [[1] * 6, [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]],
    "gaps": [[0, 1, 1, 0, 1, 1], [1, 0, 1, 1, 0, 0], [1] * 6],
}


def make(kind, dtype="float32"):
    """A cell with random weights, and a random input and start state for it."""
    cell, rng = CELLS[kind](dtype=dtype), np.random.default_rng(0)
    cell.build((None, INPUTS))
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    drawn = [rng.normal(size=shape) for shape in ((BATCH, TIME, INPUTS), (BATCH, UNITS), (BATCH, UNITS))]
    return cell, [ops.cast(array, cell.compute_dtype) for array in drawn]


def read_whole(cell, inputs, state, mask=None, reverse=False, recurrent_mask=None):
    """What our layers call: the projection is inside."""
    return cell.read(inputs, state, mask, reverse, recurrent_mask)


def everything(cell, run, given, mask, reverse, recurrent_mask):
    """Outputs, final state and the gradients of a loss on them all, by inputs, start state and weights."""
    rng, tensors = np.random.default_rng(2), [*given, *[weight.value for weight in cell.weights]]
    above = [ops.cast(rng.normal(size=shape), "float32") for shape in ((BATCH, TIME, UNITS), (BATCH, UNITS))]

    def outcome(x, h, c, *values):
        with keras.StatelessScope(state_mapping=list(zip(cell.weights, values, strict=True))):
            sequences = x if run is read_whole else cell.project(x)
            outputs, state = run(cell, sequences, [h, c], mask, reverse, recurrent_mask)
        return outputs, *state

    def loss(*values):
        outputs, h, c = (ops.cast(tensor, "float32") for tensor in outcome(*values))
        return ops.sum(outputs * above[0]) + ops.sum(h * above[1]) + ops.sum(ops.square(c))

    return [
        ops.convert_to_numpy(ops.cast(x, "float32")) for x in (*outcome(*tensors), *backend.gradients(loss, *tensors))
    ]


@pytest.mark.parametrize("kind", CELLS)
def test_outputs_states_and_gradients_equal_stepping(kind):
    cell, given = make(kind)
    dropped = ops.convert_to_tensor(np.random.default_rng(3).integers(0, 2, size=(BATCH, UNITS)) * 2.0, "float32")
    right, gaps = (ops.convert_to_tensor(np.array(MASKS[name], bool)) for name in ("padding on the right", "gaps"))
    every = [(None, False, None), (right, False, dropped), (right, True, None), (gaps, True, dropped)]
    for mask, reverse, recurrent_mask in every:
        settings = given, mask, reverse, recurrent_mask
        stepped = everything(cell, step_cell, *settings)
        fast = [everything(cell, run, *settings) for run in (run_cell, *[read_whole] * hasattr(cell, "read"))]
        for found, expected in [pair for one in fast for pair in zip(one, stepped, strict=True)]:
            np.testing.assert_allclose(found, expected, atol=2e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("kind", ["plain", "peephole", "block", "coupled"])
def test_bfloat16_products_stay_near_float32(kind):
    precise, given = make(kind)
    rough, rough_given = make(kind, "mixed_bfloat16")
    settings = None, False, None
    expected = everything(precise, run_cell, given, *settings)
    for found, right in zip(everything(rough, run_cell, rough_given, *settings), expected, strict=True):
        assert np.abs(found - right).max() < 0.05 * np.abs(right).max()  # bfloat16 keeps 8 bits: 0.004 a rounding


def test_bfloat16_returns_its_own_type():
    cell, (x, h, c) = make("peephole", "mixed_bfloat16")
    outputs, state = run_cell(cell, cell.project(x), [h, c])
    assert {keras.backend.standardize_dtype(tensor.dtype) for tensor in (outputs, *state)} == {"bfloat16"}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["peephole", "block", "coupled"])
def test_what_lies_in_the_padding_and_how_much_of_it_there_is_changes_nothing(kind, reverse):
    cell, (x, h, c) = make(kind)
    mask = np.array(MASKS["padding on the right"], bool)
    x = ops.convert_to_numpy(x)
    longer = np.concatenate([x, np.full((BATCH, 3, INPUTS), 1e3, "float32")], axis=1)
    longer[:, :TIME][~mask] = -1e3
    longer_mask = np.concatenate([mask, np.zeros((BATCH, 3), bool)], axis=1)

    def run(inputs, mask):
        projected = cell.project(ops.convert_to_tensor(inputs))
        outputs, state = run_cell(cell, projected, [h, c], ops.convert_to_tensor(mask), reverse)
        return [ops.convert_to_numpy(tensor) for tensor in (outputs[:, :TIME], *state)]

    (short, *short_state), (long, *long_state) = run(x, mask), run(longer, longer_mask)
    np.testing.assert_allclose(long[mask], short[mask], atol=1e-6)
    for one, other in zip(short_state, long_state, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_sequence_alone_gives_what_it_gives_in_a_padded_batch(reverse):
    cell, (x, h, c) = make("peephole")
    mask = ops.convert_to_tensor(np.array(MASKS["padding on the right"], bool))
    together, _ = run_cell(cell, cell.project(x), [h, c], mask, reverse)
    alone, _ = run_cell(cell, cell.project(x[2:, :2]), [h[2:], c[2:]], None, reverse)
    np.testing.assert_allclose(ops.convert_to_numpy(together)[2, :2], ops.convert_to_numpy(alone)[0], atol=1e-6)


def test_a_padded_step_puts_out_the_carried_output():
    cell, (x, h, c) = make("peephole")
    mask = ops.convert_to_tensor(np.array([[0, 1, 1, 0, 1, 0]] * BATCH, bool))
    outputs, (hidden, _) = run_cell(cell, cell.project(x), [h, c], mask)
    outputs = ops.convert_to_numpy(outputs)
    np.testing.assert_array_equal(outputs[:, 0], ops.convert_to_numpy(h))
    np.testing.assert_array_equal(outputs[:, 3], outputs[:, 2])
    np.testing.assert_array_equal(outputs[:, 5], ops.convert_to_numpy(hidden))


def test_a_lone_unit_can_be_followed_by_hand():
    # One unit, no recurrence, input and output gate open (σ(40) = 1), forget gate half open, candidate tanh(1).
    projected = ops.convert_to_tensor([[[40.0, 0.0, 1.0, 40.0]] * 3])
    zero = ops.zeros((1, 1))
    outputs, h, c = lstm_sequence(projected, ops.zeros((1, 4)), None, zero, zero)
    states = np.tanh(1) * np.array([1, 1.5, 1.75])
    np.testing.assert_allclose(ops.convert_to_numpy(outputs)[0, :, 0], np.tanh(states), rtol=1e-6)
    np.testing.assert_allclose([float(h[0, 0]), float(c[0, 0])], [np.tanh(states[2]), states[2]], rtol=1e-6)
