"""Jobs over worker processes by Ray's actors: each job answered, whoever dies.

Ray Data is not used, though it could hand the jobs out. Its unit of output is a block that it names itself, and a
retried task writes again; here a job writes its own file, whole or not at all, so that doing it again changes nothing.
And a job that kills its worker is either retried there without end or ends the run; here that job alone is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

ATTEMPTS = 3
"""Workers that one job may take with it."""


@dataclass(frozen=True)
class Lost:
    """What became of a job whose workers died of it.

    Attributes:
        attempts: how many did.
        reason: what Ray said of the last, in one line.
    """

    attempts: int
    reason: str


class Worker:
    """What runs in a process of its own: opens once, then works off jobs.

    Args:
        open_worker: gives the function that does a job.
    """

    def __init__(self, open_worker: Callable[[], Callable[[Any], Any]]):
        self.broken = ""
        try:
            self.work = open_worker()
        except Exception as error:
            self.broken = " ".join(str(error).split()) or type(error).__name__

    def do(self, job: Any) -> tuple[str, Any]:
        """Why the worker cannot work, and else the job's outcome."""
        return (self.broken, None) if self.broken else ("", self.work(job))


def run(
    ray: Any,
    open_worker: Callable[[], Callable[[Any], Any]],
    jobs: Sequence[Any],
    workers: int,
    threads: int = 1,
) -> Iterator[tuple[int, Any]]:
    """Works off jobs.

    A worker that dies is replaced and its job done again, by the next one that is free.

    Args:
        ray: from `serving.engines.ray_cluster.running`.
        open_worker: called once in each worker; must be picklable, as what it is bound to.
        jobs: picklable.
        workers: processes; fewer where Ray has not so many cores: one that cannot start would be waited for for ever.
        threads: cores that each takes for itself.

    Yields:
        The number of a job and its outcome, or `Lost`, in the order in which they end.

    Raises:
        RuntimeError: a worker could not be opened.
        Exception: what the work raised, of the class that Ray makes of it.
    """
    remote = ray.remote(num_cpus=threads, max_restarts=0, max_task_retries=0)(Worker)
    waiting, lost = deque(range(len(jobs))), [0] * len(jobs)
    room = max(1, int(ray.cluster_resources().get("CPU", threads)) // threads)
    idle = [remote.remote(open_worker) for _ in range(min(workers, len(jobs), room))]
    busy: dict[Any, tuple[int, Any]] = {}
    while waiting or busy:
        while waiting and idle:
            number, worker = waiting.popleft(), idle.pop()
            busy[worker.do.remote(jobs[number])] = number, worker
        [ready], _ = ray.wait(list(busy), num_returns=1)
        number, worker = busy.pop(ready)
        try:
            broken, outcome = ray.get(ready)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())
            lost[number] += 1
            idle.append(remote.remote(open_worker))
            if lost[number] < ATTEMPTS:
                waiting.appendleft(number)
            else:
                yield number, Lost(ATTEMPTS, reason)
            continue
        if broken:
            raise RuntimeError(f"A worker cannot start: {broken}")
        idle.append(worker)
        yield number, outcome
