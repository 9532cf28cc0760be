"""Padded batches whose order follows from a seed and the epoch alone."""

import numpy as np
import pytest

from data.batches import pad, plan_epoch

LENGTHS = np.array([5, 2, 9, 2, 7, 5, 1, 3, 3, 8, 4])


def test_padding_stands_on_the_right():
    assert pad([[5, 6], [7], [8, 9, 4]]).tolist() == [[5, 6, 0], [7, 0, 0], [8, 9, 4]]
    assert pad([[5]], width=3, pad_id=9).tolist() == [[5, 9, 9]]


def test_a_batch_has_at_least_one_column_and_is_never_cut():
    assert pad([]).shape == (0, 1)
    assert pad([[]]).tolist() == [[0]]
    assert pad([[1, 2, 3]], width=2).tolist() == [[1, 2, 3]]
    assert pad([[1]]).dtype == np.int32


def test_every_example_is_in_one_batch():
    plan = plan_epoch(LENGTHS, 3, seed=1, epoch=0)
    assert [len(batch) for batch in sorted(plan, key=len)] == [2, 3, 3, 3]
    assert sorted(np.concatenate(plan)) == list(range(11))


def test_batches_hold_like_lengths():
    spans = [(LENGTHS[batch].min(), LENGTHS[batch].max()) for batch in plan_epoch(LENGTHS, 3, seed=1, epoch=0)]
    spans.sort()
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_the_first_key_sorts_before_the_second():
    lengths = np.array([[2, 9], [1, 1], [2, 1], [1, 9]])
    batches = sorted(sorted(batch.tolist()) for batch in plan_epoch(lengths, 1, seed=0, epoch=0))
    assert batches == [[0], [1], [2], [3]]
    pairs = {tuple(sorted(batch.tolist())) for batch in plan_epoch(lengths, 2, seed=0, epoch=0)}
    assert pairs == {(1, 3), (0, 2)}


def test_the_same_seed_and_epoch_give_the_same_order_and_others_another():
    def order(seed, epoch):
        return [batch.tolist() for batch in plan_epoch(np.arange(60) % 7, 4, seed, epoch)]

    assert order(1, 3) == order(1, 3)
    assert order(1, 3) != order(1, 4)
    assert order(1, 3) != order(2, 3)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_one_at_a_time_and_all_at_once(batch_size):
    plan = plan_epoch(LENGTHS, batch_size, seed=0, epoch=0)
    assert len(plan) == (11 if batch_size == 1 else 1)
