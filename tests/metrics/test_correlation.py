"""Rank correlation, against a case worked out by hand and against SciPy."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from metrics.correlation import ranked, spearman


def test_only_the_order_counts():
    assert spearman([1, 2, 3], [10, 1000, 1e9]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, -5]) == pytest.approx(-1)


def test_equal_values_share_their_rank():
    assert ranked([5, 1, 5, 9]).tolist() == [1.5, 0, 1.5, 3]


def test_it_agrees_with_scipy():
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 9, (2, 60))
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_what_has_no_order_has_no_correlation():
    assert math.isnan(spearman([1], [2])) and math.isnan(spearman([1, 1], [1, 2]))
    with pytest.raises(ValueError, match="2 values against 1"):
        spearman([1, 2], [1])
