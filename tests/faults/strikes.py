"""Strikes commands at random moments, in a process of its own: `python -m tests.faults.strikes`, see `test_faults.py`.

Keras is imported here but nothing is computed: so a fork is safe, and a strike costs no import.
"""

from __future__ import annotations

import functools
import json
import os
import random
import resource
import select
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np

from apps.shared.commands import main
from serving import store
from tests.apps.shared.tiny_tasks import ReverseTask
from training import fit

TRAIN = ["train", "--epochs", "12", "--examples", "300", "--units", "8", "--dropout", "0.2", "--evaluate-every", "4"]


class Struck:
    """One command in a process of its own.

    Args:
        words: the command and its flags.
        log: its standard error.
        limit: the largest file it may write, in bytes; a disk that fills up looks like this.
    """

    def __init__(self, words: list[str], log: Path, limit: int = 0):
        self.log = log
        self.steps, written = os.pipe()
        self.said, says = os.pipe()  # what a limit on files does not reach
        self.pid = os.fork()
        if not self.pid:
            os._exit(_work([str(word) for word in words], says, written, limit))
        os.close(written)
        os.close(says)

    def wait_for(self, steps: int, most: float) -> None:
        """Waits until it trained so many steps, or ended, or time is over."""
        until = time.monotonic() + most
        while steps > 0 and select.select([self.steps], [], [], max(0.0, until - time.monotonic()))[0]:
            said = os.read(self.steps, steps)
            if not said:
                return
            steps -= len(said)

    def strike(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def end(self) -> int:
        """Waits for its end. → the exit code, or the negative signal."""
        with open(self.said, "rb") as said, open(self.log, "ab") as log:
            log.write(said.read())
        _, status = os.waitpid(self.pid, 0)
        os.close(self.steps)
        return os.waitstatus_to_exitcode(status)


def _work(words: list[str], says: int, steps: int, limit: int) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.dup2(says, 2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    except ImportError:
        pass
    # Saving at every step, a strike falls into a save as likely as into the work.
    fit.Run.__init__ = functools.partialmethod(fit.Run.__init__, save_every=0.0)
    counted = fit.Conductor._count
    fit.Conductor._count = lambda self, *found: (counted(self, *found), os.write(steps, b"."))[0]
    return main(ReverseTask(), words)


def _same(folder: Path, whole: Path) -> bool:
    """Whether two runs ended with the same weights and the same state of the optimizer, bit for bit."""
    with np.load(folder / "run" / "last.npz") as mine, np.load(whole / "run" / "last.npz") as other:
        names = [name for name in other.files if name != "position"]
        same = mine.files == other.files and all(np.array_equal(mine[name], other[name]) for name in names)
    mine, other = (store.read_weights(store.read(one, "reverse") / store.WEIGHTS) for one in (folder, whole))
    return same and mine.keys() == other.keys() and all(np.array_equal(mine[name], other[name]) for name in other)


def kills(folder: Path, count: int, seed: int) -> dict:
    """kill -9 at random moments of trainings, each gone on with until it ends, until there were `count` kills.

    Returns:
        kills, and of them those in training steps; runs that ended; `same`: whether each of these equals an
        uninterrupted one; `loaded`: how often a model folder was there right after a kill and could be read;
        `failed`: exit codes of resumed runs that are neither 0 nor the kill; `left`: half-written files at the end.
    """
    draw = random.Random(seed)
    log, whole = folder / "log.txt", folder / "whole"
    began = time.monotonic()
    assert Struck([*TRAIN, "--output", whole], log).end() == 0, log.read_text()
    usual = time.monotonic() - began
    found = {"kills": 0, "in_steps": 0, "runs": 0, "same": True, "loaded": 0, "failed": [], "left": []}
    output, number = folder / "run-0", 0
    while found["kills"] < count or output.exists():
        words = ["train", "--output", output, "--resume"] if (output / "run").is_dir() else [*TRAIN, "--output", output]
        running = Struck(words, log)
        if found["kills"] < count:
            aims = draw.random() < 0.7
            running.wait_for(draw.randint(1, 12) if aims else 0, 60.0)
            time.sleep(draw.uniform(0, 0.03) if aims else draw.uniform(0, usual))
            running.strike(signal.SIGKILL)
            found["in_steps"] += aims
        code = running.end()
        found["kills"] += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            found["failed"].append(code)
            break
        if (output / store.MANIFEST).exists():
            store.read_weights(store.read(output, "reverse") / store.WEIGHTS)
            found["loaded"] += 1
        if code == 0:
            found["runs"] += 1
            found["same"] &= _same(output, whole)
            found["left"] += [str(path.relative_to(folder)) for path in output.rglob("*.partial")]
            number += 1
            output = folder / f"run-{number}"
    return found


def interrupts(folder: Path, count: int, seed: int) -> dict:
    """ctrl-C at random moments of every command.

    Returns:
        `codes`: exit codes by command; `tracebacks`: whether one was shown; `half`: outputs that are there in part;
        `resumed`: exit codes of the trainings that were interrupted and gone on with.
    """
    draw = random.Random(seed)
    log, model = folder / "log.txt", folder / "model"
    assert Struck([*TRAIN, "--output", model], log).end() == 0, log.read_text()
    texts = folder / "texts.txt"
    texts.write_text("1 2 3\n4 5\n" * 4000)
    commands = {
        "train": [*TRAIN, "--output"],
        "predict": ["predict", "--model", model, "--input", texts, "--output"],
        "evaluate": ["evaluate", "--model", model, "--split", "dev", "--report"],
        "export": ["export", "--model", model, "--output"],
    }
    found: dict = {"codes": {}, "tracebacks": False, "half": [], "resumed": []}
    for name, words in commands.items():
        began = time.monotonic()
        assert Struck([*words, folder / f"{name}-whole"], log).end() == 0, log.read_text()
        usual = time.monotonic() - began
        codes = found["codes"].setdefault(name, [])
        for number in range(count):
            output = folder / f"{name}-{number}"
            running = Struck([*words, output], log)
            time.sleep(draw.uniform(0.0, usual))
            running.strike(signal.SIGINT)
            codes.append(running.end())
            whole = codes[-1] == 0
            if name == "train" and output.exists():
                found["resumed"].append(Struck(["train", "--output", output, "--resume"], log).end())
            elif output.exists() != whole:
                found["half"].append(output.name)
    # TensorFlow's C code prints one itself when a callback of its own is interrupted: there no frame is the project's.
    shown = log.read_text().split("Traceback (most recent call last)")[1:]
    ours = tuple(f"{Path(__file__).parents[2] / room}/" for room in ("apps", "data", "models", "serving", "training"))
    found["tracebacks"] = any(one in text[:3000] for text in shown for one in ours)
    return found


def full_disk(folder: Path) -> dict:
    """Every command that writes, where no file may grow beyond a few bytes, and where the folder cannot be written.

    Returns:
        by command and fault: the exit code, the last line it said, and whether something is left under the output's
        name.
    """
    model, texts = folder / "model", folder / "texts.txt"
    assert Struck([*TRAIN, "--output", model], folder / "log.txt").end() == 0, (folder / "log.txt").read_text()
    texts.write_text("1 2 3\n" * 500)
    commands = {
        "train": [*TRAIN, "--output"],
        "predict": ["predict", "--model", model, "--input", texts, "--output"],
        "trace": ["predict", "--model", model, "--text", "1 2 3", "--trace"],
        "evaluate": ["evaluate", "--model", model, "--split", "dev", "--report"],
        "export": ["export", "--model", model, "--output"],
    }
    found = {}
    for name, words in commands.items():
        for fault, limit, output in (
            ("full", 20, folder / f"{name}-out"),
            ("no folder", 0, Path("/proc/self") / f"{name}-out"),
        ):
            log = folder / f"{name}-{fault.split()[-1]}.log"
            code = Struck([*words, output], log, limit).end()
            said = log.read_text() if log.exists() else ""
            found[f"{name}, {fault}"] = {"code": code, "said": said.splitlines()[-1:], "left": output.exists()}
    return found


def main_of_strikes(what: str, folder: str, count: str, seed: str) -> None:
    """Prints what was found as JSON."""
    assert keras.__version__
    arguments = () if what == "full_disk" else (int(count), int(seed))
    print(json.dumps(globals()[what](Path(folder), *arguments)))


if __name__ == "__main__":
    main_of_strikes(*sys.argv[1:])
