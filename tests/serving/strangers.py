"""Model folders as a stranger would make them: whatever is in them, the manifest agrees."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

from serving import store


def copied(folder: Path, to: Path) -> Path:
    """A copy of a model folder without its run."""
    return shutil.copytree(folder, to, ignore=shutil.ignore_patterns("run"))


def seal(folder: Path, *also: str) -> Path:
    """Makes the manifest say what the files are now.

    Args:
        folder: the model folder.
        also: further files to name.
    """
    manifest = json.loads((folder / store.MANIFEST).read_text())
    names = dict.fromkeys([*manifest["files"], *also])
    manifest["files"] = {name: store._facts(folder / name) for name in names if (folder / name).is_file()}
    (folder / store.MANIFEST).write_text(json.dumps(manifest))
    return folder


def with_recipe(folder: Path, **fields: Any) -> Path:
    """Changes fields of the recipe."""
    recipe = json.loads((folder / store.RECIPE).read_text())
    (folder / store.RECIPE).write_text(json.dumps({**recipe, **fields}))
    return seal(folder)


def with_file(folder: Path, name: str, content: bytes | str) -> Path:
    """Puts other content into a file."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return seal(folder, name)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def pickled(marker: Path) -> bytes:
    """A pickle that makes `marker` when it is read."""
    return pickle.dumps(Trap(marker))
