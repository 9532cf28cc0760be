"""The benchmark of the classic tasks: its criterion, and that it goes on where it was stopped."""

import json

import numpy as np
import pytest

from apps.lstm_lab.classic_tasks import TASKS
from benchmarks import classic_tasks


def test_the_criterion_wants_two_thousand_right_in_a_row():
    streak = classic_tasks.Streak()
    streak.add(np.array([True] * 1_999), np.zeros(1_999))
    assert not streak.done(float("inf"))
    streak.add(np.array([True]), np.zeros(1))
    assert streak.done(float("inf"))
    streak.add(np.array([False]), np.ones(1))
    assert not streak.done(float("inf"))


def test_for_adding_the_mean_error_counts_too():
    streak = classic_tasks.Streak()
    streak.add(np.array([True] * 2_000), np.full(2_000, 0.02))
    assert not streak.done(0.01)
    streak.add(np.array([True] * 2_000), np.full(2_000, 0.005))
    assert streak.done(0.01)


def test_every_trial_names_a_task_and_can_be_made_quick():
    assert {trial.task for trial in classic_tasks.TRIALS.values()} <= set(TASKS)
    assert classic_tasks.QUICK.keys() == classic_tasks.TRIALS.keys()


@pytest.fixture
def played(monkeypatch):
    """The benchmark with its trainings replaced: every LSTM succeeds, every RNN fails."""
    begun = []

    def train(trial, cell, seed, jit, start):
        begun.append((trial.task, cell, seed))
        return {"succeeded": cell == "lstm", "sequences": 8_000, "seconds": 0.0, "weights": 1, "test_right": 1.0}

    monkeypatch.setattr(classic_tasks, "train", train)
    return begun


def run(path, *more: str) -> int:
    return classic_tasks.main(["--output", str(path), "--tasks", "lag-100", "--cells", "rnn", "lstm", *more])


def test_what_is_in_the_report_is_not_run_again(played, tmp_path, capsys):
    path = tmp_path / "report.json"
    assert run(path, "--seeds", "1") == 0
    assert run(path, "--seeds", "2") == 0
    assert played == [("lag", "rnn", 0), ("lag", "lstm", 0), ("lag", "rnn", 1), ("lag", "lstm", 1)]
    assert "| lag-100 | 0/2 | 2/2 (8k) |" in capsys.readouterr().out


def test_a_time_limit_leaves_the_rest_for_the_next_time(played, tmp_path, capsys):
    path = tmp_path / "report.json"
    assert run(path, "--seeds", "3", "--time-limit", "-1") == 1
    assert "6 runs are missing" in capsys.readouterr().err


def test_a_report_of_other_settings_is_not_mixed_in(played, tmp_path, capsys):
    path = tmp_path / "report.json"
    run(path, "--seeds", "1")
    assert run(path, "--quick") == 2
    assert "other settings" in capsys.readouterr().err
    assert len(json.loads(path.read_text())["runs"]) == 2


def test_a_network_of_every_cell_learns_from_a_batch():
    # Counting to two with a handful of sequences: enough to see that every layer trains and is judged.
    trial = classic_tasks.Trial(
        task="counting", length=2, units=4, budget=1_000, learning_rate=0.01, tested_length=2, memory=4
    )
    for cell in classic_tasks.CELLS:
        result = classic_tasks.train(trial, cell, seed=0, jit=False)
        assert result["sequences"] == 1_000 and 0 <= result["test_right"] <= 1


@pytest.mark.parametrize("cell", [cell for cell in classic_tasks.CELLS if cell != "rnn"])
def test_a_cell_begins_with_a_memory_as_long_as_the_task(cell):
    # Nothing comes in and every weight is zero: what 50 steps leave of a state of ones is what the gates kept.
    layer = classic_tasks.recurrent_layer(cell, 8)
    layer.build((None, 50, 1))
    for weight in layer.weights:
        if not weight.path.endswith("bias"):
            weight.assign(np.zeros(weight.shape))

    def left() -> np.ndarray:
        ones = [np.ones((1, 8), "float32")] * (1 if cell == "gru" else 2)
        return np.asarray(layer(np.zeros((1, 50, 1), "float32"), initial_state=ones))[0, -1]

    assert left().max() < 1e-3
    classic_tasks.keep_for(layer, cell, 101, seed=0)
    assert left().max() > 0.1
    assert len(np.unique(left().round(6))) > 1  # each at its own pace
