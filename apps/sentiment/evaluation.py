"""Scores a classifier: accuracy, F1 a class, calibration, speed, and accuracy by length."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import numpy as np

from apps.sentiment.corpus import read_split
from apps.sentiment.predictor import Critic
from apps.shared.charts import line_chart
from apps.shared.errors import UserError, starting
from apps.shared.task import Report
from metrics.accuracy import accuracy, confusion, f1_scores
from metrics.calibration import expected_calibration_error, nats, softmax

EDGES = (1, 10, 20, 40, 80, 160, 320, 640, 10_001)
"""Texts are grouped by their words from one edge to the next."""


def evaluate(critic: Critic, options: Any) -> Report:
    """Judges a split and scores it.

    Args:
        critic: the model.
        options: a `SentimentEvaluateOptions`.
    """
    with starting():
        values, labels = _read(critic, options)
    critic.logits(values[:1])  # traced before the clock runs
    began = time.perf_counter()
    logits = critic.logits(values)
    seconds = time.perf_counter() - began
    guesses, probabilities = logits.argmax(axis=-1), softmax(logits, critic.recipe.temperature)
    confusions = confusion(guesses, labels, len(critic.labels))
    lengths = np.array([len(value) - 1 for value in values])
    words = int(lengths.sum()) + len(lengths)
    scores = {
        "accuracy": round(accuracy(guesses, labels), 2),
        "calibration_error": round(expected_calibration_error(probabilities, labels), 2),
        "calibration_error_uncalibrated": round(expected_calibration_error(softmax(logits), labels), 2),
        "nats": round(nats(logits, labels, critic.recipe.temperature), 4),
        "f1": {
            label: round(float(value), 2) for label, value in zip(critic.labels, f1_scores(confusions), strict=True)
        },
        "confusions": confusions.tolist(),
        "model": critic.name,
        "split": str(options.file) if options.file else options.split,
        "texts": len(values),
        "words": words,
        "parameters": int(critic.model.count_params()),
        "seconds": round(seconds, 2),
        "texts_per_second": round(len(values) / seconds, 1),
        "gigaflops": round(2 * multiplications(critic.model) * words / seconds / 1e9, 2),
        "by_words": by_length(guesses == labels, lengths),
    }
    return Report(scores=scores, table=_table(scores, critic.labels), plot=_plot(scores))


def multiplications(model: Any) -> int:
    """Multiplications that the recurrent layers' products take for one word, padding apart."""
    return sum(int(np.prod(weight.shape)) for weight in model.stack.weights if len(weight.shape) == 2)


def by_length(right: np.ndarray, lengths: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy of texts grouped by their words: `shortest`, `longest`, `texts`, `accuracy` of each group that is not
    empty."""
    groups = []
    for first, end in pairwise(EDGES):
        here = (lengths >= first) & (lengths < end)
        if here.any():
            groups.append(
                {
                    "shortest": first,
                    "longest": end - 1,
                    "texts": int(here.sum()),
                    "accuracy": round(100 * float(right[here].mean()), 2),
                }
            )
    return groups


def _read(critic: Critic, options: Any) -> tuple[list[list[int]], np.ndarray]:
    numbers = {label: number for number, label in enumerate(critic.labels)}
    values, labels = [], []
    for text, label in read_split(critic.recipe, options):
        if label not in numbers:
            raise UserError(f"The label {label!r} is none of the model's: {', '.join(critic.labels)}.")
        value, _ = critic.read(text)
        if value is not None:
            values.append(value)
            labels.append(numbers[label])
    if not values:
        raise UserError("There is no text to score.")
    return values, np.array(labels)


def _table(scores: dict[str, Any], labels: list[str]) -> str:
    lines = [
        f"{scores['model']} on {scores['split']}: {scores['texts']:,} texts, {scores['parameters']:,} parameters",
        "",
        f"accuracy                    {scores['accuracy']:>8.2f}",
        f"expected calibration error  {scores['calibration_error']:>8.2f}   "
        f"(uncalibrated {scores['calibration_error_uncalibrated']:.2f})",
        f"nats a text                 {scores['nats']:>8.3f}",
        f"texts a second              {scores['texts_per_second']:>8,.1f}   "
        f"({scores['gigaflops']:.1f} GFLOP/s in the recurrent layers)",
        "",
        f"{'class':<18}{'texts':>8}{'F1':>8}   taken for",
    ]
    for label, row in zip(labels, scores["confusions"], strict=True):
        taken = ", ".join(f"{other} {count:,}" for other, count in zip(labels, row, strict=True))
        lines.append(f"{label:<18}{sum(row):>8,}{scores['f1'][label]:>8.2f}   {taken}")
    lines += ["", f"{'words':<18}{'texts':>8}{'accuracy':>10}"]
    lines += [f"{_span(one):<18}{one['texts']:>8,}{one['accuracy']:>10.2f}" for one in scores["by_words"]]
    return "\n".join(lines)


def _span(group: dict[str, Any]) -> str:
    return (
        f"{group['shortest']:,} to {group['longest']:,}" if group["longest"] < 10_000 else f"{group['shortest']:,} on"
    )


def _plot(scores: dict[str, Any]) -> str:
    return line_chart(
        title=f"{scores['model']} on {scores['split']}",
        across="words of the text",
        up="accuracy",
        labels=[_span(one) for one in scores["by_words"]],
        series={"accuracy": [one["accuracy"] for one in scores["by_words"]]},
    )
