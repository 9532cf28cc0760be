"""Keras' own test cases for its LSTM, run against `PeepholeLSTM` with its peepholes at zero (their initial value).

The cases are read from the installed Keras (keras/src/layers/rnn/lstm_test.py, Apache-2.0), not copied. All six run.
Five pass as they are. `test_basics` counts three trainable weights, where this layer has four: that number alone is
changed, in its three `run_layer_test` calls.
"""

import types

import pytest

from models.layers.peephole_lstm import PeepholeLSTM

lstm_test = pytest.importorskip("keras.src.layers.rnn.lstm_test", reason="this Keras came without its tests")


class TestKerasCases(lstm_test.LSTMTest):
    @pytest.fixture(autouse=True)
    def ours_for_theirs(self, monkeypatch):
        monkeypatch.setattr(lstm_test, "layers", types.SimpleNamespace(LSTM=PeepholeLSTM))

    def run_layer_test(self, layer_cls, **settings):
        assert layer_cls is PeepholeLSTM
        assert settings["expected_num_trainable_weights"] == 3
        settings["expected_num_trainable_weights"] = 4
        super().run_layer_test(layer_cls, **settings)
