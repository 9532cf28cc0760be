"""Trains a model by Keras' `fit`, so that it can be stopped and resumed at any step."""

from __future__ import annotations

import csv
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training import checkpoint, hosts
from training.recipe import TrainingRecipe
from training.schedules import WarmupSchedule

Batch = tuple[Any, Any]


class Interrupted(Exception):
    """A run that stopped before its end, with its work saved.

    Attributes:
        reason: "interrupt" or "time limit".
        epoch, step: where it stopped; steps are counted within the epoch.
    """

    def __init__(self, reason: str, epoch: int, step: int):
        super().__init__(f"stopped by {reason} in epoch {epoch + 1} after step {step}; the work is saved")
        self.reason, self.epoch, self.step = reason, epoch, step


@dataclass(kw_only=True)
class Progress:
    """Where a run stands: what a checkpoint keeps besides the variables."""

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = 0
    since_best: int = 0
    nats: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


class EpochBatches(keras.utils.PyDataset):
    """One epoch's batches from a given step on, in the shape `fit` takes.

    Args:
        batches: the epoch's batches.
        first: the number of the first one to give.
    """

    def __init__(self, batches: Sequence[Batch], first: int = 0):
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.batches, self.first = batches, first

    def __len__(self) -> int:
        return len(self.batches) - self.first

    def __getitem__(self, index: int) -> Batch:
        return self.batches[self.first + index]


def compile_model(model, recipe: TrainingRecipe, steps_per_epoch: int, jit: bool = False) -> None:
    """Gives the model its optimizer and schedule, and builds the optimizer's variables.

    Args:
        model: a built `keras.Model` that computes its own loss.
        recipe: learning rate, schedule, clipping, averaging.
        steps_per_epoch: batches in an epoch.
        jit: compile the step with XLA; on JAX it always is, which has no graph without it.
    """
    rate = WarmupSchedule(
        recipe.learning_rate, recipe.warmup_steps, recipe.epochs * steps_per_epoch, shape=recipe.schedule
    )
    common = {
        "learning_rate": rate,
        "global_clipnorm": recipe.clip_norm or None,
        "use_ema": recipe.average > 0,
        "ema_momentum": recipe.average or 0.99,
        "ema_overwrite_frequency": None,
    }
    if recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(weight_decay=recipe.weight_decay, beta_2=0.98, epsilon=1e-9, **common)
    else:
        optimizer = keras.optimizers.SGD(momentum=0.9, weight_decay=recipe.weight_decay or None, **common)
    # Keras replaces the weights by their average whenever `fit` ends. A run calls `fit` once an epoch, and would go on
    # from the average each time.
    optimizer.finalize_variable_values = lambda variables: None
    model.compile(optimizer=optimizer, jit_compile=jit or keras.backend.backend() == "jax")
    optimizer.build(model.trainable_variables)


class AveragedWeights:
    """Within `with`, the model has its averaged weights (Polyak & Juditsky 1992); afterwards those that are trained.

    The average begins at the random start. Until it has forgotten that (three time constants, when 5 % of the start are
    left), the trained weights are better, and stay.
    """

    def __init__(self, model):
        self.model = model
        optimizer = model.optimizer
        steps = int(optimizer.iterations)
        self.swaps = optimizer.use_ema and steps * (1 - optimizer.ema_momentum) >= 3

    def __enter__(self):
        optimizer = self.model.optimizer
        if self.swaps:
            trained = self.model.trainable_variables
            self.kept = [keras.ops.convert_to_numpy(variable) for variable in trained]
            for variable, average in zip(trained, optimizer._model_variables_moving_average, strict=True):
                variable.assign(average)
        return self

    def __exit__(self, *_):
        if self.swaps:
            for variable, value in zip(self.model.trainable_variables, self.kept, strict=True):
                variable.assign(value)


class Run:
    """One training run in a folder of its own.

    The folder gets `last.npz` (everything, to resume from), `best.npz` (the weights of the best evaluation) and
    `history.csv`.

    Args:
        model: a compiled `keras.Model` (see `compile_model`).
        recipe: how to train it.
        epoch_batches: epoch → that epoch's batches, a sequence; the same whenever it is asked for.
        evaluate: model → figures on the dev set; must hold "score" (higher is better) or "loss".
        directory: the run's folder; a `last.npz` in it is resumed.
        time_limit: seconds after which the run stops, saved; None for no limit.
        save_every: seconds between checkpoints within an epoch.
        say: where a line of progress goes; the default is standard error.
        unit: what a batch's second part has, so many as are not 0: "token", or "text" where each has one label.
    """

    def __init__(
        self,
        model,
        recipe: TrainingRecipe,
        epoch_batches: Callable[[int], Sequence[Batch]],
        evaluate: Callable[[Any], dict],
        directory: str | Path,
        time_limit: float | None = None,
        save_every: float = 600.0,
        show_every: float = 10.0,
        say: Callable[[str], None] | None = None,
        unit: str = "token",
    ):
        self.unit = unit
        self.model, self.recipe, self.evaluate, self.epoch_batches = model, recipe, evaluate, epoch_batches
        self.directory = Path(directory)
        self.deadline = None if time_limit is None else time.monotonic() + time_limit
        self.save_every, self.show_every = save_every, show_every
        self.say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self.progress, self.saved, self.asked_to_stop = Progress(), time.monotonic(), False

    def train(self) -> Progress:
        """Trains to the end, or until early stopping, the time limit or ctrl-C.

        Returns:
            Where the run ended; the model then has the best evaluation's weights.

        Raises:
            Interrupted: it was stopped before; running again in the same folder goes on.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        for half_written in self.directory.glob(".*.partial"):  # by a process that was killed
            half_written.unlink()
        if hosts.count() > 1:
            hosts.check_same("what they train", repr(self.recipe).encode(), hosts.bytes_of(self.epoch_batches(0)[0]))
        self._resume()
        with _StopOnInterrupt(self), hosts.together(Interrupted):
            while self.progress.epoch < self.recipe.epochs and not self._stale():
                self._one_epoch()
            if self.progress.best is None and self.progress.history:  # cut short by fewer epochs than were planned
                self._evaluate(self.progress.history[-1])
                self.save_last()
        hosts.leave(self.model)
        if (self.directory / "best.npz").exists():
            load_weights(self.directory / "best.npz", self.model)
        return self.progress

    def is_done(self) -> bool:
        """Whether the run in the folder has ended by itself, so that `train` has no step left to do."""
        last = self.directory / "last.npz"
        if not last.exists():
            return False
        progress = Progress(**checkpoint.read_position(last))
        return progress.epoch >= self.recipe.epochs or 0 < self.recipe.patience <= progress.since_best

    def reason_to_stop(self) -> str:
        """Why the run should stop now; empty while it should not."""
        if self.asked_to_stop:
            return "interrupt"
        if self.deadline is not None and time.monotonic() > self.deadline:
            return "time limit"
        return ""

    def save_or_stop(self) -> bool:
        """After a step: saves where it is time to, or to stop. Several hosts do so after the same step.

        Returns:
            True where the run is to stop.
        """
        if hosts.count() > 1 and self.progress.step % hosts.STEPS:
            return False
        reason, save = self._agreed()
        if save:
            self.save_last()
        return bool(reason)

    def _agreed(self) -> tuple[str, bool]:
        """Why to stop, if at all, and whether to save: what any of the hosts wants, all do."""
        save = time.monotonic() - self.saved >= self.save_every
        wishes = ("", "save", "time limit", "interrupt")
        wish = hosts.largest(wishes.index(self.reason_to_stop() or ("save" if save else "")))
        return wishes[wish] if wish > 1 else "", wish > 0

    def save_last(self) -> None:
        """Writes the checkpoint from which the run goes on."""
        if hasattr(self.model, "jax_state_sync"):  # JAX keeps the weights to itself during `fit`
            self.model.jax_state_sync()
        checkpoint.save(self.directory / "last.npz", self.model, asdict(self.progress))
        self.saved = time.monotonic()

    def _resume(self) -> None:
        last = self.directory / "last.npz"
        for kept in (last, self.directory / "best.npz"):
            hosts.take_from_first(kept)
        if last.exists():
            self.progress = Progress(**checkpoint.load(last, self.model))
            self.say(f"going on from epoch {self.progress.epoch + 1}, step {self.progress.step}")

    def _stale(self) -> bool:
        return 0 < self.recipe.patience <= self.progress.since_best

    def _one_epoch(self) -> None:
        progress = self.progress
        batches = self.epoch_batches(progress.epoch)
        if progress.step < len(batches):
            self.model.fit(
                EpochBatches(hosts.share(batches), progress.step),
                initial_epoch=progress.epoch,
                epochs=progress.epoch + 1,
                callbacks=[Conductor(self, batches)],
                shuffle=False,
                verbose=0,
            )
        reason, _ = self._agreed()
        if reason and progress.step < len(batches):
            raise Interrupted(reason, progress.epoch, progress.step)
        self._end_of_epoch()
        if reason and progress.epoch < self.recipe.epochs and not self._stale():
            raise Interrupted(reason, progress.epoch, progress.step)

    def _end_of_epoch(self) -> None:
        progress = self.progress
        row = {"epoch": progress.epoch + 1, "train_nats": round(progress.nats, 4), "seconds": round(progress.seconds)}
        row[f"{self.unit}s_per_second"] = round(progress.tokens / max(progress.seconds, 1e-9))
        if (progress.epoch + 1) % self.recipe.evaluate_every == 0 or progress.epoch + 1 == self.recipe.epochs:
            self._evaluate(row)
        progress.history.append(row)
        progress.epoch, progress.step, progress.nats, progress.tokens, progress.seconds = progress.epoch + 1, 0, 0, 0, 0
        self.save_last()
        self._write_history()
        self.say(", ".join(f"{name} {value:g}" for name, value in row.items()))

    def _evaluate(self, row: dict) -> None:
        began = time.monotonic()
        with AveragedWeights(self.model), hosts.alone(self.model):
            figures = self.evaluate(self.model)
            self._keep_if_best(figures, row["epoch"])
        row |= {**figures, "evaluation_seconds": round(time.monotonic() - began)}

    def _keep_if_best(self, figures: dict, epoch: int) -> None:
        progress = self.progress
        value = figures["score"] if self.recipe.stop_by == "score" else -figures["loss"]
        if progress.best is None or value > progress.best:
            progress.best, progress.best_epoch, progress.since_best = value, epoch, 0
            save_weights(self.directory / "best.npz", self.model)
        else:
            progress.since_best += 1

    def _write_history(self) -> None:
        columns = list(dict.fromkeys(name for row in self.progress.history for name in row))
        partial = self.directory / f".history.{os.getpid()}.partial"
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.progress.history)
        os.replace(partial, self.directory / "history.csv")


class Conductor(keras.callbacks.Callback):
    """Watches the steps of one epoch: counts, shows progress, saves now and then, and stops when asked.

    Args:
        run: the run it belongs to.
        batches: the epoch's batches, to count tokens.
    """

    def __init__(self, run: Run, batches: Sequence[Batch]):
        super().__init__()
        self.run, self.batches = run, batches
        progress = run.progress
        self.first, self.before = progress.step, (progress.nats, progress.tokens, progress.seconds)
        self.began = self.shown = time.monotonic()
        self.here = 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Counts the batch; saves, and asks `fit` to stop, when it is time."""
        self._count(batch, float((logs or {}).get("nats", math.nan)))
        now = time.monotonic()
        if now - self.shown >= self.run.show_every:
            self.shown = now
            self._show(now)
        if self.run.save_or_stop():
            self.model.stop_training = True

    def _count(self, batch: int, mean_here: float) -> None:
        nats, tokens, seconds = self.before
        self.here += float(np.count_nonzero(self.batches[self.first + batch][1]))
        progress = self.run.progress
        progress.step = self.first + batch + 1
        progress.tokens = tokens + self.here
        progress.nats = (nats * tokens + mean_here * self.here) / max(1.0, progress.tokens)
        progress.seconds = seconds + time.monotonic() - self.began

    def _show(self, now: float) -> None:
        progress, total = self.run.progress, len(self.batches)
        pace = (now - self.began) / max(1, progress.step - self.first)
        left = pace * (total - progress.step + total * (self.run.recipe.epochs - progress.epoch - 1))
        self.run.say(
            f"epoch {progress.epoch + 1}/{self.run.recipe.epochs}, step {progress.step}/{total}: "
            f"{progress.nats:.3f} nats/{self.run.unit}, {self.here / (now - self.began):,.0f} {self.run.unit}s/s, "
            f"{left / 60:.0f} min left"
        )


class _StopOnInterrupt:
    """Turns the first ctrl-C into a clean stop after the step in hand; the second acts as usual."""

    def __init__(self, run: Run):
        self.run = run

    def __enter__(self):
        self.before = None
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._stop)

    def _stop(self, *_):
        self.run.asked_to_stop = True
        self.run.say("stopping after this step; ctrl-C again to stop at once")
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)


def save_weights(path: str | Path, model) -> None:
    """Writes the weights alone, whole or not at all."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            np.savez(file, *[keras.ops.convert_to_numpy(weight) for weight in model.weights])
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_weights(path: str | Path, model) -> None:
    """Reads what `save_weights` wrote.

    Raises:
        DamagedCheckpoint: the file is damaged or does not fit the model.
    """
    arrays = list(checkpoint.read_arrays(path).values())
    if [array.shape for array in arrays] != [tuple(weight.shape) for weight in model.weights]:
        raise checkpoint.DamagedCheckpoint(f"{path} belongs to another model: its weights do not fit this recipe.")
    for weight, array in zip(model.weights, arrays, strict=True):
        weight.assign(array)
