"""A GRU is a coupled-gate LSTM: one turned into the other, and back."""

import keras
import numpy as np
import pytest
from keras import ops

from models.layers.coupled_gate_lstm import CoupledGateLSTM, coupled_from_gru, gru_from_coupled

MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)


@pytest.fixture
def sentences():
    return np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")


def random_gru(**settings):
    gru = keras.layers.GRU(4, reset_after=False, return_sequences=True, bias_initializer="uniform", **settings)
    gru.build((None, 5, 3))
    return gru


@pytest.mark.parametrize("settings", [{}, {"go_backwards": True}, {"use_bias": False}, {"activation": "relu"}])
@pytest.mark.parametrize("mask", [None, MASK], ids=["no padding", "padding"])
def test_a_gru_becomes_a_coupled_gate_lstm_and_returns(sentences, settings, mask):
    gru = random_gru(**settings)
    coupled = coupled_from_gru(gru)
    back = gru_from_coupled(coupled)
    expected = ops.convert_to_numpy(gru(sentences, mask=mask))
    for layer in (coupled, back):
        np.testing.assert_allclose(ops.convert_to_numpy(layer(sentences, mask=mask)), expected, atol=1e-6)
    for before, between, after in zip(gru.get_weights(), coupled.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(between, before)
        np.testing.assert_array_equal(after, before)
    assert {**back.get_config(), "name": gru.name} == gru.get_config()


def test_the_state_of_the_gru_is_both_h_and_c(sentences):
    gru = random_gru(return_state=True)
    coupled = coupled_from_gru(gru)
    state = np.random.default_rng(1).normal(size=(2, 4)).astype("float32")
    outputs, last = (ops.convert_to_numpy(tensor) for tensor in gru(sentences, initial_state=state))
    found, *states = (ops.convert_to_numpy(tensor) for tensor in coupled(sentences, initial_state=[state, state]))
    for tensor, expected in ((found, outputs), (states[0], last), (states[1], last)):
        np.testing.assert_allclose(tensor, expected, atol=1e-6)


def test_the_update_gate_is_the_forget_gate(sentences):
    # h = z h + (1 − z) candidate: with z = σ(40) = 1 nothing is ever replaced.
    coupled = coupled_from_gru(random_gru())
    kernel, recurrent, bias = coupled.get_weights()
    bias[:4] = 40
    coupled.set_weights([kernel, recurrent, bias])
    state = np.full((2, 4), 0.3, "float32")
    np.testing.assert_allclose(ops.convert_to_numpy(coupled(sentences, initial_state=[state, state])), 0.3, atol=1e-6)


def test_layers_that_are_no_such_gru_are_refused():
    with pytest.raises(ValueError, match="reset_after=True, a third variant"):
        coupled_from_gru(keras.layers.GRU(4))
    with pytest.raises(ValueError, match="A GRU needs .*'output_gate': False.*this layer has .*'output_gate': True"):
        gru_from_coupled(CoupledGateLSTM(4))
