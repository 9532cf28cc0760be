"""The stories of the live cell do what their texts say."""

import numpy as np
import pytest

from apps.lstm_lab.live_cell import STEPS, STORIES, widget_data
from apps.lstm_lab.units import forward

BY_KEY = {story.key: story for story in STORIES}


def run(key: str, unit: str = "lstm", peepholes: bool | None = None) -> dict[str, np.ndarray]:
    story = BY_KEY[key]
    trace = forward(unit, story.weights(unit, peepholes), np.array(story.inputs)[None, :, None])
    return {name: array[0, :, 0] for name, array in trace.items() if name != "steps"}


def test_the_latch_holds_its_pulse_through_the_noise_and_the_plain_unit_does_not():
    cell, hidden = run("latch")["cell"], run("latch", "rnn")["hidden"]
    assert abs(cell[-1] - cell[2]) < 0.1 * cell[2]
    assert abs(hidden[-1] - hidden[2]) > 0.3


def test_a_negative_pulse_empties_the_cell():
    cell = run("forget")["cell"]
    assert cell[6] > 0.8 and abs(cell[7]) < 0.1 and cell[10] > 0.8


def test_the_counter_is_back_at_zero_after_as_many_steps_down_as_up():
    cell = run("count")["cell"]
    assert cell[5] == pytest.approx(6 * np.tanh(0.4), rel=0.01)
    assert cell[11] == pytest.approx(0.0, abs=0.01)
    assert np.abs(run("count", "rnn")["hidden"]).max() < 1.0


def test_the_clock_strikes_every_five_steps_with_peepholes_and_never_without():
    struck = np.flatnonzero(run("timer")["hidden"] > 0.6)
    assert struck.tolist() == [4, 9, 14]
    assert run("timer", peepholes=False)["hidden"].max() < 0.01


def test_the_leak_halves_at_every_step():
    cell = run("leak")["cell"]
    assert cell[2:8] / cell[1:7] == pytest.approx(np.full(6, 0.5), abs=0.01)


def test_every_story_has_an_input_for_every_step_and_a_short_key():
    for story in widget_data()["stories"]:
        assert len(story["inputs"]) == STEPS
        assert story["key"].isalpha()
