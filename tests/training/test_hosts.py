"""Training over several hosts: their shares, and that several of them learn what one learns."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from training import hosts

ROOT = Path(__file__).parents[2]


def test_the_shares_of_a_batch_are_its_rows_in_order():
    batch = ({"source": np.arange(12).reshape(6, 2)}, np.arange(6))
    shares = [hosts.Share([batch], index, 3)[0] for index in range(3)]
    assert np.array_equal(np.concatenate([inputs["source"] for inputs, _ in shares]), batch[0]["source"])
    assert [list(labels) for _, labels in shares] == [[0, 1], [2, 3], [4, 5]]


def test_rows_that_cannot_be_shared_evenly_are_followed_by_padding():
    shares = [hosts.Share([(np.array([[7, 8], [9, 1], [2, 3]]), np.array([4, 5, 6]))], index, 2)[0] for index in (0, 1)]
    assert [list(labels) for _, labels in shares] == [[4, 5], [6, 0]]
    assert shares[1][0].tolist() == [[2, 3], [0, 0]]


def test_one_host_takes_whole_batches():
    batches = [(np.zeros((2, 2)), np.ones(2))]
    assert hosts.count() == 1
    assert hosts.share(batches) is batches


@pytest.mark.parametrize(
    ("addresses", "index", "says"),
    [("localhost", 0, "HOST:PORT"), ("a:1,", 0, "HOST:PORT"), ("a:1,b:1", 2, "0 to 1"), ("a:1,b:1", -1, "0 to 1")],
)
def test_addresses_that_cannot_be_are_refused(addresses, index, says):
    with pytest.raises(ValueError, match=says):
        hosts.join(addresses, index)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="pip install -r requirements-scale.txt")
def test_an_error_ends_a_host_without_waiting_but_a_stop_that_all_agreed_on_does_not(monkeypatch):
    registered = []
    monkeypatch.setattr(hosts, "count", lambda: 2)
    monkeypatch.setattr(hosts.atexit, "register", registered.append)
    with pytest.raises(KeyError), hosts.together(KeyError):
        raise KeyError
    assert not registered
    with pytest.raises(OSError, match=r"^full$"), hosts.together(KeyError):
        raise OSError("full")
    with pytest.raises(RuntimeError, match="Start all again with --resume"), hosts.together(KeyError):
        raise ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer")
    assert len(registered) == 2


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "jax", reason="JAX can train over hosts")
def test_another_backend_than_jax_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        hosts.join("a:1,b:1", 0)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _start(folder: Path, count: int, epochs: int) -> list[subprocess.Popen]:
    port = _free_port()
    addresses = ",".join(f"127.0.0.1:{port + number}" for number in range(count))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    folders = [folder / str(index) for index in range(count)]
    for one in folders:
        one.mkdir(parents=True, exist_ok=True)
    script = str(Path(__file__).parent / "hosts_script.py")
    return [
        subprocess.Popen(
            [sys.executable, script, str(folders[index]), addresses, str(index), str(epochs)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(count)
    ]


def _train(folder: Path, count: int, epochs: int) -> list[np.ndarray]:
    running = _start(folder, count, epochs)
    try:
        for process in running:
            _, log = process.communicate(timeout=240)
            assert process.returncode == 0, log
    finally:
        for process in running:
            process.kill()
    return [np.load(folder / str(index) / "weights.npy") for index in range(count)]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="pip install -r requirements-scale.txt")
def test_two_hosts_learn_what_one_learns_and_go_on_from_the_first_ones_checkpoint(tmp_path):
    (alone,) = _train(tmp_path / "alone", 1, epochs=4)
    together = _train(tmp_path / "together", 2, epochs=4)
    assert np.array_equal(*together)
    assert np.allclose(together[0], alone, atol=1e-5)

    (tmp_path / "resumed" / "0").mkdir(parents=True)
    shutil.copytree(tmp_path / "together" / "1" / "run", tmp_path / "resumed" / "0" / "run")
    resumed = _train(
        tmp_path / "resumed", 2, epochs=4
    )  # nothing is left to do: the second host gets all from the first
    assert np.array_equal(resumed[1], together[0])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="pip install -r requirements-scale.txt")
@pytest.mark.parametrize("dies", [0, 1])
def test_where_one_host_dies_the_other_ends_at_once(tmp_path, dies):
    running = _start(tmp_path, 2, epochs=100_000)
    first, other = running[0], running[1 - dies]
    try:
        for line in first.stderr:
            if line.startswith("epoch 3,"):
                break
        running[dies].kill()
        began = time.monotonic()
        _, log = other.communicate(timeout=120)
        assert time.monotonic() - began < 30
        assert other.returncode, log
        if dies:  # the first one's address is JAX' own meeting place: JAX may end the others before we can say why
            assert other.returncode == 1, log[-3000:]
            assert "Start all again with --resume" in log, log[-3000:]
    finally:
        for process in running:
            process.kill()
