"""`predict --engine ray`: a folder of shards answered by several processes, or several machines."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from apps.shared import errors, files, shards
from apps.shared.commands import check_threads, settle
from apps.shared.commands.opening import find_model, open_model
from apps.shared.errors import InterruptedRun, ItemErrors, UserError, starting
from apps.shared.options import CommonOptions, PredictOptions
from apps.shared.progress import Progress
from apps.shared.shards import Shard
from apps.shared.task import Task

_STOPS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""What would hit every other shard as well."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a shard, as its worker tells it.

    Attributes:
        error: why it has no answers; empty where it has.
        number, path: of the system's error, where the others would meet it too.
    """

    error: str = ""
    number: int = 0
    path: str = ""


def run(task: Task, options: PredictOptions, search: Any) -> None:
    """Answers the shards of `options.input` into `options.output`, those that are not answered yet.

    Raises:
        UserError: Ray is missing, or a flag, a folder or the model keeps it from starting.
        ItemErrors: some inputs had no answer; they are listed beside their shards.
        OSError: the output cannot be written; what is done stays.
        InterruptedRun: ctrl-C; what is done stays.
    """
    from serving import store
    from serving.engines import ray_cluster

    _check(options)
    with starting():
        ray_cluster.require()
        path = find_model(task, options.model)
        store.read(path, task.name)
        found = shards.find(options.input, task.input_kind, options.shard_size)
        output = Path(options.output)
        _check_names(found, options, task, output)
        shards.begin(output, _settings(task, path, options, search), found)
    as_json, kind = options.json, task.input_kind
    todo = [shard for shard in found if not shards.is_done(output, shard, as_json, kind)]
    if len(todo) < len(found):
        errors.say(f"{len(found) - len(todo):,} of {len(found):,} shards are done already.")
    threads = options.threads or 1
    work = partial(open_worker, task, path, options.allow_hub, search, as_json, output.resolve(), threads)
    try:
        refused = _work_off(work, todo, options.workers, threads, options.debug) if todo else 0
    except (KeyboardInterrupt, SystemExit) as interrupted:  # SIGTERM: Ray has a handler that exits
        # By what lies there: a worker may have written a shard that it had no time to report.
        done = sum(shards.is_done(output, shard, as_json, kind) for shard in found)
        said = f"Interrupted: {done:,} of {len(found):,} shards were answered."
        raise InterruptedRun(f"{said} The same command goes on with the others.") from interrupted
    shards.tidy(output)
    failed = sum(shards.count_failed(output, shard) for shard in found)
    total = sum(
        shards.count_answers(output, shard, as_json, kind)
        for shard in found
        if shards.is_done(output, shard, as_json, kind)
    )
    print(output)
    if refused:
        raise OSError(f"{refused:,} of {len(found):,} shards have no answers; the others are done.")
    if failed:
        raise ItemErrors(failed, total)


def open_worker(
    task: Task, path: Path, allow_hub: bool, search: Any, as_json: bool, output: Path, threads: int
) -> Callable[[Shard], Outcome]:
    """What a worker does once: it opens the model and gives the function that answers a shard."""
    from serving.engines import ray_cluster

    ray_cluster.set_threads(threads)
    settle(CommonOptions(threads=threads), task.uses_keras)
    predictor = open_model(task, path, allow_hub)

    def work(shard: Shard) -> Outcome:
        try:
            shards.answer(predictor, shard, task.input_kind, search, as_json, output)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _STOPS:
                where = str(error.filename or output)
                return Outcome(error=errors.describe(error), number=error.errno or 0, path=where)
            return Outcome(error=errors.describe(error))
        return Outcome()

    return work


def _work_off(work: Any, todo: Sequence[Shard], workers: int, threads: int, debug: bool) -> int:
    """Answers shards; gives how many could not be."""
    from serving.engines import ray_batch, ray_cluster

    refused = done = 0
    with Progress("shards") as progress, ray_cluster.running(cpus=workers * threads, debug=debug) as ray:
        for number, outcome in ray_batch.run(ray, work, todo, workers, threads):
            done += 1
            progress.at(done)
            if isinstance(outcome, ray_batch.Lost):
                refused += 1
                errors.say(f"{todo[number].name}: its worker died {outcome.attempts} times: {outcome.reason}")
            elif outcome.number:
                raise OSError(outcome.number, outcome.error, outcome.path)
            elif outcome.error:
                refused += 1
                errors.say(f"{todo[number].name}: {outcome.error}")
    return refused


def _check(options: PredictOptions) -> None:
    if not options.input or options.input == files.STANDARD:
        raise UserError("--engine ray answers a folder of shards: name it with --input.")
    if options.output == files.STANDARD:
        raise UserError("--engine ray writes a folder of shards: name it with --output.")
    if options.trace:
        raise UserError("--trace follows one input, and --engine ray answers many. Leave one out.")
    check_threads(options.threads)
    if options.workers < 1 or options.shard_size < 1:
        raise UserError("--workers and --shard-size are at least 1.")
    if Path(options.output).resolve() == Path(options.input).resolve():
        raise UserError("--input and --output name the same folder.")


def _check_names(found: Sequence[Shard], options: PredictOptions, task: Task, output: Path) -> None:
    names = [name for shard in found for name in (shard.answers(options.json, task.input_kind), shard.errors)]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice or shards.RUN in names:
        raise UserError(f"Two files would be called {(twice or [shards.RUN])[0]} in {output}. Rename a shard.")


def _settings(task: Task, path: Path, options: PredictOptions, search: Any) -> dict[str, Any]:
    from serving import store

    return {
        "task": task.name,
        "model": store.fingerprint(path),
        "search": asdict(search) if search is not None else None,
        "json": options.json,
        "shard_size": options.shard_size if task.input_kind != "text" else None,
    }
