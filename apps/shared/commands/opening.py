"""What evaluate, predict and export have in common: a model to open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.shared import flags, recipes
from apps.shared.errors import UserError, starting
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


def open_model(task: Task, path: Path) -> Predictor:
    """The trained model in a folder.

    Raises:
        UserError: it is damaged, or another task's.
    """
    with starting():
        return task.open(path)


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
        return recipes.from_json(task.recipe_class, json.loads((path / store.RECIPE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
