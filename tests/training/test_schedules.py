"""Learning rates over time."""

import numpy as np
import pytest

from training.schedules import WarmupSchedule


def rates(shape, steps, peak=2.0, warmup_steps=4, total_steps=20):
    schedule = WarmupSchedule(peak, warmup_steps, total_steps, shape)
    return [float(schedule(np.int64(step))) for step in steps]


@pytest.mark.parametrize("shape", ["cosine", "linear", "inverse-sqrt", "constant"])
def test_the_rate_rises_in_even_steps_to_its_peak(shape):
    assert rates(shape, range(4)) == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_cosine_and_linear_are_halfway_in_the_middle_and_zero_at_the_end():
    # The decay goes from step 4 to step 20; its middle is step 12.
    assert rates("cosine", [12, 20, 50]) == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    assert rates("linear", [8, 12, 20, 50]) == pytest.approx([1.5, 1.0, 0.0, 0.0], abs=1e-6)


def test_inverse_square_root_halves_when_the_steps_are_four_times_as_many():
    assert rates("inverse-sqrt", [3, 15, 63]) == pytest.approx([2.0, 1.0, 0.5])


def test_constant_stays():
    assert rates("constant", [4, 100, 10_000]) == [2.0, 2.0, 2.0]


def test_without_warmup_the_first_step_has_the_peak():
    assert rates("constant", [0], warmup_steps=0) == [2.0]


def test_it_is_rebuilt_from_its_configuration():
    schedule = WarmupSchedule(0.1, 3, 9, "linear")
    again = WarmupSchedule.from_config(schedule.get_config())
    assert [float(again(np.int64(n))) for n in range(10)] == [float(schedule(np.int64(n))) for n in range(10)]
