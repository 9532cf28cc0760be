"""The NumPy reference against what does not know it: autodiff of the equations, finite differences, the layers."""

import os

import keras
import numpy as np
import pytest
from keras import ops

from models import backend
from models.layers import fused, reference
from models.layers.lstm_block import LSTMBlock, LSTMBlockCell
from models.layers.recurrence import step_cell

INPUTS, BLOCKS, CELLS, TIME = 3, 2, 3, 5
UNITS = BLOCKS * CELLS
needs_float64 = pytest.mark.skipif(
    backend.NAME == "jax" and os.environ.get("JAX_ENABLE_X64") != "1",
    reason="JAX computes in float64 only with JAX_ENABLE_X64=1",
)


@pytest.fixture
def problem():
    """Keras-shaped float64 weights, a start state, inputs and what arrives at the outputs and the last state."""
    rng = np.random.default_rng(1)
    width = BLOCKS * (3 + CELLS)
    shapes = [(INPUTS, width), (UNITS, width), (width,), (3, BLOCKS, CELLS)]
    arrays = [rng.normal(size=shape) for shape in shapes]
    given = {"x": rng.normal(size=(TIME, INPUTS)), "h": rng.normal(size=UNITS), "c": rng.normal(size=UNITS)}
    return arrays, given, rng.normal(size=(TIME, UNITS)), rng.normal(size=UNITS)


def reference_loss(arrays, given, at_outputs, at_state):
    weights = reference.Weights.from_keras(*arrays)
    steps = reference.forward(weights, given["x"], given["h"], given["c"].reshape(BLOCKS, CELLS))
    return (
        sum((step.b_c.reshape(-1) * above).sum() for step, above in zip(steps, at_outputs, strict=True))
        + (steps[-1].s_c.reshape(-1) * at_state).sum()
    )


def reference_gradients(arrays, given, at_outputs, at_state):
    """For the four Keras arrays, the inputs and the start state."""
    weights = reference.Weights.from_keras(*arrays)
    steps = reference.forward(weights, given["x"], given["h"], given["c"].reshape(BLOCKS, CELLS))
    errors = reference.backward(weights, steps, at_outputs, at_state.reshape(BLOCKS, CELLS))
    at_h, at_s = reference.start_gradients(weights, steps, errors)
    of_weights = reference.weight_gradients(weights, steps, errors).to_keras()
    return [*of_weights, reference.input_gradients(weights, errors), at_h, at_s.reshape(-1)]


def layer_gradients(problem, run):
    """The same seven gradients by the backend: `run` is `step_cell` (autodiff) or the fast path."""
    arrays, given, at_outputs, at_state = problem
    cell = LSTMBlockCell(BLOCKS, CELLS, dtype="float64")
    cell.build((None, INPUTS))

    def loss(kernel, recurrent_kernel, bias, peephole, x, h, c):
        values = zip(cell.weights, (kernel, recurrent_kernel, bias, peephole), strict=True)
        with keras.StatelessScope(state_mapping=list(values)):
            outputs, (_, state) = run(cell, cell.project(x[None]), [h[None], c[None]])
        return ops.sum(outputs[0] * at_outputs) + ops.sum(state[0] * at_state)

    return [
        ops.convert_to_numpy(found) for found in backend.gradients(loss, *arrays, given["x"], given["h"], given["c"])
    ]


def largest_difference(found, expected):
    """Relative to the largest entry."""
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, expected, strict=True))


@needs_float64
def test_hand_derived_gradients_equal_autodiff_of_the_steps(problem):
    assert largest_difference(layer_gradients(problem, step_cell), reference_gradients(*problem)) < 1e-10


@needs_float64
def test_hand_derived_gradients_equal_those_of_the_fast_layer(problem):
    def run(cell, projected, state):
        return cell.sequence(projected, state)

    assert largest_difference(layer_gradients(problem, run), reference_gradients(*problem)) < 1e-10


def test_hand_derived_gradients_equal_central_differences(problem):
    arrays, given, *above = problem
    everything = [*arrays, given["x"], given["h"], given["c"]]
    step, slopes = 1e-5, []
    for array in everything:
        slope = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept, losses = array[index], []
            for moved in (kept + step, kept - step):
                array[index] = moved
                losses.append(reference_loss(arrays, given, *above))
            array[index] = kept
            slope[index] = (losses[0] - losses[1]) / (2 * step)
        slopes.append(slope)
    assert largest_difference(slopes, reference_gradients(*problem)) < 1e-6


def test_reference_outputs_equal_the_layer(problem):
    arrays, given, *_ = problem
    layer = LSTMBlock(BLOCKS, CELLS, return_sequences=True)
    layer.build((None, TIME, INPUTS))
    layer.set_weights(arrays)
    outputs = layer(given["x"][None].astype("float32"))
    steps = reference.forward(reference.Weights.from_keras(*arrays), given["x"])
    expected = np.stack([step.b_c.reshape(-1) for step in steps])
    np.testing.assert_allclose(ops.convert_to_numpy(outputs)[0], expected, atol=1e-5)


def test_weights_return_to_keras_as_they_came(problem):
    arrays = problem[0]
    for before, after in zip(arrays, reference.Weights.from_keras(*arrays).to_keras(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_carrousel_carries_the_error_unchanged():
    # Forget gate open (bias +40), every other path shut: input and output gate closed, nothing recurrent.
    shapes = [(1, 4), (1, 4), (4,), (3, 1, 1)]
    arrays = [np.zeros(shape) for shape in shapes]
    arrays[2][:] = [-40, 40, 0, -40]
    weights = reference.Weights.from_keras(*arrays)
    steps = reference.forward(weights, np.zeros((100, 1)), s_c=np.array([[0.7]]))
    errors = reference.backward(weights, steps, np.zeros((100, 1)), at_last_state=np.array([[1.0]]))
    assert steps[-1].s_c[0, 0] == pytest.approx(0.7)
    assert [error.epsilon_s[0, 0] for error in errors] == pytest.approx([1.0] * 100)


def test_the_output_gate_sees_the_state_after_the_step():
    # One cell, everything zero but: candidate bias 5 (g = tanh 5), input gate open, the output gate's peephole 10.
    arrays = [np.zeros((1, 4)), np.zeros((1, 4)), np.array([40.0, 0, 5, 0]), np.array([0, 0, 10.0]).reshape(3, 1, 1)]
    step = reference.forward(reference.Weights.from_keras(*arrays), np.zeros((1, 1)))[0]
    assert step.s_before[0, 0] == 0  # had it looked before the step, the gate would be one half open
    assert step.b_omega[0] == pytest.approx(1 / (1 + np.exp(-10 * np.tanh(5))))


def test_spread_and_sum_are_each_others_transpose():
    gate, cells = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(4, 3)
    spread = ops.convert_to_numpy(fused.spread(ops.convert_to_tensor(gate), 2))
    np.testing.assert_array_equal(spread, gate[[0, 0, 1, 1]])
    assert (spread * cells).sum() == (gate * ops.convert_to_numpy(fused.sum_blocks(cells, 2))).sum()
