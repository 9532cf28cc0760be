"""Calibration by hand, and the temperature that mends it."""

import numpy as np
import pytest

from metrics.calibration import expected_calibration_error, fit_temperature, nats, softmax


def test_the_error_is_the_distance_of_confidence_and_accuracy():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = np.array([0, 0, 0, 1, 1, 1])
    # 4 texts at 0.9 with 3 right, 2 at 0.6 with both right: 4/6 · 0.15 + 2/6 · 0.4
    assert expected_calibration_error(probabilities, labels) == pytest.approx(100 * (0.1 + 0.4 / 3))


def test_softmax_divides_by_the_temperature():
    assert softmax(np.array([[2.0, 0.0]]), 2.0)[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_nats_are_the_mean_negative_log_probability():
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert nats(logits, np.array([1, 0])) == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)


def test_the_temperature_undoes_what_logits_were_multiplied_by():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(5000, 3))
    labels = np.array([generator.choice(3, p=row) for row in softmax(logits)])
    assert fit_temperature(4 * logits, labels) == pytest.approx(4, rel=0.06)
    assert expected_calibration_error(softmax(4 * logits, 4), labels) < 4
    assert expected_calibration_error(softmax(4 * logits), labels) > 15
