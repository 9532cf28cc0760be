"""The classic tasks on which the LSTM was shown to matter: generators of their sequences, shared with the benchmark.

Every task gives batches of `inputs` (batch, time, features), `targets` (batch, time, outputs) and `weights` (batch,
time), which is 1 where an answer is due and 0 elsewhere; sequences are padded on the right. A sequence is right
when each of its due answers is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task.

    Attributes:
        key: short name.
        title: what the page says.
        text: what it asks of the network, and its source.
        features: width of the input.
        outputs: width of the answer.
        loss: "squared", "logistic" (each output apart) or "softmax".
        batch: (generator, size, length) → `Batch`; what `length` means is the task's: steps to remember, the
            largest n, …
        tolerance: for "squared", how far off an answer may be and still be right.
    """

    key: str
    title: str
    text: str
    features: int
    outputs: int
    loss: str
    batch: Callable[[np.random.Generator, int, int], Batch]
    tolerance: float = 0.0

    def right(self, answers: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Which sequences are answered rightly.

        Args:
            answers: (batch, time, outputs), as the network gives them: values for "squared", logits otherwise.
            targets, weights: as `batch` gave them.

        Returns:
            bool (batch,).
        """
        if self.loss == "squared":
            good = (np.abs(answers - targets) < self.tolerance).all(-1)
        elif self.loss == "logistic":
            good = ((answers > 0) == (targets > 0.5)).all(-1)
        else:
            good = answers.argmax(-1) == targets.argmax(-1)
        return (good | (weights == 0)).all(-1)


def remember_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """A bit at the first step, noise for `length` more; at the last step the bit is asked for (Bengio et al. 1994)."""
    inputs = np.zeros((size, length + 1, 2))
    bits = generator.integers(0, 2, size)
    inputs[:, 0, 0] = 2.0 * bits - 1.0
    inputs[:, 1:, 0] = generator.normal(0.0, 0.3, (size, length))
    inputs[:, -1, 1] = 1.0  # now answer
    return inputs, *_asked_at_the_end(inputs, bits[:, None].astype(float))


def counting_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """aⁿbⁿ with n from 1 to `length`: at every b, say whether the word may end here (after Gers & Schmidhuber 2001).

    They ask for the set of next symbols; since only the end is uncertain among the b's, that is the same question.
    """
    counts = generator.integers(1, length + 1, size)
    return counting_words(counts, length)


def counting_words(counts: np.ndarray, length: int) -> Batch:
    """The words aⁿbⁿ for given n, padded to 2·`length` steps; shapes as in every batch."""
    steps = np.arange(2 * length)
    is_a = steps < counts[:, None]
    is_b = ~is_a & (steps < 2 * counts[:, None])
    inputs = np.stack([is_a, is_b], axis=-1).astype(float)
    targets = (steps == 2 * counts[:, None] - 1)[..., None].astype(float)
    return inputs, targets, is_b.astype(float)


def timing_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """Spikes with gaps from `length`/2 to `length` steps: at each spike, how long was the gap before it?

    After the measuring of spike delays in Gers, Schraudolph & Schmidhuber (2002); here the gap itself is asked for,
    as a share of `length`, at three spikes a sequence. Nothing but the spikes comes in, so the time between must be
    kept inside.
    """
    gaps = generator.integers(length // 2, length + 1, (size, 3))
    spikes = np.concatenate([np.zeros((size, 1), int), gaps.cumsum(1)], axis=1)
    time = 3 * length + 1
    inputs = np.zeros((size, time, 1))
    targets, weights = np.zeros((size, time, 1)), np.zeros((size, time))
    rows = np.arange(size)[:, None]
    inputs[rows, spikes, 0] = 1.0
    targets[rows, spikes[:, 1:], 0] = gaps / length
    weights[rows, spikes[:, 1:]] = 1.0
    return inputs, targets, weights


def adding_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """Add the two marked of about `length` numbers (Hochreiter & Schmidhuber 1997, task 4).

    As there: numbers from −1 to 1; a first mark among the first ten, a second among the first half; the markers of
    the first and last step are −1 unless marked; lengths from T to 1.1 T; the answer, 0.5 + (X₁ + X₂) / 4, is asked
    for at the end. A mark on the first step counts as zero, as there.
    """
    longest = length + length // 10
    lengths = generator.integers(length, longest + 1, size)
    steps, rows = np.arange(longest), np.arange(size)
    values = generator.uniform(-1.0, 1.0, (size, longest))
    first = generator.integers(0, min(10, length // 2), size)
    second = generator.integers(0, length // 2 - 1, size)
    second = second + (second >= first)  # among those still unmarked
    marks = np.zeros((size, longest))
    marks[:, 0] = marks[rows, lengths - 1] = -1.0
    marks[rows, first] = marks[rows, second] = 1.0
    values[:, 0] = np.where(marks[:, 0] > 0, 0.0, values[:, 0])
    due = steps == lengths[:, None] - 1
    inside = (steps < lengths[:, None])[..., None]
    inputs = np.stack([values, marks], axis=-1) * inside
    answer = 0.5 + (values[rows, first] + values[rows, second]) / 4.0
    return inputs, (due * answer[:, None])[..., None], due.astype(float)


def lag_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """One of two symbols, `length` others, then: which was it? (after Hochreiter & Schmidhuber 1997, task 2)."""
    distractors = 8
    bits = generator.integers(0, 2, size)
    symbols = generator.integers(2, 2 + distractors, (size, length + 1))
    symbols[:, 0] = bits
    inputs = np.eye(2 + distractors + 1)[symbols]
    inputs = np.concatenate([inputs, np.broadcast_to(np.eye(distractors + 3)[-1], (size, 1, distractors + 3))], axis=1)
    return inputs, *_asked_at_the_end(inputs, np.eye(2)[bits])


def order_batch(generator: np.random.Generator, size: int, length: int) -> Batch:
    """In which order did two symbols X, Y come? Four classes (Hochreiter & Schmidhuber 1997, task 6a).

    As there: they stand within 10–20 % and 50–60 % of the sequence (steps 10–20 and 50–60 of 100–110) between random
    a, b, c, d; a start symbol opens and a trigger closes. Here the length is `length` itself.
    """
    start, trigger, first_distractor = 2, 3, 4
    symbols = generator.integers(first_distractor, first_distractor + 4, (size, length))
    symbols[:, 0], symbols[:, -1] = start, trigger
    rows = np.arange(size)
    pair = generator.integers(0, 2, (size, 2))
    tenth = max(1, length // 10)
    symbols[rows, generator.integers(tenth, 2 * tenth + 1, size)] = pair[:, 0]
    symbols[rows, generator.integers(5 * tenth, 6 * tenth + 1, size)] = pair[:, 1]
    inputs = np.eye(8)[symbols]
    return inputs, *_asked_at_the_end(inputs, np.eye(4)[2 * pair[:, 0] + pair[:, 1]])


def _asked_at_the_end(inputs: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights for one answer (batch, outputs), due at the last step."""
    size, time, _ = inputs.shape
    targets, weights = np.zeros((size, time, answers.shape[1])), np.zeros((size, time))
    targets[:, -1], weights[:, -1] = answers, 1.0
    return targets, weights


TASKS = {
    task.key: task
    for task in (
        Task(
            key="remember",
            title="Remember a bit",
            text="A bit at the first step, then noise; at the last step the bit is asked for (Bengio et al. 1994).",
            features=2,
            outputs=1,
            loss="logistic",
            batch=remember_batch,
        ),
        Task(
            key="counting",
            title="Count aⁿbⁿ",
            text="At every b: may the word end here? Tested on longer words than it was trained on "
            "(after Gers & Schmidhuber 2001).",
            features=2,
            outputs=1,
            loss="logistic",
            batch=counting_batch,
        ),
        Task(
            key="timing",
            title="Measure time",
            text="Spikes with silence between: at each spike, how long was the silence? (after Gers et al. 2002).",
            features=1,
            outputs=1,
            loss="squared",
            batch=timing_batch,
            tolerance=0.05,
        ),
        Task(
            key="adding",
            title="Add two numbers",
            text="Of many numbers two are marked; at the end their sum is asked for (Hochreiter & Schmidhuber "
            "1997, task 4).",
            features=2,
            outputs=1,
            loss="squared",
            batch=adding_batch,
            tolerance=0.04,
        ),
        Task(
            key="lag",
            title="Long time lag",
            text="The first of many symbols is asked for at the end (after Hochreiter & Schmidhuber 1997, task 2).",
            features=11,
            outputs=2,
            loss="softmax",
            batch=lag_batch,
        ),
        Task(
            key="order",
            title="Temporal order",
            text="In which order came two symbols among many? (Hochreiter & Schmidhuber 1997, task 6a).",
            features=8,
            outputs=4,
            loss="softmax",
            batch=order_batch,
        ),
    )
}
