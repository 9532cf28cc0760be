"""Accuracy of tags, and the mistakes."""

import math

import pytest

from metrics.tagging import confusions, tag_accuracy


def test_accuracy_is_the_share_of_right_tags():
    assert tag_accuracy(["A", "B", "A", "A"], ["A", "B", "B", "A"]) == 0.75
    assert math.isnan(tag_accuracy([], []))
    with pytest.raises(ValueError, match="1 tags were found for 2 words"):
        tag_accuracy(["A"], ["A", "B"])


def test_mistakes_are_counted_by_right_and_found_tag():
    assert confusions(["A", "B", "B", "C"], ["A", "A", "A", "B"], 5) == [("A", "B", 2), ("B", "C", 1)]
