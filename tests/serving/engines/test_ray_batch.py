"""Jobs over Ray's workers: each is answered once, whoever dies, and what kills its worker is given up alone."""

import os
import signal
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs requirements-scale.txt")

from serving.engines import ray_batch, ray_cluster

pytestmark = pytest.mark.slow


def open_worker():
    """Gives what squares numbers, and dies of what it is told to die of."""

    def work(job):
        number, once = job
        if once == "always" or (once and not Path(once).exists()):
            if once != "always":
                Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number**2

    return work


def open_nothing():
    raise OSError("there is no model here")


@pytest.fixture(scope="module")
def ray():
    with ray_cluster.running(cpus=2) as found:
        yield found


def test_every_job_is_done_once_though_workers_are_killed(ray, tmp_path):
    jobs = [(number, str(tmp_path / f"died-{number}") if number in (2, 5) else "") for number in range(8)]
    found = list(ray_batch.run(ray, open_worker, jobs, workers=2))
    assert sorted(found) == [(number, number**2) for number in range(8)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died-2", "died-5"]


def test_a_job_that_kills_every_worker_is_given_up_and_the_others_are_done(ray):
    found = dict(ray_batch.run(ray, open_worker, [(1, ""), (2, "always"), (3, "")], workers=1))
    assert found[0] == 1 and found[2] == 9
    assert isinstance(found[1], ray_batch.Lost) and found[1].attempts == ray_batch.ATTEMPTS


def test_a_worker_that_cannot_be_opened_ends_the_run_with_its_reason(ray):
    with pytest.raises(RuntimeError, match="there is no model here"):
        list(ray_batch.run(ray, open_nothing, [(1, "")], workers=1))


def test_no_job_needs_no_worker(ray):
    assert list(ray_batch.run(ray, open_nothing, [], workers=4)) == []


def test_nothing_is_sent_home(ray):
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert str(ray_cluster.ROOT) in os.environ["PYTHONPATH"].split(os.pathsep)
