"""A model's weights as one HDF5 file of plain arrays, half as large where that costs nothing."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from serving.files import whole_file

MAX_BYTES = 2**31
"""A file that would unpack to more than this is refused."""


class DamagedModel(ValueError):
    """A model that cannot be used; the message names the file."""


@dataclass(frozen=True)
class Array:
    """One array under a name, in the place of a Keras variable."""

    path: str
    values: np.ndarray

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.values, dtype=dtype) if copy or dtype else self.values


@dataclass(frozen=True)
class Arrays:
    """Arrays by name, in the place of a model: what is trained without Keras and lies in a model folder all the same.

    `read_weights` gives them back.
    """

    arrays: Mapping[str, np.ndarray]
    name: str = ""

    @property
    def weights(self) -> list[Array]:
        """The arrays, as `save_weights` takes them."""
        return [Array(name, values) for name, values in self.arrays.items()]


def weight_names(model: Any) -> dict[str, Any]:
    """The model's weights by names that do not depend on what else the process has built.

    Keras numbers layers without a name of their own through the whole process (`lstm_cell_3`). Here the number is
    dropped, and weights that then share a name are counted in the model's order: `cell/kernel`, `cell/kernel#2`.

    Args:
        model: a built `keras.Model`.

    Returns:
        Keras variables, in the model's order. States of random generators and metrics are not among them.
    """
    names: dict[str, Any] = {}
    for variable in model.weights:
        parts = variable.path.split("/")
        if len(parts) > 1 and parts[0] == model.name:
            parts = parts[1:]
        base = "/".join(re.sub(r"_\d+$", "", part) for part in parts)
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base}#{count}"
        names[name] = variable
    return names


def save_weights(path: str | Path, model: Any, half: bool = True, packed: bool = False) -> None:
    """Writes the weights of a built model, whole or not at all. The same weights give the same bytes.

    Args:
        path: the file, by custom `model.weights.h5`.
        model: a built `keras.Model`.
        half: store float32 matrices as float16, except those that float16 cannot hold (beyond 65,504). Vectors
            (biases, scales) stay float32: they are small, and errors in them do not average out.
        packed: deflate the matrices: a twentieth smaller, and a tenth of a second more to open 15 MB.
    """
    with whole_file(path) as raw, h5py.File(raw, "w") as file:
        for name, variable in weight_names(model).items():
            values = np.asarray(variable)
            if half and values.dtype == np.float32 and values.ndim >= 2 and np.abs(values).max(initial=0) < 65504:
                values = values.astype(np.float16)
            file.create_dataset(_key(name), data=values, compression="gzip" if packed and values.ndim >= 2 else None)


def load_weights(path: str | Path, model: Any) -> None:
    """Puts the stored weights into a built model.

    Args:
        path: a file that `save_weights` wrote.
        model: a built `keras.Model` of the same structure.

    Raises:
        DamagedModel: the file cannot be read, holds anything but plain arrays, or does not fit the model.
    """
    variables = weight_names(model)
    with _open(path) as file:
        stored = _datasets(path, file)
        if set(stored) != set(variables):
            odd = sorted(set(stored) ^ set(variables))
            where = "is not in the file" if odd[0] in variables else "is not in the model"
            raise DamagedModel(f"{path} does not fit its recipe: weight {odd[0]} {where} ({len(odd)} such).")
        for name, variable in variables.items():
            if stored[name].shape != tuple(variable.shape):
                raise DamagedModel(
                    f"{path} does not fit its recipe: weight {name} has the shape {stored[name].shape}, "
                    f"not {tuple(variable.shape)}."
                )
        for name, variable in variables.items():
            variable.assign(_values(path, name, stored[name], variable.dtype))


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """All stored weights by name, as they are stored; for a training that starts from another model's.

    Raises:
        DamagedModel: the file cannot be read or holds anything but plain arrays.
    """
    with _open(path) as file:
        return {name: _values(path, name, dataset) for name, dataset in _datasets(path, file).items()}


_room: ContextVar[list[int] | None] = ContextVar("room", default=None)
"""How many values a model that is being built may still have; None for any number."""


@contextmanager
def room_of(path: str | Path) -> Iterator[None]:
    """What is built within waits for a file's weights: it may have as many values, no more, and has zeros until then.

    A recipe of a few bytes can describe a model of terabytes; here it is refused before they are asked for. The zeros
    spare the drawing of weights that nobody will see, most of the time that building takes.

    Raises:
        DamagedModel: the file cannot be read; or, within, a weight is made that is not in it.
    """
    _count_weights()
    with _open(path) as file:
        total = sum(dataset.size for dataset in _datasets(path, file).values())
    token = _room.set([total])
    try:
        yield
    finally:
        _room.reset(token)


@functools.cache
def _count_weights() -> None:
    """Makes Keras' layers ask for room, through the one method by which all of them make their weights."""
    import keras

    plain = keras.layers.Layer.add_weight

    @functools.wraps(plain)
    def add_weight(self, shape=None, initializer=None, *arguments, **settings):
        room = _room.get()
        if room is not None:
            initializer = "zeros"
            room[0] -= math.prod(shape or ())
            if room[0] < 0:
                raise DamagedModel("The recipe describes a larger model than the weights are of.")
        return plain(self, shape, initializer, *arguments, **settings)

    keras.layers.Layer.add_weight = add_weight


def _key(name: str) -> str:
    return name.replace("/", ":")  # flat: a group would only add ways to be damaged


def _open(path: str | Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        if not Path(path).is_file():
            raise DamagedModel(f"{path} is missing.") from error
        raise DamagedModel(f"{path} is damaged: it is no HDF5 file.") from error


def _datasets(path: str | Path, file: h5py.File) -> dict[str, h5py.Dataset]:
    """Every entry, once it is certain that reading it reaches no other file and runs nothing."""
    datasets, total = {}, 0
    try:
        for key in file:
            if not _is_plain(file, key):
                raise DamagedModel(f"{path} is refused: {key} is not a plain array of numbers.")
            total += file[key].size * file[key].dtype.itemsize
            datasets[key.replace(":", "/")] = file[key]
    except _BROKEN as error:
        raise DamagedModel(f"{path} is damaged: what is in it cannot be listed.") from error
    if total > MAX_BYTES:
        raise DamagedModel(f"{path} is refused: it would unpack to {total / 2**30:.0f} GiB.")
    return datasets


_BROKEN = (OSError, RuntimeError, KeyError, TypeError, OverflowError, UnicodeError)
"""What h5py raises for bytes that make no sense; ValueError, of which `DamagedModel` is one, apart."""


def _is_plain(file: h5py.File, key: str) -> bool:
    """Numbers that lie in this very file."""
    if not isinstance(file.get(key, getlink=True), h5py.HardLink) or not isinstance(file[key], h5py.Dataset):
        return False
    found = file[key]
    return not found.external and not found.is_virtual and found.dtype.kind in "fiub" and found.shape is not None


def _values(path: str | Path, name: str, dataset: h5py.Dataset, dtype: Any = None) -> np.ndarray:
    """An array, of another type where one is named; every value is finite."""
    try:
        values = dataset[()]
    except (*_BROKEN, ValueError, MemoryError) as error:
        raise DamagedModel(f"{path} is damaged: weight {name} cannot be read.") from error
    with np.errstate(over="ignore", invalid="ignore"):
        values = values.astype(dtype or values.dtype, copy=False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DamagedModel(f"{path} is damaged: weight {name} has values that are no numbers.")
    return values
