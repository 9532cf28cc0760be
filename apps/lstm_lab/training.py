"""Training in the page: small networks in NumPy, with the backward pass that the lab draws, in seconds.

No automatic derivative is used: the gradients are those of `units.backward`, the optimizer is Adam (Kingma & Ba
2015) with the gradient's norm clipped. A `Trainer` works in slices, so that the page can draw between them and can
stop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from apps.lstm_lab.classic_tasks import TASKS, Task, counting_words
from apps.lstm_lab.units import Weights, backward, forward, random_weights, sigmoid

BATCH = 32
CLIP = 1.0  # largest norm of the gradient of all weights together
TEST_SEQUENCES = 200
POINTS = 150  # of a curve, as it is drawn
LONGEST = 60.0  # seconds of work; a slow or busy machine stops here


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a task is set in the page: small enough for seconds.

    Attributes:
        lengths: shortest and longest that can be chosen, and the default; what it means is the task's.
        length_name: what the length is called.
        units: width of the networks.
        updates: how many weight updates each network gets.
        learning_rate: Adam's.
        test_factor: tested at this multiple of the length: 1 as trained, more to see whether it goes on.
        keep_bias: where the bias of the remembering gate (LSTM forget, GRU update) starts unless the visitor moves it.
    """

    lengths: tuple[int, int, int]
    length_name: str
    units: int
    updates: int
    learning_rate: float
    test_factor: float = 1.0
    keep_bias: float = 1.0


SETTINGS = {
    "remember": Setting(
        lengths=(5, 80, 40), length_name="steps to remember", units=4, updates=250, learning_rate=0.03, keep_bias=4.0
    ),
    "counting": Setting(
        lengths=(4, 12, 8), length_name="largest n", units=3, updates=400, learning_rate=0.03, test_factor=1.5
    ),
    "timing": Setting(lengths=(6, 20, 12), length_name="longest gap", units=4, updates=300, learning_rate=0.03),
    "adding": Setting(lengths=(8, 40, 12), length_name="numbers", units=8, updates=700, learning_rate=0.02),
}

UNITS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "peephole": "LSTM with peepholes"}


def loss_and_slope(
    task: Task, answers: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """The mean loss over the due answers, and its derivative by the answers.

    Args:
        task: gives the kind of loss.
        answers, targets: (batch, time, outputs); answers are logits unless the loss is squared.
        weights: (batch, time).

    Returns:
        The loss (squared error, or nats), and (batch, time, outputs).
    """
    due = weights[..., None] / max(weights.sum(), 1.0)
    if task.loss == "squared":
        wrong = answers - targets
        return float((due * wrong**2).sum()), 2.0 * due * wrong
    if task.loss == "logistic":
        nats = np.logaddexp(0.0, answers) - targets * answers
        return float((due * nats).sum()), due * (sigmoid(answers) - targets)
    shifted = answers - answers.max(-1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return float(-(due * targets * log_probs).sum()), due * (np.exp(log_probs) - targets)


class Network:
    """One recurrent layer and a linear read-out, with Adam's memory."""

    def __init__(self, unit: str, task: Task, units: int, seed: int, keep_bias: float = 1.0) -> None:
        generator = np.random.default_rng(seed)
        self.unit, self.task = unit, task
        self.layer: Weights = random_weights(unit, task.features, units, generator, keep_bias)
        limit = np.sqrt(6.0 / (units + task.outputs))
        self.readout = {
            "readout": generator.uniform(-limit, limit, (units, task.outputs)),
            "readout_bias": np.zeros(task.outputs),
        }
        self.updates = 0
        self.moments = {name: [np.zeros_like(a), np.zeros_like(a)] for name, a in self.arrays().items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array that is trained, by name."""
        return self.layer.arrays() | self.readout

    def answer(self, inputs: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Answers (batch, time, outputs) and the layer's trace."""
        trace = forward(self.unit, self.layer, inputs)
        return trace["hidden"] @ self.readout["readout"] + self.readout["readout_bias"], trace

    def gradients(self, batch: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        """The loss on a batch, and its derivative by every array."""
        inputs, targets, weights = batch
        answers, trace = self.answer(inputs)
        loss, slope = loss_and_slope(self.task, answers, targets, weights)
        gradients, _ = backward(self.unit, self.layer, trace, slope @ self.readout["readout"].T)
        gradients["readout"] = np.einsum("bth,bto->ho", trace["hidden"], slope)
        gradients["readout_bias"] = slope.sum((0, 1))
        return loss, gradients

    def update(self, batch: tuple[np.ndarray, np.ndarray, np.ndarray], learning_rate: float) -> float:
        """One Adam update; returns the loss before it."""
        loss, gradients = self.gradients(batch)
        norm = np.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
        scale = min(1.0, CLIP / (norm + 1e-12))
        self.updates += 1
        for name, array in self.arrays().items():
            gradient = gradients[name] * scale
            mean, square = self.moments[name]
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            corrected = mean / (1.0 - 0.9**self.updates)
            array -= learning_rate * corrected / (np.sqrt(square / (1.0 - 0.999**self.updates)) + 1e-8)
        return loss

    def success(self, batch: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
        """The share of sequences that are right, 0 to 1."""
        inputs, targets, weights = batch
        return float(self.task.right(self.answer(inputs)[0], targets, weights).mean())


@dataclass
class Trainer:
    """Several networks that learn one task side by side, on the same batches.

    Attributes:
        key: the task, a key of `SETTINGS`.
        length: as the visitor set it.
        units: which units, keys of `UNITS`.
        seed: of weights and data.
        keep_bias: where the remembering gates' bias starts; None for the task's own.
    """

    key: str
    length: int
    units: tuple[str, ...]
    seed: int = 0
    keep_bias: float | None = None
    losses: dict[str, list[float]] = field(init=False)
    successes: dict[str, list[float]] = field(init=False)
    checked_at: list[int] = field(init=False, default_factory=list)
    seconds: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.task, self.setting = TASKS[self.key], SETTINGS[self.key]
        bias = self.setting.keep_bias if self.keep_bias is None else self.keep_bias
        self.networks = {unit: Network(unit, self.task, self.setting.units, self.seed, bias) for unit in self.units}
        self.losses = {unit: [] for unit in self.units}
        self.successes = {unit: [] for unit in self.units}
        self.data = np.random.default_rng([self.seed, 1])
        test = np.random.default_rng([self.seed, 2])
        self.test = self.task.batch(test, TEST_SEQUENCES, round(self.length * self.setting.test_factor))

    @property
    def updates(self) -> int:
        """Updates made so far, of each network."""
        return min((len(losses) for losses in self.losses.values()), default=0)

    @property
    def done(self) -> bool:
        """Whether every network has had its updates, or the time is up."""
        return self.updates >= self.setting.updates or self.seconds >= LONGEST

    def work(self, seconds: float) -> None:
        """Train for about so long, then test once."""
        begun = time.perf_counter()
        while not self.done and time.perf_counter() - begun < seconds:
            batch = self.task.batch(self.data, BATCH, self.length)
            for unit, network in self.networks.items():
                self.losses[unit].append(network.update(batch, self.setting.learning_rate))
        self.checked_at.append(self.updates)
        for unit, network in self.networks.items():
            self.successes[unit].append(network.success(self.test))
        self.seconds += time.perf_counter() - begun

    def example(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One sequence to look at: for counting, the longest word of the test."""
        if self.key == "counting":
            longest = round(self.length * self.setting.test_factor)
            return counting_words(np.array([longest - 1]), longest)
        return tuple(array[:1] for array in self.test)  # type: ignore[return-value]


def widget_data(trainer: Trainer, running: bool) -> dict:
    """A training as it stands, for `widget/training.js`: plain numbers, texts and lists."""
    every = max(1, trainer.setting.updates // POINTS)
    units = [
        {
            "key": unit,
            "name": UNITS[unit],
            "losses": _smoothed(trainer.losses[unit], every),
            "success": [round(share, 3) for share in trainer.successes[unit]],
            "weights": int(sum(array.size for array in network.arrays().values())),
        }
        for unit, network in trainer.networks.items()
    ]
    return {
        "running": running,
        "updates": trainer.updates,
        "total": trainer.setting.updates,
        "seconds": round(trainer.seconds, 1),
        "every": every,
        "checked_at": trainer.checked_at,
        "units": units,
        "tested": TEST_SEQUENCES,
        "tested_how": _tested_how(trainer),
        "example": _example(trainer),
    }


def _smoothed(losses: list[float], every: int) -> list[float]:
    """The mean of each `every` losses: fewer points, and a calmer line."""
    whole = len(losses) - len(losses) % every
    return [float(f"{mean:.3g}") for mean in np.reshape(losses[:whole], (-1, every)).mean(1)] if whole else []


def _tested_how(trainer: Trainer) -> str:
    setting = trainer.setting
    width = f"{setting.units} units each. "
    if setting.test_factor > 1:
        beyond = round(trainer.length * setting.test_factor)
        return width + f"Tested on words up to n = {beyond}; none above {trainer.length} was trained on."
    if trainer.task.loss == "squared":
        return width + f"Right: every answer within {trainer.task.tolerance}."
    return width + "Right: every answer due is right."


def _example(trainer: Trainer) -> dict:
    """One sequence, what each network answers, and what its units hold."""
    inputs, targets, weights = trainer.example()
    answers, states = {}, {}
    for unit, network in trainer.networks.items():
        answer, trace = network.answer(inputs)
        shown = sigmoid(answer) if trainer.task.loss == "logistic" else answer
        answers[unit] = shown[0, :, 0].round(3).tolist()
        states[unit] = trace["state"][0].round(3).tolist()
    return {
        "inputs": inputs[0].round(3).tolist(),
        "targets": targets[0, :, 0].round(3).tolist(),
        "weights": weights[0].tolist(),
        "answers": answers,
        "states": states,
    }
