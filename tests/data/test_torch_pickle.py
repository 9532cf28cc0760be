"""Weights of PyTorch's old format, read without PyTorch: tensors, and nothing else."""

import collections
import hashlib
import os
import pickle
import struct
import sys
import types

import numpy as np
import pytest

from data import torch_pickle
from data.torch_pickle import RefusedPickle, read_state_dict


@pytest.fixture
def torch(monkeypatch):
    """The names of PyTorch that a state dict is pickled by; without them pickle would not write the files."""
    package, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    package.FloatStorage = type("FloatStorage", (), {"__module__": "torch", "__qualname__": "FloatStorage"})
    utils._rebuild_tensor_v2 = types.FunctionType((lambda *_: None).__code__, {}, "_rebuild_tensor_v2")
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    utils._rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return package, utils


class Tensor:
    """What pickles as a tensor does: cut from a storage by offset, lengths and strides."""

    def __init__(self, rebuild, storage, offset, shape, strides):
        self.parts = (storage, offset, shape, strides, False, collections.OrderedDict())
        self.rebuild = rebuild

    def __reduce__(self):
        return self.rebuild, self.parts


class Storage:
    def __init__(self, kind, key, count):
        self.id = ("storage", kind, key, "cpu", count, None)


class Writer(pickle.Pickler):
    def persistent_id(self, value):
        return value.id if isinstance(value, Storage) else None


def written(path, tensors, keys, numbers, counts=None):
    """A file as `torch.save` wrote it: five pickles, then each storage with its count before it."""
    with open(path, "wb") as file:
        for value in (torch_pickle.MAGIC, torch_pickle.PROTOCOL, {"little_endian": True}, tensors, keys):
            Writer(file, protocol=2).dump(value)
        for number, values in enumerate(numbers):
            values = np.asarray(values, "<f4")
            file.write(struct.pack("<q", counts[number] if counts else len(values)) + values.tobytes())
    return path


def one(torch, path, shape, strides, offset=0, count=6, **arguments):
    """A file with one tensor `w`, cut from the numbers 0 to `count` - 1."""
    package, utils = torch
    tensor = Tensor(utils._rebuild_tensor_v2, Storage(package.FloatStorage, "7", count), offset, shape, strides)
    return written(path, collections.OrderedDict(w=tensor), ["7"], [range(count)], **arguments)


def test_a_tensor_is_cut_from_its_storage_by_strides(torch, tmp_path):
    found = read_state_dict(one(torch, tmp_path / "a", (2, 3), (3, 1)))
    np.testing.assert_array_equal(found["w"], [[0, 1, 2], [3, 4, 5]])
    turned = read_state_dict(one(torch, tmp_path / "b", (3, 2), (1, 3)))
    np.testing.assert_array_equal(turned["w"], [[0, 3], [1, 4], [2, 5]])
    part = read_state_dict(one(torch, tmp_path / "c", (2,), (2,), offset=1))
    np.testing.assert_array_equal(part["w"], [1, 3])
    assert part["w"].flags["C_CONTIGUOUS"] and part["w"].dtype == np.float32


def test_the_hash_must_be_the_one_that_is_known(torch, tmp_path):
    path = one(torch, tmp_path / "a", (6,), (1,))
    assert set(read_state_dict(path, hashlib.sha256(path.read_bytes()).hexdigest())) == {"w"}
    with pytest.raises(RefusedPickle, match="sha256 differs"):
        read_state_dict(path, "0" * 64)


@pytest.mark.parametrize(
    ("shape", "strides", "offset"), [((7,), (1,), 0), ((2, 3), (4, 1), 0), ((2,), (1,), 5), ((2,), (-1,), 3)]
)
def test_no_tensor_reaches_beyond_its_storage(torch, tmp_path, shape, strides, offset):
    with pytest.raises(RefusedPickle, match="beyond its numbers|impossible shape"):
        read_state_dict(one(torch, tmp_path / "a", shape, strides, offset))


def test_a_tensor_cannot_unpack_to_more_than_the_file_has(torch, tmp_path):
    with pytest.raises(RefusedPickle, match="beyond its numbers"):
        read_state_dict(one(torch, tmp_path / "a", (10**6, 10**6), (0, 0)))


class Hostile:
    """Would run a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("place", ["alone", "among tensors", "as the first thing"])
def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path, place):
    mark, path = tmp_path / "it-ran", tmp_path / "hostile.pth"
    tensors = Hostile(mark) if place == "alone" else collections.OrderedDict(w=Hostile(mark))
    if place == "as the first thing":
        path.write_bytes(pickle.dumps(Hostile(mark), protocol=2))
    else:
        written(path, tensors, [], [])
    with pytest.raises(RefusedPickle, match="hostile.pth is refused: it asks for (posix|nt).system"):
        read_state_dict(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Hostile(mark)))  # the check can fail: Python's own reader runs it
    assert mark.exists()


@pytest.mark.parametrize("name", ["builtins eval", "torch load", "torch._utils _rebuild_tensor", "numpy ndarray"])
def test_only_the_names_of_a_state_dict_are_known(tmp_path, name):
    module, function = name.split(" ")
    path = tmp_path / "a"
    path.write_bytes(b"c" + module.encode() + b"\n" + function.encode() + b"\n.")
    with pytest.raises(RefusedPickle, match=f"asks for {module}.{function}"):
        read_state_dict(path)


def test_what_is_cut_off_or_something_else_is_refused(torch, tmp_path):
    whole = one(torch, tmp_path / "whole", (6,), (1,)).read_bytes()
    for number, content in enumerate([b"", b"PK\x03\x04", b"no pickle", whole[:40], whole[:-1], whole[: -6 * 4 - 3]]):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        with pytest.raises(RefusedPickle):
            read_state_dict(path)
    with pytest.raises(RefusedPickle, match="cut off"):
        read_state_dict(one(torch, tmp_path / "short", (6,), (1,), counts=[7]))


def test_a_value_that_is_no_tensor_is_refused(tmp_path):
    with pytest.raises(RefusedPickle, match="not a dictionary of tensors"):
        read_state_dict(written(tmp_path / "a", collections.OrderedDict(epoch=3), [], []))
