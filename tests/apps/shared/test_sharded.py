"""`predict --engine ray`: the lines of plain predict, nothing lost and nothing twice, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs requirements-scale.txt")

from apps.shared.commands import main
from tests.apps.shared.tiny_tasks import ReverseTask

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = (
    "import sys; from apps.shared.commands import main; from tests.apps.shared.tiny_tasks import ReverseTask; "
    "sys.exit(main(ReverseTask(), sys.argv[1:]))"
)


def predict(*words) -> int:
    return main(ReverseTask(), ["predict", *map(str, words)])


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    """Four shards, one of them long and one with lines that fail."""
    folder = tmp_path_factory.mktemp("in")
    for number, lines in enumerate((200, 12_000, 200, 200)):
        digits = (f"{n % 10} {n // 10 % 10} {n // 100 % 10}" for n in range(number, lines + number))
        (folder / f"{number}.txt").write_text("".join(f"{line}\n" for line in digits))
    (folder / "3.txt").write_bytes(b"1 2\nfish\n\xff\n\n3 4\n")
    return folder


@pytest.fixture(scope="module")
def plain(texts, reverse_model, tmp_path_factory) -> dict[str, bytes]:
    """What plain predict says, by shard."""
    folder = tmp_path_factory.mktemp("plain")
    for path in sorted(texts.iterdir()):
        code = predict("--model", reverse_model, "--input", path, "--output", folder / path.name)
        assert code == (path.name == "3.txt")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def answers(output) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("*.txt")}


def kill_who_writes(output: Path, shard: str, killed: list, over: threading.Event) -> None:
    """Kills the worker that is in the middle of a shard; the half-written file has its process's number."""
    while not over.is_set():
        for path in output.glob(f".{shard}.*.partial"):
            if path.stat().st_size:
                process = int(path.name.split(".")[-2])
                os.kill(process, signal.SIGKILL)
                killed.append(process)
                return
        time.sleep(0.02)


def test_a_killed_worker_loses_nothing(texts, plain, reverse_model, tmp_path, capsys):
    output, killed, over = tmp_path / "out", [], threading.Event()
    killer = threading.Thread(target=kill_who_writes, args=(output, "1.txt", killed, over))
    killer.start()
    words = ("--engine", "ray", "--workers", 2, "--model", reverse_model, "--input", texts, "--output", output)
    try:
        assert predict(*words) == 1  # for the two bad lines of the last shard
    finally:
        over.set()
        killer.join()
    assert len(killed) == 1
    assert answers(output) == plain
    said = capsys.readouterr()
    assert said.out == f"{output}\n"
    assert said.err.splitlines()[-1] == "2 of 12,405 items failed; the others are done."
    failed = [json.loads(line) for line in (output / "3.txt.errors.jsonl").read_text().splitlines()]
    assert [one["place"] for one in failed] == ["line 2", "line 3"]
    assert sorted(path.name for path in output.iterdir()) == [*sorted(plain), "3.txt.errors.jsonl", "run.json"]


def test_a_run_that_was_cut_goes_on_where_it_stopped(texts, plain, reverse_model, tmp_path, capsys):
    output = tmp_path / "out"
    words = ["predict", "--engine", "ray", "--model", reverse_model, "--input", texts, "--output", output]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for _ in range(6000):
        if (output / "0.txt").exists() or process.poll() is not None:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said.decode().splitlines()[-1].startswith("Interrupted: 1 of 4 shards")
    assert answers(output) == {"0.txt": plain["0.txt"]}
    first = (output / "0.txt").stat()

    assert predict("--length-penalty", 0.1, *words[1:]) == 2
    assert "differs in: search" in capsys.readouterr().err
    assert predict(*words[1:]) == 1
    assert "1 of 4 shards are done already." in capsys.readouterr().err
    assert answers(output) == plain
    assert (output / "0.txt").stat() == first
    # All is done: the same command has nothing to do, and says the same of the bad lines.
    began = time.monotonic()
    assert predict(*words[1:]) == 1 and time.monotonic() - began < 5
    assert "2 of 12,405 items failed" in capsys.readouterr().err
