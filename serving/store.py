"""The model folder: how a trained model lies on the disk.

    recipe.json        what made the model (the task's recipe)
    model.weights.h5   its weights, see `serving.weights`
    …                  what else the task needs: subwords.model, vocabulary.txt, labels.txt
    card.md            data and its terms, recipe, seed, figures with their commands, limits
    metrics.json       the figures
    manifest.json      format, task, and size and sha256 of every other file

`run/` beside them has the checkpoints and the history of the training; it is not part of the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.files import whole_folder
from serving.weights import Arrays, DamagedModel, load_weights, read_weights, save_weights

__all__ = [
    "Arrays",
    "DamagedModel",
    "ModelFolder",
    "load_weights",
    "read",
    "read_weights",
    "resolve",
    "save_weights",
    "write",
]

FORMAT, VERSION = "carrousel.model", 1
RECIPE, WEIGHTS, METRICS, CARD, MANIFEST = (
    "recipe.json",
    "model.weights.h5",
    "metrics.json",
    "card.md",
    "manifest.json",
)
PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained"
MAX_BYTES = 2**31
"""A larger file is refused before it is read."""
MAX_JSON_BYTES = 2**24
_REMEDY = "Fetch the model again, or train it again."


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model folder whose files were found whole.

    Attributes:
        path: the folder.
        task: the application it belongs to.
        recipe: the recipe's fields.
        files: the names of its files, the manifest apart.
    """

    path: Path
    task: str
    recipe: dict[str, Any]
    files: tuple[str, ...]

    def __truediv__(self, name: str) -> Path:
        """The path of one of its files.

        Raises:
            DamagedModel: the model has no such file.
        """
        if name not in self.files:
            raise DamagedModel(f"{self.path / name} is missing: the model's manifest does not name it.")
        return self.path / name


def write(
    folder: str | Path,
    *,
    task: str,
    recipe: Mapping[str, Any],
    model: Any,
    files: Mapping[str, bytes | str] | None = None,
    metrics: Mapping[str, Any] | None = None,
    card: str = "",
    half: bool = True,
    packed: bool = False,
) -> Path:
    """Writes a model folder, or writes a newer model over the one in it.

    Everything is on the disk before the first file gets its name. Where the folder is new it appears at once. Where it
    exists (a `run/` lies in it, or an older model), the files are renamed into it one after the other, the
    manifest last, and a reader in between is told that the model is damaged; the renames take milliseconds.

    Args:
        folder: the folder; what else lies in it stays.
        task: the application it belongs to.
        recipe: JSON-ready fields of the recipe.
        model: a built `keras.Model`, or `Arrays`.
        files: what else the task needs, by name.
        metrics: the figures.
        card: what a user should know of the model, in Markdown.
        half, packed: see `save_weights`.

    Returns:
        The folder.
    """
    folder = Path(folder)
    contents: dict[str, bytes | str] = {
        **(files or {}),
        RECIPE: _json(recipe),
        METRICS: _json(metrics or {}),
        CARD: card,
    }
    for name in contents:
        if not _is_plain(name):
            raise ValueError(f"A model's file needs a plain name, got {name!r}.")
    if not folder.exists():
        with whole_folder(folder) as partial:
            _fill(partial, task, contents, model, half=half, packed=packed)
        return folder
    for half_written in folder.glob(".*.partial"):  # by a process that was killed
        shutil.rmtree(half_written, ignore_errors=True)
    partial = folder / f".{os.getpid()}.partial"
    partial.mkdir()
    try:
        names = _fill(partial, task, contents, model, half=half, packed=packed)
        for name in [*names, MANIFEST]:
            os.replace(partial / name, folder / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _fill(folder: Path, task: str, contents: Mapping[str, bytes | str], model: Any, **how: bool) -> list[str]:
    for name, content in contents.items():
        _write_synced(folder / name, content.encode() if isinstance(content, str) else content)
    save_weights(folder / WEIGHTS, model, **how)
    names = sorted([*contents, WEIGHTS])
    listed = {name: _facts(folder / name) for name in names}
    _write_synced(
        folder / MANIFEST, _json({"format": FORMAT, "version": VERSION, "task": task, "files": listed}).encode()
    )
    return names


def read(folder: str | Path, task: str = "") -> ModelFolder:
    """Opens a model folder after every file was compared with the manifest.

    Args:
        folder: the folder.
        task: the application that it must belong to; empty takes any.

    Raises:
        FileNotFoundError: there is no such folder.
        DamagedModel: a file is missing, damaged or of another version, or the model is another task's.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No model folder {folder}.")
    manifest = _read_manifest(folder)
    if task and manifest["task"] != task:
        raise DamagedModel(f"{folder} is a model for {manifest['task']}, not for {task}.")
    for name, facts in manifest["files"].items():
        path = folder / name
        if not _is_plain(name):
            raise DamagedModel(f"{folder / MANIFEST} is damaged: it names the file {name!r}.")
        if not path.is_file():
            raise DamagedModel(f"{path} is missing. {_REMEDY}")
        if path.resolve().parent != folder.resolve():
            raise DamagedModel(f"{path} is refused: it is a link that leads out of the folder.")
        if path.stat().st_size > MAX_BYTES:
            raise DamagedModel(f"{path} is refused: it has {path.stat().st_size / 2**30:.0f} GiB.")
        if facts != _facts(path):
            raise DamagedModel(f"{path} is damaged: it is not what {MANIFEST} says. {_REMEDY}")
    files = tuple(manifest["files"])
    for name in (RECIPE, WEIGHTS):
        if name not in files:
            raise DamagedModel(f"{folder / MANIFEST} is damaged: it does not name {name}.")
    recipe = read_json(folder / RECIPE)
    return ModelFolder(path=folder, task=manifest["task"], recipe=recipe, files=files)


def shipped(app: str) -> tuple[str, ...]:
    """The names of an application's models under `pretrained/`, in alphabetical order."""
    folder = PRETRAINED / app
    if not folder.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in folder.iterdir() if (entry / MANIFEST).is_file()))


def resolve(model: str | Path, app: str) -> Path:
    """The folder of a model, given by its path or by the name of one that ships.

    Args:
        model: a path, or a name under `pretrained/APP/`. A shipped name wins over a folder of that name: write
            `./NAME` for the folder.
        app: the application's name.

    Raises:
        FileNotFoundError: neither; the message lists the shipped names and the command that trains one.
    """
    names = shipped(app)
    if str(model) in names:
        return PRETRAINED / app / str(model)
    if Path(model).is_dir():
        return Path(model)
    known = f"Shipped: {', '.join(names)}." if names else "None is shipped."
    raise FileNotFoundError(
        f"No model {str(model)!r} for {app}. {known} Or give a model folder; this makes one: "
        f"python -m apps.{app} train --output runs/{app}"
    )


def fingerprint(folder: str | Path) -> str:
    """What tells a model from every other: the sha256 of its manifest, which has that of each of its files."""
    return hashlib.sha256((Path(folder) / MANIFEST).read_bytes()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        hint = (
            "It has a training run that wrote no model yet: go on with train --resume."
            if (folder / "run").is_dir()
            else ""
        )
        raise DamagedModel(f"{path} is missing: {folder} is not a whole model folder. {hint}".rstrip())
    manifest = read_json(path)
    kinds = {"files": dict, "task": str}
    if manifest.get("format") != FORMAT or not all(isinstance(manifest.get(name), kinds[name]) for name in kinds):
        raise DamagedModel(f"{path} is damaged: it is not the manifest of a Carrousel model.")
    if manifest.get("version") != VERSION:
        raise DamagedModel(
            f"{path} has version {manifest.get('version')}, and this Carrousel reads version {VERSION}. Update it."
        )
    return manifest


def read_json(path: Path) -> dict[str, Any]:
    """One of a model's JSON files, as an object.

    Raises:
        DamagedModel: it is none, or far too large or too deep to be one of ours.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise DamagedModel(f"{path} is refused: it has {path.stat().st_size / 1e6:.0f} MB.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, or a number of thousands of digits
        raise DamagedModel(f"{path} is damaged: it is not JSON that can be read.") from error
    if not isinstance(values, dict):
        raise DamagedModel(f"{path} is damaged: it is not a JSON object.")
    return values


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), indent=2, ensure_ascii=False) + "\n"


def _is_plain(name: str) -> bool:
    return bool(name) and name == Path(name).name and not name.startswith(".")


def _write_synced(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _facts(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
