"""Accuracy, confusions and F1 by hand."""

import numpy as np
import pytest

from metrics.accuracy import accuracy, confusion, f1_scores


def test_accuracy_is_the_share_of_right_guesses():
    assert accuracy([0, 1, 1, 0], [0, 1, 0, 0]) == 75.0


def test_confusions_have_the_right_class_in_the_row():
    assert confusion([0, 1, 1], [0, 0, 1], 2).tolist() == [[1, 1], [0, 1]]


def test_f1_is_2_right_over_guessed_and_there():
    scores = f1_scores(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]]))
    assert scores == pytest.approx([200 / 3, 200 / 3, 0.0])


@pytest.mark.parametrize(("guesses", "labels"), [([], []), ([1], [1, 2])])
def test_nothing_to_score_is_refused(guesses, labels):
    with pytest.raises(ValueError, match="One guess a label"):
        accuracy(guesses, labels)
