"""Trains a model, or goes on with a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from apps.shared import errors, flags, runs
from apps.shared.commands import settle
from apps.shared.errors import InterruptedRun, UserError
from apps.shared.task import Task


def run(task: Task, program: str, argv: Sequence[str]) -> None:
    """`train`: reads the flags, checks the folder, trains.

    Raises:
        UserError: a flag, the folder or the data keeps it from starting.
        InterruptedRun: ctrl-C; the work is saved.
    """
    import tyro

    name, start = _named_recipe(task, argv)
    settings: dict[str, Any] = {}
    resumed = "--resume" in argv and flags.first_value(argv, "--output")
    if resumed:
        runs.check_output(Path(resumed), True, program)
        start, kept = runs.stored(Path(resumed), task.name, task.recipe_class)
        known = {one.name for one in fields(task.options_class)}
        settings = {name: value for name, value in kept.items() if name in known}
    parts: dict[str, Any] = {"run": task.options_class(output=tyro.MISSING, **settings), "recipe": start}
    if task.recipes:
        names = list(task.recipes) if name else ["", *task.recipes]
        parts["named"] = flags.choice(
            "recipe", names, name, "Take the settings of a named recipe; other flags change them."
        )
    values = flags.parse(program, f"Trains a model that {task.does}.", parts, argv)
    options, recipe = values["run"], values["recipe"]
    with errors.starting():
        runs.check_output(options.output, options.resume, program)
    if not 0 <= options.seed < 2**32:
        raise UserError(f"--seed must be between 0 and {2**32 - 1:,}, got {options.seed}.")
    if resumed:
        runs.check_unchanged(start, recipe)
        runs.check_unchanged(parts["run"], options, names=runs.KEPT)
    settle(options, task.uses_keras)
    _train(task, program, recipe, options)


def _named_recipe(task: Task, argv: Sequence[str]) -> tuple[str, Any]:
    """The named recipe that the command line asks for, before its other flags are read: they show its defaults."""
    name = flags.first_value(argv, "--recipe") or task.default_recipe
    if not name:
        return "", task.recipe_class()
    if name not in task.recipes:
        known = ", ".join(task.recipes) or "none"
        raise UserError(f"No recipe {name!r} for {task.name}. Recipes: {known}.")
    return name, task.recipes[name]


def _train(task: Task, program: str, recipe: Any, options: Any) -> None:
    again = f"{program} --output {options.output} --resume"
    try:
        with errors.starting():
            runs.begin(options.output, task.name, recipe, options)
        with _seeded(options) if task.uses_keras else nullcontext():
            _join(task, options)
            folder = task.train(recipe, options)
    except KeyboardInterrupt:
        if runs.abandon(options.output):
            raise InterruptedRun("Interrupted before the training began; nothing is left of it.") from None
        raise InterruptedRun(f"Interrupted. Go on with: {again}") from None
    except Exception as error:
        if not _is_interrupted(error):
            runs.abandon(options.output)
            raise
        if getattr(error, "reason", "") == "time limit":
            errors.say(f"The time limit was reached; the work is saved. Go on with: {again}")
            return
        raise InterruptedRun(f"Interrupted; the work is saved. Go on with: {again}") from None
    errors.say(f"Trained. Use it: python -m apps.{task.name} predict --model {folder} …")
    print(folder)


def _join(task: Task, options: Any) -> None:
    if not options.hosts:
        return
    if not task.uses_keras:
        raise UserError(f"{task.name} does not train by Keras. Leave out --hosts.")
    from training import hosts  # here, because it imports Keras

    try:
        # JAX ends the process itself, with a page of its own, where they do not come: so it is said before.
        errors.say("Waiting for the other hosts, five minutes at most.")
        hosts.join(options.hosts, options.host_index)
    except (ValueError, RuntimeError) as error:
        raise UserError(str(error)) from error


def _is_interrupted(error: Exception) -> bool:
    from training.fit import Interrupted  # here, because it imports Keras

    return isinstance(error, Interrupted)


@contextmanager
def _seeded(options: Any) -> Iterator[None]:
    """Seed and number format of the whole process, the format only while training."""
    import keras

    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
