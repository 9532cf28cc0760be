"""One training over several processes or hosts, each with its share of every batch (Keras on JAX).

All of them read the same corpus and form the same batches; host k of n gives rows k·B/n to (k + 1)·B/n of each to the
step, which adds up gradients over all of them (`keras.distribution.DataParallel`). So losses equal those of one process
at the same batch size, but for rounding. Outside the step every host works for itself, on weights that are the same.

Without `join` everything here is for one host, and costs nothing.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

STEPS = 20
"""Steps between two agreements on whether to save or to stop: each costs a message from host to host."""


def join(addresses: str, index: int) -> None:
    """Joins the training of several hosts, before anything is computed; waits for the others.

    Args:
        addresses: `HOST:PORT` of every host, parted by commas; the first one's port must be free and reachable.
        index: this one's place among them, from 0.

    Raises:
        ValueError: the addresses or the index cannot be, or Keras runs on another backend than JAX.
        RuntimeError: the others did not come in time.
    """
    count = len(addresses.split(","))
    if not all(address.strip() for address in addresses.split(",")) or ":" not in addresses.split(",")[0]:
        raise ValueError(f"--hosts takes HOST:PORT,HOST:PORT,… of every host, got {addresses!r}.")
    if not 0 <= index < count:
        raise ValueError(f"--host-index must be 0 to {count - 1} for {count} hosts, got {index}.")
    if keras.backend.backend() != "jax":
        raise ValueError(
            "--hosts needs Keras on JAX: pip install -r requirements-scale.txt, and set KERAS_BACKEND=jax."
        )
    if count == 1:
        return
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize(addresses, count, index)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def count() -> int:
    """How many hosts train together."""
    return _place()[1]


def _place() -> tuple[int, int]:
    """This host's index, and how many there are."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


class Share(Sequence):
    """This host's rows of each batch.

    Batches whose rows the hosts cannot share evenly get rows of zeros, which are padding to every loss here.

    Args:
        batches: the same on every host; arrays (rows, …) in nests.
        index, hosts: which share, of how many.
    """

    def __init__(self, batches: Sequence, index: int, hosts: int):
        self.batches, self.place, self.hosts = batches, index, hosts

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number):
        return keras.tree.map_structure(self._rows, self.batches[number])

    def _rows(self, array) -> np.ndarray:
        array = np.asarray(array)
        rows = -(-len(array) // self.hosts)
        mine = array[self.place * rows : (self.place + 1) * rows]
        return np.pad(mine, [(0, rows - len(mine))] + [(0, 0)] * (array.ndim - 1))


def share(batches: Sequence) -> Sequence:
    """This host's share of each batch; with one host the batches themselves."""
    index, hosts = _place()
    return Share(batches, index, hosts) if hosts > 1 else batches


def largest(number: int) -> int:
    """The largest of the hosts' numbers, on all of them. All must ask, at the same step."""
    if count() == 1:
        return number
    from jax.experimental import multihost_utils

    return int(np.max(multihost_utils.process_allgather(np.int32(number))))


def check_same(what: str, *parts: bytes) -> None:
    """Makes sure that all hosts train the same.

    Raises:
        ValueError: they do not.
    """
    from jax.experimental import multihost_utils

    digest = np.frombuffer(hashlib.sha256(b"\0".join(parts)).digest()[:8], np.uint32)
    if len(np.unique(np.reshape(multihost_utils.process_allgather(digest), (-1, 2)), axis=0)) > 1:
        raise ValueError(f"The hosts differ in {what}. Start all with the same flags, seed, corpus and versions.")


def take_from_first(path: Path) -> None:
    """Gives every host the first one's file; where the first has none, the others' goes."""
    index, hosts = _place()
    if hosts == 1:
        return
    from jax.experimental import multihost_utils

    data = path.read_bytes() if index == 0 and path.exists() else b""
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(data))))
    if not size:
        path.unlink(missing_ok=True)
        return
    mine = np.frombuffer(data, np.uint8) if index == 0 else np.zeros(size, np.uint8)
    received = np.asarray(multihost_utils.broadcast_one_to_all(mine), np.uint8).tobytes()
    if index:
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.write_bytes(received)
        os.replace(partial, path)


@contextmanager
def alone(model) -> Iterator[None]:
    """Within `with`, the model's weights lie on this host alone, and what is computed with them concerns no other."""
    if count() == 1:
        yield
        return
    shared = [(variable, variable.value) for variable in model.variables]
    distribution = keras.distribution.distribution()
    for variable, value in shared:
        variable._value = value.addressable_data(0)
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)
        for variable, value in shared:
            variable._value = value


def leave(model) -> None:
    """Ends the sharing: the model goes on as any other, on each host for itself."""
    if count() == 1:
        return
    keras.distribution.set_distribution(None)
    for variable in model.variables:
        variable._value = variable.value.addressable_data(0)
        variable._layout = None  # else `assign` would share it again


@contextmanager
def together(*agreed: type[Exception]) -> Iterator[None]:
    """Within `with`, an error ends this process as soon as it is told, also where another host ended without a word.

    JAX would wait for that one when Python ends, for a minute and a half, and then abort.

    Args:
        agreed: what all hosts raise together, after which they part as usual.

    Raises:
        RuntimeError: the hosts lost each other; says what to do.
    """
    try:
        yield
    except agreed:
        raise
    except Exception as error:
        if count() == 1:
            raise
        atexit.register(_end_now)  # what is registered last comes first: before JAX waits
        from jax.errors import JaxRuntimeError

        if isinstance(error, JaxRuntimeError) or re.search(r"\bgloo|nccl|coordination", str(error), re.IGNORECASE):
            raise RuntimeError(
                f"the hosts lost each other, most likely because one ended. Start all again with --resume. {error}"
            ) from error
        raise


def _end_now() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def bytes_of(nest: Any) -> bytes:
    """The bytes of a nest of arrays, to compare."""
    return b"".join(np.ascontiguousarray(array).tobytes() for array in keras.tree.flatten(nest))
