"""The folder of a training run: what it may hold, and what is kept in it so that it can go on as it began."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from apps.shared import recipes
from apps.shared.errors import UserError
from apps.shared.files import write_text

RUN, RECIPE, SETTINGS = "run", "recipe.json", "settings.json"
BEFORE_TRAINING = (".json", ".model", ".txt")
"""What lies in a run before its first step: recipe, settings and vocabularies, which are made again in seconds."""
KEPT = ("seed", "precision", "jit")
"""Options on which the run's numbers depend."""
EXTENDED = ("epochs", "fine_tune_epochs", "self_critical_epochs", "patience")
"""Recipe fields that may change when a run goes on: longer, or with another stage."""


def check_output(output: Path, resume: bool, program: str) -> None:
    """Makes sure that `output` is new, or a run to go on with.

    Raises:
        UserError: it holds something else, a run without `--resume`, or no run with it.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file. Name a new folder.")
    is_run = (output / RUN / RECIPE).is_file()
    if resume and not is_run:
        raise UserError(f"There is no training run in {output} to resume. Leave out --resume to start one.")
    if resume or not output.exists():
        return
    if is_run:
        raise UserError(f"{output} holds a training run. Add --resume to go on with it, or name a new folder.")
    if any(output.iterdir()):
        raise UserError(f"{output} is not empty and holds no training run. Name a new folder: {program} --output DIR")


def begin(output: Path, task: str, recipe: Any, options: Any) -> None:
    """Keeps what the run needs to go on."""
    folder = output / RUN
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"task": task, **{name: getattr(options, name) for name in KEPT}, "paths": _paths(options)}
    _write(folder / SETTINGS, settings)
    _write(folder / RECIPE, recipes.to_json(recipe))


def _paths(options: Any) -> dict[str, str]:
    """The files and folders that the run reads, by option: without them it would go on with other data."""
    given = {one.name: getattr(options, one.name) for one in fields(options) if one.name != "output"}
    return {name: str(value.absolute()) for name, value in given.items() if isinstance(value, Path)}


def abandon(output: Path) -> bool:
    """Removes a run that never started, so that the next try finds a new folder: what `begin` wrote, and vocabularies.

    Returns:
        False when there is more in it, and all was kept.
    """
    folder = output / RUN
    if not folder.is_dir():
        return not output.is_dir() or _removed_if_empty(output)
    entries = list(folder.iterdir())
    if not all(entry.is_file() and entry.suffix in BEFORE_TRAINING for entry in entries):
        return False
    for entry in entries:
        entry.unlink()
    folder.rmdir()
    _removed_if_empty(output)
    return True


def _removed_if_empty(folder: Path) -> bool:
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True


def stored(output: Path, task: str, recipe_class: type) -> tuple[Any, dict[str, Any]]:
    """The recipe, and the options that a run began with: `KEPT`, and the files that it reads.

    Raises:
        UserError: they cannot be read, or are another task's.
    """
    kept = _read(output / RUN / SETTINGS)
    if kept.get("task") != task:
        raise UserError(f"The run in {output} trains another task than {task}. Name another folder.")
    paths = kept.get("paths", {})
    settings = {name: kept[name] for name in KEPT if name in kept}
    if isinstance(paths, dict):
        settings |= {name: Path(value) for name, value in paths.items() if isinstance(value, str)}
    try:
        return recipes.from_json(recipe_class, _read(output / RUN / RECIPE)), settings
    except (ValueError, TypeError) as error:
        raise UserError(f"{output / RUN / RECIPE} cannot be used: {error}") from error


def check_unchanged(before: Any, after: Any, names: tuple[str, ...] | None = None) -> None:
    """Refuses to go on with other settings than the run began with.

    Args:
        before, after: two recipes, or two options.
        names: the fields that must be equal; None means all but those of `EXTENDED`.

    Raises:
        UserError: a field differs.
    """
    for name, (old, new) in recipes.differences(before, after).items():
        if name in names if names is not None else name not in EXTENDED:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"This run began with {flag} {old}, not {new}. Leave the flag out, or start a new run.")


def _write(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        return values
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read, so the run cannot go on ({error}). Start a new one.") from error
