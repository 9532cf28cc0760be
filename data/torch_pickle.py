"""Reads the weights in a PyTorch file of the old format (before 1.6: pickles, not a zip), without PyTorch.

A pickle can name any function and have it run. This reader knows the dozen names that a state dict of plain tensors
needs, and refuses a file that says anything else.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MAX_BYTES = 2**31
"""A file that is larger is refused."""

_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
}


class RefusedPickle(ValueError):
    """A file that is no state dict of plain tensors; the message says why."""


class _Storage(NamedTuple):
    """A block of numbers that tensors are cut from."""

    key: str
    dtype: np.dtype
    values: int


class _Tensor(NamedTuple):
    """How a tensor is cut from its storage: lengths and strides, all in numbers, not in bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: str | Path, sha256: str = "") -> dict[str, np.ndarray]:
    """The tensors of a state dict by name.

    Args:
        path: a file that `torch.save` wrote in the old format.
        sha256: what the file's hash must be, in hexadecimal; empty for any.

    Returns:
        Name → array, contiguous.

    Raises:
        RefusedPickle: the file is another one than the hash says, is cut off, or holds anything but tensors.
        OSError: the file cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise RefusedPickle(f"{path} is refused: it has more than {MAX_BYTES // 2**30} GiB.")
    content = path.read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise RefusedPickle(f"{path} is not the file that was expected: its sha256 differs. Install its package again.")
    try:
        return _read(io.BytesIO(content))
    except RefusedPickle as error:
        raise RefusedPickle(f"{path} is refused: {error}") from error
    except Exception as error:  # a pickle can be wrong in as many ways as there are opcodes
        raise RefusedPickle(f"{path} is refused: it is no PyTorch file of the old format, or is damaged.") from error


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    if _load(file) != MAGIC or _load(file) != PROTOCOL:
        raise RefusedPickle("it does not begin as PyTorch files of the old format do.")
    if not _load(file)["little_endian"]:
        raise RefusedPickle("its numbers are big-endian.")
    tensors, keys = _load(file), _load(file)
    if not isinstance(tensors, dict) or not all(isinstance(value, _Tensor) for value in tensors.values()):
        raise RefusedPickle("it is not a dictionary of tensors.")
    blocks = _read_storages(file, keys, {tensor.storage.key: tensor.storage for tensor in tensors.values()})
    return {str(name): _cut(tensor, blocks[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storages(file: BinaryIO, keys: list[str], storages: dict[str, _Storage]) -> dict[str, np.ndarray]:
    blocks = {}
    for key in keys:
        storage = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        raw = file.read(storage.values * storage.dtype.itemsize)
        if count != storage.values or len(raw) != count * storage.dtype.itemsize:
            raise RefusedPickle("it is cut off.")
        blocks[key] = np.frombuffer(raw, storage.dtype)
    return blocks


def _cut(tensor: _Tensor, block: np.ndarray) -> np.ndarray:
    """Strides may skip and turn round, as in a transposed view, but not leave the block."""
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if len(tensor.shape) != len(tensor.strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise RefusedPickle("a tensor has an impossible shape.")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, block.dtype)
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(block) or np.prod(tensor.shape, dtype=object) > len(block):
        raise RefusedPickle("a tensor reaches beyond its numbers.")
    strides = [stride * block.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(block[tensor.offset :], tensor.shape, strides, writeable=False).copy()


class _Dictionary(dict):
    """Takes the place of the ordered dictionary; what a file would set on it besides (layers' versions) is ignored."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """Knows tensors, the storages that they are cut from, and the ordered dictionary that holds them."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("collections", "OrderedDict"):
            return _Dictionary
        raise RefusedPickle(f"it asks for {module}.{name}, which a state dict does not need.")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or any(part is not None for part in view):
            raise RefusedPickle("it refers to something that is no storage.")
        if dtype not in _TYPES.values() or not isinstance(count, int) or not 0 <= count <= MAX_BYTES:
            raise RefusedPickle("it has an impossible storage.")
        return _Storage(str(key), np.dtype(dtype), count)


def _rebuild_tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise RefusedPickle("it has a tensor without a storage.")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()
