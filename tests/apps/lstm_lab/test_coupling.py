"""The GRU is a coupled-gate LSTM: the page's stages end in equal numbers."""

import numpy as np
import pytest

from apps.lstm_lab.coupling import STAGES, Gates, compare
from apps.lstm_lab.units import forward


@pytest.fixture(scope="module")
def compared():
    return compare(seed=0)


def test_the_last_stage_is_the_gru_and_the_others_are_not(compared):
    gru = np.array(compared["gru"])
    differences = [np.abs(np.array(stage["hidden"]) - gru).max() for stage in compared["stages"]]
    assert differences[-1] < 1e-6
    assert all(difference > 1e-2 for difference in differences[:-1])


def test_keras_gru_is_the_gru_of_the_lab(compared):
    gates = Gates(0)
    hidden = forward("gru", gates.gru_weights(), gates.inputs[None])["hidden"][0]
    assert np.array(compared["gru"]) == pytest.approx(hidden, abs=1e-5)


def test_every_stage_keeps_the_changes_before_it():
    for before, after in zip(STAGES[1:], STAGES[2:], strict=False):
        assert before.options.items() <= after.options.items()
