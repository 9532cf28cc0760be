"""Gradient flow: what the figure shows is the derivative, and vanishes where it should."""

import numpy as np
import pytest

from apps.lstm_lab.gradient_flow import gradient_flow, widget_data
from apps.lstm_lab.units import Weights, random_weights


@pytest.mark.parametrize("unit", ["rnn", "lstm", "peephole", "gru"])
def test_the_flow_is_one_at_the_last_step(unit):
    generator = np.random.default_rng(0)
    flow = gradient_flow(unit, random_weights(unit, 2, 4, generator), generator.normal(size=(6, 2)))
    assert flow[-1] == pytest.approx(1.0)


def test_a_plain_unit_at_rest_shrinks_by_its_weight_at_every_step():
    # h stays 0, tanh' is 1 there, so each step back multiplies by the recurrent weight alone.
    weights = Weights(kernel=np.zeros((1, 1)), recurrent=np.array([[0.5]]), bias=np.zeros(1))
    assert gradient_flow("rnn", weights, np.zeros((4, 1))) == pytest.approx([0.125, 0.25, 0.5, 1.0])


def test_an_lstm_at_rest_shrinks_by_its_forget_gate_at_every_step():
    weights = Weights(kernel=np.zeros((1, 4)), recurrent=np.zeros((1, 4)), bias=np.array([0.0, 1.0, 0.0, 0.0]))
    kept = 1 / (1 + np.exp(-1.0))
    assert gradient_flow("lstm", weights, np.zeros((3, 1))) == pytest.approx([kept**2, kept, 1.0])


def test_the_page_gets_plain_lists_of_every_network():
    data = widget_data()
    assert np.shape(data["networks"]["lstm"]["kernel"]) == (2, 4 * data["units"])
    assert isinstance(data["inputs"][0][0], float)
