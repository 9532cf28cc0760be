"""What evaluate, predict and export have in common: a model to open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.shared import flags, recipes
from apps.shared.errors import UserError, describe, starting
from apps.shared.predictor import Predictor
from apps.shared.task import Task


def find_model(task: Task, model: str) -> Path:
    """The folder of a model, by path or shipped name.

    Raises:
        UserError: there is none.
    """
    from serving import store

    if not model:
        raise UserError(f"No model is named. Train one: python -m apps.{task.name} train --output runs/{task.name}")
    with starting():
        return store.resolve(model, task.name)


def open_model(task: Task, path: Path, allow_hub: bool = False) -> Predictor:
    """The trained model in a folder.

    Args:
        task: the application's.
        path: the folder.
        allow_hub: the user trusts the TensorFlow Hub modules that the model names.

    Raises:
        UserError: it is damaged, another task's, or names a module that nobody allowed.
    """
    with starting():
        try:
            return task.open(path, allow_hub)
        except (ValueError, OSError, ImportError):
            raise
        except Exception as error:
            # Its files are what its manifest says, and yet they do not fit together: somebody else's, perhaps.
            raise UserError(f"The model in {path} cannot be opened: {describe(error)}") from error


def stored_recipe(task: Task, argv: Sequence[str]) -> Any:
    """The recipe of the model that the command line names, for defaults that depend on it; None where it has none.

    Whether the model is sound is found out when it is opened.
    """
    from serving import store

    model = flags.first_value(argv, "--model") or task.default_model
    try:
        path = store.resolve(model, task.name) if model else None
        if path is None:
            return None
        return recipes.from_json(task.recipe_class, store.read_json(path / store.RECIPE))
    except (OSError, ValueError):
        return None
