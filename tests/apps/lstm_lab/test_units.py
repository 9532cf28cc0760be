"""The lab's recurrent units: their backward passes are the derivatives of their forward passes."""

import numpy as np
import pytest

from apps.lstm_lab.units import Weights, backward, forward, random_weights

UNITS = ("rnn", "lstm", "peephole", "gru")


def small_network(unit: str) -> tuple[Weights, np.ndarray]:
    generator = np.random.default_rng(3)
    return random_weights(unit, 2, 3, generator), generator.normal(size=(2, 4, 2))


@pytest.mark.parametrize("unit", UNITS)
def test_every_weight_gradient_is_the_slope_of_the_loss(unit):
    weights, inputs = small_network(unit)
    wanted = np.random.default_rng(4).normal(size=(2, 4, 3))

    def loss() -> float:
        return float((forward(unit, weights, inputs)["hidden"] * wanted).sum())

    gradients, _ = backward(unit, weights, forward(unit, weights, inputs), wanted)
    assert gradients.keys() == weights.arrays().keys()
    for name, array in weights.arrays().items():
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + 1e-5
            above = loss()
            array[index] = kept - 1e-5
            below = loss()
            array[index] = kept
            assert gradients[name][index] == pytest.approx((above - below) / 2e-5, abs=1e-7), (name, index)


def test_a_plain_unit_by_hand():
    weights = Weights(kernel=np.array([[2.0]]), recurrent=np.array([[0.5]]), bias=np.array([0.1]))
    hidden = forward("rnn", weights, np.array([[[1.0], [0.0]]]))["hidden"][0, :, 0]
    assert hidden[0] == pytest.approx(np.tanh(2.1))
    assert hidden[1] == pytest.approx(np.tanh(0.5 * np.tanh(2.1) + 0.1))


def test_a_sequence_gives_the_same_alone_and_in_a_batch():
    weights, inputs = small_network("peephole")
    together = forward("peephole", weights, inputs)
    alone = forward("peephole", weights, inputs[1:])
    assert alone["hidden"][0] == pytest.approx(together["hidden"][1], abs=1e-15)


def test_the_output_gate_sees_the_state_after_the_step():
    # One step from nothing: c = ι·g and the output gate sees the new c through its peephole.
    weights = Weights(
        kernel=np.array([[0.0, 0.0, 1.0, 0.0]]),
        recurrent=np.zeros((1, 4)),
        bias=np.zeros(4),
        peephole=np.array([[0.0], [0.0], [2.0]]),
    )
    trace = forward("peephole", weights, np.array([[[1.0]]]))
    cell = 0.5 * np.tanh(1.0)
    assert trace["cell"][0, 0, 0] == pytest.approx(cell)
    assert trace["hidden"][0, 0, 0] == pytest.approx(np.tanh(cell) / (1 + np.exp(-2 * cell)))


def test_what_is_fed_in_at_the_state_runs_down_the_carrousel_unchanged_when_nothing_else_acts():
    # Forget gate open, input gate shut, no way back through h: ε_s^t = ε_s^{t+1}, the constant error.
    weights = Weights(
        kernel=np.zeros((1, 4)), recurrent=np.zeros((1, 4)), bias=np.array([-50.0, 50.0, 0.0, -50.0]), peephole=None
    )
    trace = forward("lstm", weights, np.ones((1, 30, 1)))
    _, at_state = backward("lstm", weights, trace, at_last_state=np.ones((1, 1)))
    assert at_state[0, :, 0] == pytest.approx(np.ones(30), abs=1e-12)
