"""The classic tasks as the papers report them: how often does each cell succeed within a stated budget?

    python -m benchmarks.classic_tasks                      all tasks and cells, three seeds (hours on one thread)
    python -m benchmarks.classic_tasks --quick              small lengths and budgets (minutes): does it work?
    python -m benchmarks.classic_tasks --tasks adding-100 --cells lstm peephole

A run is one task, one cell, one seed. It succeeds when the last 2,000 training sequences, each judged before
the network learns from it, were all right (for adding also their mean absolute error below 0.01), the criterion
of Hochreiter & Schmidhuber (1997, task 4), within its budget of sequences. It is then tested on 2,560 new ones.

With `--start chrono` the gates' biases are drawn so that the cells remember for as long as the task lasts (Tallec &
Ollivier 2018): the LSTM of 1997 had no forget gate and kept everything; with a forget bias of one, as is usual today,
half of what is in a cell is gone after two steps. `--start ones` shows what that costs.
Finished runs are kept in the report and skipped when the command is given again, so that it can be stopped and
resumed at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.lstm_lab.classic_tasks import TASKS, Task, counting_words

CELLS = ("rnn", "lstm", "peephole", "block", "coupled", "gru")
STREAK = 2_000  # training sequences in a row that must be right
TESTED = 2_560  # new sequences, as Hochreiter & Schmidhuber test
BATCH = 50
CHECKED_EVERY = 20  # updates between two looks at the clock and the streak


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one task is set.

    Attributes:
        task: key of `TASKS`.
        length: the task's length.
        units: width of every cell's output (a block layer has units / 2 blocks of two cells).
        budget: training sequences at most.
        learning_rate: Adam's (gradients clipped to norm 1).
        tolerance: for squared losses, how far off an answer may be.
        tested_length: length of the test sequences; counting is tested beyond what was trained.
        mean_error: for adding, what the mean absolute error of the streak must be below.
        memory: the most steps that something must be kept for.
    """

    task: str
    length: int
    units: int
    budget: int
    learning_rate: float
    tolerance: float = 0.0
    tested_length: int = 0
    mean_error: float = float("inf")
    memory: int


TRIALS = {
    "adding-100": Trial(
        task="adding",
        length=100,
        units=16,
        budget=150_000,
        learning_rate=0.005,
        tolerance=0.04,
        mean_error=0.01,
        memory=110,
    ),
    "adding-200": Trial(
        task="adding",
        length=200,
        units=16,
        budget=150_000,
        learning_rate=0.005,
        tolerance=0.04,
        mean_error=0.01,
        memory=220,
    ),
    # Right to the step: half a step of the longest gap.
    "timing-40": Trial(
        task="timing", length=40, units=8, budget=300_000, learning_rate=0.005, tolerance=0.5 / 40, memory=40
    ),
    "counting-10": Trial(
        task="counting", length=10, units=4, budget=100_000, learning_rate=0.01, tested_length=30, memory=20
    ),
    "lag-100": Trial(task="lag", length=100, units=8, budget=100_000, learning_rate=0.01, memory=100),
    "order-100": Trial(task="order", length=100, units=8, budget=100_000, learning_rate=0.01, memory=100),
}
QUICK = {
    "adding-100": {"length": 20, "budget": 20_000, "learning_rate": 0.01, "memory": 22},
    "adding-200": {"length": 40, "budget": 20_000, "learning_rate": 0.01, "memory": 44},
    "timing-40": {"length": 12, "budget": 15_000, "learning_rate": 0.01, "tolerance": 0.5 / 12, "memory": 12},
    "counting-10": {"length": 5, "budget": 15_000, "learning_rate": 0.02, "tested_length": 10, "memory": 10},
    "lag-100": {"length": 20, "budget": 10_000, "memory": 20},
    "order-100": {"length": 20, "budget": 10_000, "memory": 20},
}


def recurrent_layer(cell: str, units: int) -> Any:
    """The layer of that name, whole sequences out; every other setting as the layer has it (forget bias one)."""
    import keras

    if cell in ("rnn", "lstm", "gru"):
        stock = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
        return stock[cell](units, return_sequences=True)
    from models.layers.coupled_gate_lstm import CoupledGateLSTM
    from models.layers.lstm_block import LSTMBlock
    from models.layers.peephole_lstm import PeepholeLSTM

    if cell == "peephole":
        return PeepholeLSTM(units, return_sequences=True)
    if cell == "block":
        return LSTMBlock(blocks=units // 2, cells=2, return_sequences=True)
    if cell == "coupled":
        return CoupledGateLSTM(units, return_sequences=True)
    raise ValueError(f"There is no cell {cell!r}; choose from {', '.join(CELLS)}.")


def keep_for(layer: Any, cell: str, steps: int, seed: int) -> None:
    """Draws the biases of a built layer so that its cells forget within 1 to `steps` − 1 steps, each at its own pace.

    b_f = log U(1, steps − 1), b_i = −b_f; a GRU's and a coupled cell's one gate gets b_f (Tallec & Ollivier 2018,
    section 3). A simple recurrent unit has no such gate and stays as it is.
    """
    (bias,) = (weight for weight in layer.weights if weight.path.endswith("bias"))
    gates = layer.blocks if cell == "block" else layer.units
    paces = np.log(np.random.default_rng([seed, 3]).uniform(1.0, steps - 1.0, gates))
    values = np.asarray(bias)
    if cell == "gru":
        values[0, :gates] = paces  # of its two biases one is enough
    elif cell == "coupled":
        values[:gates] = paces
    elif cell != "rnn":
        values[:gates], values[gates : 2 * gates] = -paces, paces
    bias.assign(values)


def build_model(trial: Trial, cell: str, jit: bool, start: str = "chrono", seed: int = 0) -> Any:
    """One recurrent layer and a linear read-out at every step, compiled with the task's loss.

    Targets and their weights travel as one array (batch, time, outputs + 1), the weight last.
    """
    import keras
    from keras import ops

    task = TASKS[trial.task]
    inputs = keras.Input((None, task.features))
    layer = recurrent_layer(cell, trial.units)
    answers = keras.layers.Dense(task.outputs, name="readout")(layer(inputs))
    if start == "chrono":
        keep_for(layer, cell, trial.memory, seed)
    model = keras.Model(inputs, answers)

    def loss(packed: Any, answers: Any) -> Any:
        targets, weights = packed[..., :-1], packed[..., -1]
        if task.loss == "squared":
            each = ops.sum(ops.square(answers - targets), -1)
        elif task.loss == "logistic":
            each = ops.sum(ops.softplus(answers) - targets * answers, -1)
        else:
            each = -ops.sum(targets * ops.log_softmax(answers), -1)
        return ops.sum(each * weights) / ops.sum(weights)

    model.compile(keras.optimizers.Adam(trial.learning_rate, clipnorm=1.0), loss=loss, jit_compile=jit)
    return model


def train(trial: Trial, cell: str, seed: int, jit: bool, start: str = "chrono") -> dict:
    """One run.

    Returns:
        Whether it succeeded, after how many sequences, the share of the test that was right, the seconds it
        took, and, for counting, the largest n up to which every word was right.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    task = replace(TASKS[trial.task], tolerance=trial.tolerance)
    model = build_model(trial, cell, jit, start, seed)
    data = np.random.default_rng([seed, 1])
    begun, seen, streak = time.perf_counter(), 0, Streak()
    while seen < trial.budget and not streak.done(trial.mean_error):
        for _ in range(CHECKED_EVERY):
            inputs, targets, weights = task.batch(data, BATCH, trial.length)
            # The answers are judged before the network learns from them.
            answers = model.predict_on_batch(inputs.astype("float32"))
            packed = np.concatenate([targets, weights[..., None]], axis=-1)
            model.train_on_batch(inputs.astype("float32"), packed.astype("float32"))
            wrong = np.abs(answers - targets).max(-1)
            streak.add(task.right(answers, targets, weights), (wrong * weights).sum(1) / weights.sum(1))
            seen += BATCH
    result = {
        "succeeded": streak.done(trial.mean_error),
        "sequences": seen,
        "seconds": round(time.perf_counter() - begun, 1),
        "weights": int(model.count_params()),
    }
    return result | test(task, trial, model, np.random.default_rng([seed, 2]))


class Streak:
    """The last `STREAK` training sequences: how many in a row were right, and their errors."""

    def __init__(self) -> None:
        self.right = 0
        self.errors: list[float] = []

    def add(self, right: np.ndarray, errors: np.ndarray) -> None:
        """Take in one batch, in order."""
        for good in right:
            self.right = self.right + 1 if good else 0
        self.errors = (self.errors + errors.tolist())[-STREAK:]

    def done(self, mean_error: float) -> bool:
        """Whether the criterion is met."""
        return self.right >= STREAK and float(np.mean(self.errors)) < mean_error


def test(task: Task, trial: Trial, model: Any, generator: np.random.Generator) -> dict:
    """The share of new sequences that are right; for counting also how far it counts."""
    if trial.task == "counting":
        longest = 0
        for n in range(1, trial.tested_length + 1):
            inputs, targets, weights = counting_words(np.array([n]), trial.tested_length)
            if not task.right(model.predict_on_batch(inputs.astype("float32")), targets, weights)[0]:
                break
            longest = n
        return {"counts_to": longest, "test_right": longest / trial.tested_length}
    right = []
    for _ in range(TESTED // 256):
        inputs, targets, weights = task.batch(generator, 256, trial.length)
        right.append(task.right(model.predict_on_batch(inputs.astype("float32")), targets, weights))
    return {"test_right": float(np.mean(right))}


def table(report: dict) -> str:
    """Successes over seeds and the median of sequences needed, a Markdown table with a row for each task."""
    cells = list(dict.fromkeys(run["cell"] for run in report["runs"].values()))
    lines = ["| task | " + " | ".join(cells) + " |", "| --- |" + " --- |" * len(cells)]
    for name in dict.fromkeys(run["trial"] for run in report["runs"].values()):
        shown = []
        for cell in cells:
            runs = [r for r in report["runs"].values() if r["trial"] == name and r["cell"] == cell]
            good = [r["sequences"] for r in runs if r["succeeded"]]
            words = f"{len(good)}/{len(runs)}" + (f" ({np.median(good) / 1000:.0f}k)" if good else "")
            counted = [r["counts_to"] for r in runs if "counts_to" in r]
            shown.append(words + (f", to n = {min(counted)}–{max(counted)}" if counted else "") if runs else "–")
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def load(path: Path, settings: dict) -> dict:
    """The report so far, if it was made with the same settings.

    Raises:
        ValueError: the file holds runs of other settings.
    """
    if not path.exists():
        machine = {"machine": platform.machine(), "python": platform.python_version()}
        return {"settings": settings, "environment": machine, "runs": {}}
    report = json.loads(path.read_text(encoding="utf-8"))
    if report.get("settings") != settings:
        raise ValueError(f"{path} holds runs made with other settings; name another file with --output, or remove it.")
    return report


def save(report: dict, path: Path) -> None:
    """Write the report whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classic_tasks",
        description="Success rate of each cell on the classic tasks.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small lengths and budgets")
    parser.add_argument(
        "--tasks", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="TASK", help=", ".join(TRIALS)
    )
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--seeds", type=int, default=3, help="runs of each task and cell")
    parser.add_argument("--jit", action=argparse.BooleanOptionalAction, default=True, help="compile the steps by XLA")
    parser.add_argument("--start", choices=("chrono", "ones"), default="chrono", help="how the gates' biases begin")
    parser.add_argument("--output", type=Path, default=None, help="report; default runs/classic_tasks[-quick].json")
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="seconds after which no run is begun")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run what is not in the report yet, and print the table.

    Returns:
        0 when all runs asked for are in the report, 1 when the time limit came first, 2 when it could not start.
    """
    options = arguments(given)
    # One thread, so that the benchmark can run beside other work; TensorFlow, imported later, reads these.
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    trials = {n: replace(t, **QUICK[n]) if options.quick else t for n, t in TRIALS.items()}
    settings = {
        "trials": {n: asdict(t) for n, t in trials.items()},
        "batch": BATCH,
        "streak": STREAK,
        "jit": options.jit,
        "start": options.start,
    }
    settings = json.loads(json.dumps(settings))  # as it will read back: Infinity, lists
    path = options.output or Path("runs") / f"classic_tasks{'-quick' if options.quick else ''}.json"
    try:
        report = load(path, settings)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    begun = time.monotonic()
    wanted = [(n, c, s) for n in options.tasks for s in range(options.seeds) for c in options.cells]
    missing = [run for run in wanted if "/".join(map(str, run)) not in report["runs"]]
    for done, (name, cell, seed) in enumerate(missing):
        if time.monotonic() - begun > options.time_limit:
            print(
                f"Time is up: {len(missing) - done} runs are missing; give the command again to go on.", file=sys.stderr
            )
            print(table(report))
            return 1
        result = {"trial": name, "cell": cell, "seed": seed} | train(
            trials[name], cell, seed, options.jit, options.start
        )
        report["runs"][f"{name}/{cell}/{seed}"] = result
        save(report, path)
        print(f"{done + 1}/{len(missing)} {json.dumps(result)}", file=sys.stderr, flush=True)
    print(table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
