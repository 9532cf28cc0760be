"""Writes a SavedModel that runs without this project."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from apps.shared import flags
from apps.shared.commands import settle
from apps.shared.commands.opening import find_model, open_model
from apps.shared.errors import UserError, starting
from apps.shared.options import ExportOptions
from apps.shared.task import Task
from serving.files import whole_folder


def run(task: Task, program: str, argv: Sequence[str]) -> None:
    """`export`: reads the flags, opens the model, writes a new folder, whole or not at all.

    Raises:
        UserError: a flag, the folder or the model keeps it from starting.
    """
    import tyro

    defaults = ExportOptions(model=task.default_model, output=tyro.MISSING)
    values = flags.parse(program, f"Writes a SavedModel that {task.does}.", {"run": defaults}, argv)
    options = values["run"]
    path = find_model(task, options.model)
    with starting():
        if options.output.exists() and (not options.output.is_dir() or any(options.output.iterdir())):
            raise UserError(f"{options.output} exists. Name a new folder with --output.")
    settle(options, task.uses_keras)
    predictor = open_model(task, path, options.allow_hub)
    with ExitStack() as stack:
        with starting():
            folder = stack.enter_context(whole_folder(options.output))
        task.export(predictor, folder)
    print(options.output)
