"""The classic tasks' sequences are what the papers describe, and small networks learn them."""

import numpy as np
import pytest

from apps.lstm_lab.classic_tasks import TASKS, counting_words
from apps.lstm_lab.training import SETTINGS, Network, Trainer, loss_and_slope, widget_data


def sequences(key: str, size: int = 64, length: int = 20):
    return TASKS[key].batch(np.random.default_rng(0), size, length)


@pytest.mark.parametrize("key", TASKS)
def test_shapes_fit_the_task_and_the_same_seed_gives_the_same_sequences(key):
    inputs, targets, weights = sequences(key)
    assert inputs.shape[2] == TASKS[key].features and targets.shape[2] == TASKS[key].outputs
    assert inputs.shape[:2] == targets.shape[:2] == weights.shape
    assert all(np.array_equal(a, b) for a, b in zip(sequences(key), sequences(key), strict=True))
    assert (weights.sum(1) > 0).all()


def test_the_bit_to_remember_is_the_first_input():
    inputs, targets, _ = sequences("remember")
    assert np.array_equal(targets[:, -1, 0], inputs[:, 0, 0] > 0)


def test_a_word_may_end_where_as_many_b_as_a_were_read():
    inputs, targets, weights = counting_words(np.array([2]), 3)
    assert inputs[0].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1], [0, 0], [0, 0]]
    assert targets[0, :, 0].tolist() == [0, 0, 0, 1, 0, 0]
    assert weights[0].tolist() == [0, 0, 1, 1, 0, 0]


def test_a_spike_is_answered_by_the_gap_before_it():
    inputs, targets, weights = sequences("timing", length=10)
    spikes = np.flatnonzero(inputs[0, :, 0])
    asked = np.flatnonzero(weights[0])
    assert asked.tolist() == spikes[1:].tolist()
    assert targets[0, asked, 0] == pytest.approx(np.diff(spikes) / 10)


def test_the_answer_of_the_adding_problem_is_the_scaled_sum_of_the_marked():
    inputs, targets, weights = sequences("adding", size=500, length=30)
    marked = (inputs[..., 0] * (inputs[..., 1] == 1)).sum(1)
    assert ((inputs[..., 1] == 1).sum(1) == 2).all()
    assert (targets * weights[..., None]).sum((1, 2)) == pytest.approx(0.5 + marked / 4)
    assert weights.shape[1] == 33 and set(weights.argmax(1)) <= {29, 30, 31, 32}


def test_after_a_long_lag_the_first_symbol_is_asked_for():
    inputs, targets, _ = sequences("lag")
    assert np.array_equal(inputs[:, 0, :2], targets[:, -1])


def test_the_four_orders_are_told_by_the_two_symbols():
    inputs, targets, _ = sequences("order", length=100)
    for symbols, answer in zip(inputs.argmax(-1), targets[:, -1].argmax(-1), strict=True):
        first, second = symbols[symbols < 2]
        assert answer == 2 * first + second


@pytest.mark.parametrize("key", TASKS)
def test_the_loss_has_the_slope_it_says(key):
    task = TASKS[key]
    _, targets, weights = sequences(key, size=2, length=10)
    answers = np.random.default_rng(1).normal(size=targets.shape)
    _, slope = loss_and_slope(task, answers, targets, weights)
    index = (1, int(weights[1].argmax()), 0)
    moved = answers.copy()
    moved[index] += 1e-6
    rise = loss_and_slope(task, moved, targets, weights)[0] - loss_and_slope(task, answers, targets, weights)[0]
    assert slope[index] == pytest.approx(rise / 1e-6, abs=1e-5)


def test_one_wrong_answer_makes_a_sequence_wrong_and_answers_not_asked_for_do_not_count():
    task = TASKS["counting"]
    _, targets, weights = counting_words(np.array([2]), 3)
    answers = np.where(targets > 0.5, 1.0, -1.0)
    answers[0, 0] = 5.0  # among the a's nothing is asked
    assert task.right(answers, targets, weights).tolist() == [True]
    answers[0, 2] = 5.0
    assert task.right(answers, targets, weights).tolist() == [False]


def test_an_lstm_learns_to_count_in_seconds_and_counts_beyond_what_it_saw():
    trainer = Trainer("counting", 4, ("lstm",), seed=0)
    while not trainer.done:
        trainer.work(5.0)
    assert trainer.losses["lstm"][-1] < 0.05
    assert trainer.successes["lstm"][-1] > 0.9  # words up to n = 6, none above 4 was trained on


def test_training_is_the_same_for_the_same_seed_however_it_is_sliced():
    at_once, sliced = (Trainer("remember", 5, ("rnn",), seed=3) for _ in range(2))
    at_once.work(60.0)
    while not sliced.done:
        sliced.work(0.02)
    assert at_once.losses == sliced.losses


def test_the_page_gets_curves_of_a_bounded_size_and_one_sequence_to_look_at():
    trainer = Trainer("remember", 5, ("rnn", "lstm"), seed=0)
    trainer.work(0.05)
    data = widget_data(trainer, running=True)
    assert all(len(unit["losses"]) <= 160 for unit in data["units"])
    assert np.shape(data["example"]["states"]["lstm"]) == (6, SETTINGS["remember"].units)
    assert data["example"]["answers"].keys() == {"rnn", "lstm"}


def test_an_update_moves_every_weight():
    network = Network("peephole", TASKS["remember"], 3, seed=0)
    before = {name: array.copy() for name, array in network.arrays().items()}
    network.update(sequences("remember"), 0.01)
    assert all(not np.array_equal(before[name], array) for name, array in network.arrays().items())
