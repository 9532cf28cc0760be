"""Checkpoints from which a run goes on as if it had never stopped."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np


class DamagedCheckpoint(ValueError):
    """A checkpoint that cannot be read or that belongs to another model."""


def save(path: str | Path, model, position: dict) -> None:
    """Writes everything the next step depends on, whole or not at all.

    That is every variable of the model, the states of its random generators among them (Keras' own checkpoints lose
    these), every variable of the optimizer, and the position.

    Args:
        path: the file.
        model: a compiled `keras.Model` whose optimizer is built.
        position: JSON-ready facts: epoch, step within it, best score and so on.
    """
    path = Path(path)
    arrays = {f"v{number}": np.asarray(variable) for number, variable in enumerate(_variables(model))}
    arrays["position"] = np.frombuffer(json.dumps(position).encode(), dtype=np.uint8)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: str | Path, model) -> dict:
    """Puts a checkpoint's values into the model and its optimizer.

    Returns:
        The position that `save` was given.

    Raises:
        DamagedCheckpoint: the file is damaged or does not fit the model.
    """
    arrays = read_arrays(path)
    variables = _variables(model)
    names = [f"v{number}" for number in range(len(variables))]
    fits = arrays.keys() == {*names, "position"} and all(
        arrays[name].shape == tuple(variable.shape) for name, variable in zip(names, variables, strict=True)
    )
    if not fits:
        raise DamagedCheckpoint(f"{path} belongs to another model: its weights do not fit this recipe.")
    for name, variable in zip(names, variables, strict=True):
        variable.assign(arrays[name])
    return json.loads(arrays["position"].tobytes())


def read_position(path: str | Path) -> dict:
    """The position that `save` was given, and nothing else of the file.

    Raises:
        DamagedCheckpoint: the file is damaged.
    """
    return json.loads(read_arrays(path, ("position",))["position"].tobytes())


def read_arrays(path: str | Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, all of them or those named.

    Raises:
        DamagedCheckpoint: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names or stored.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile, EOFError) as error:
        raise DamagedCheckpoint(f"{path} cannot be read ({error}). Delete it to start from the one before.") from error


def _variables(model) -> list:
    return [*model.variables, *model.optimizer.variables]
