"""The commands of every application: `python -m apps.NAME train | evaluate | predict | export`."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from apps.shared import errors
from apps.shared.errors import UserError
from apps.shared.options import CommonOptions
from apps.shared.task import Task

MOST_THREADS = 1024
COMMANDS = {
    "train": "Trains a model, or goes on with a training.",
    "evaluate": "Scores a model on a part of its corpus.",
    "predict": "Answers one input, or many.",
    "export": "Writes a TensorFlow SavedModel that runs without this project.",
}


def main(task: Task, argv: Sequence[str] | None = None) -> int:
    """Runs one command of one application.

    Args:
        task: the application's task.
        argv: the command and its flags; None takes them from the command line.

    Returns:
        The exit code, see `apps.shared.errors`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return errors.run(lambda: _dispatch(task, words), debug="--debug" in words)


def commands_of(task: Task) -> dict[str, str]:
    """The commands that a task answers, with what each does."""
    return {name: does for name, does in COMMANDS.items() if name != "export" or task.exports}


def settle(options: CommonOptions, keras: bool = True) -> None:
    """Prepares the process for the work: threads, quiet libraries, and Keras imported.

    Args:
        options: threads and debug.
        keras: whether the work needs Keras; importing it takes seconds.

    Raises:
        UserError: there cannot be so many threads.
    """
    check_threads(options.threads)
    if options.threads:
        for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(options.threads)
    # Importing and tracing make a million objects that stay: looking through them every 700 for garbage, as Python
    # does by itself, costs a cold `predict --text` half a second.
    gc.set_threshold(50_000, 20, 20)
    if options.debug:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    # Where ctrl-C falls into the making of a graph, TensorFlow would log pages about parts that were never used.
    logging.getLogger("tensorflow").setLevel(logging.CRITICAL)
    if keras:
        with _silent_log():
            importlib.import_module("keras")


def check_threads(threads: int) -> None:
    """Refuses a number of threads that cannot be.

    Raises:
        UserError: it is negative, or more than `MOST_THREADS`.
    """
    if not 0 <= threads <= MOST_THREADS:
        raise UserError(f"--threads must be between 0 and {MOST_THREADS:,}, got {threads}.")


@contextmanager
def _silent_log() -> Iterator[None]:
    """Keeps what TensorFlow logs while it is imported from standard error; no setting of its own does.

    Where the import fails the log is shown after all.
    """
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _dispatch(task: Task, words: list[str]) -> None:
    program = f"python -m apps.{task.name}"
    known = commands_of(task)
    if not words:
        raise UserError(f"Name a command: {', '.join(known)}. See: {program} --help")
    if words[0] in ("-h", "--help"):
        print(_usage(task, program))
        return
    name, flags = words[0], words[1:]
    if name not in known:
        raise UserError(f"Unknown command {name!r}. Commands: {', '.join(known)}. See: {program} --help")
    command = importlib.import_module(f"apps.shared.commands.{name}")
    try:
        command.run(task, f"{program} {name}", flags)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
        return  # after --help


def _usage(task: Task, program: str) -> str:
    commands = "\n".join(f"  {name:<10} {does}" for name, does in commands_of(task).items())
    return (
        f"usage: {program} COMMAND [OPTIONS]\n\n"
        f"{task.name}: {task.does}.\n\n{commands}\n\n{program} COMMAND --help shows the options."
    )
