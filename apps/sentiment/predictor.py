"""The trained classifier in use: texts in, labels with calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.sentiment.recipe import SentimentRecipe
from apps.shared.predictor import Predictor, Result
from data.batches import pad
from data.text import clean, cut_to_window
from data.tokenizers.special import EOS_ID, UNK_ID
from data.tokenizers.words import WordTokenizer
from metrics.calibration import softmax

if TYPE_CHECKING:
    from models.explain.classifier import ClassifierExplainer


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """What a text is.

    Attributes:
        label: the likeliest class; empty for an empty text.
        probability: of that class, calibrated on the dev set, 0 to 1.
        probabilities: of every class, by its name.
    """

    label: str = ""
    probability: float = 0.0
    probabilities: dict[str, float] = field(default_factory=dict)

    def to_line(self) -> str:
        """Label and probability with a tab between them; empty for an empty text."""
        return f"{self.label}\t{self.probability:.4f}" if self.label else ""


class Critic(Predictor):
    """Judges texts with one trained classifier.

    Args:
        model: the `RecurrentClassifier`.
        recipe: its recipe.
        tokenizer: its vocabulary.
        labels: its classes in order.
        name: what the model is called.
    """

    most_words = 40_000
    """Words, padding included, that are read at once."""

    def __init__(
        self,
        model: Any,
        recipe: SentimentRecipe,
        tokenizer: WordTokenizer,
        labels: Sequence[str],
        name: str = "",
    ):
        self.model, self.recipe, self.tokenizer, self.labels, self.name = (
            model,
            recipe,
            tokenizer,
            list(labels),
            name,
        )

    def read(self, item: str) -> tuple[list[int] | None, tuple[str, ...]]:
        """Cleans a text and looks its words up; see `Predictor.read`."""
        words, notices = self.words(item)
        if not words:
            return None, notices
        ids = [*self.tokenizer.ids(words), EOS_ID]
        if all(word_id == UNK_ID for word_id in ids[:-1]):
            notices = (*notices, "There is nothing in it that the model knows: the answer means nothing.")
        return ids, notices

    def words(self, item: str) -> tuple[list[str], tuple[str, ...]]:
        """The words of a text as the model reads them, cut to its window, and what was done to the text.

        Raises:
            data.text.TextRefused: the text is refused.
        """
        cleaned = clean(item)
        limit = self.recipe.max_length - 1
        words = self.tokenizer.tokenize(cleaned.text)
        if len(words) <= limit:
            return words, cleaned.notices
        cut = cut_to_window(cleaned.text, lambda text: len(self.tokenizer.tokenize(text)), limit)
        words = self.tokenizer.tokenize(cut.text) or words[:limit]
        return words, (*cleaned.notices, *cut.notices)

    def answer(self, values: Sequence[list[int]], search: None = None) -> list[Verdict]:
        """Judges prepared texts, like lengths together; see `Predictor.answer`."""
        return [self.verdict(row) for row in self.probabilities(values)]

    def probabilities(self, values: Sequence[Sequence[int]]) -> np.ndarray:
        """Calibrated probabilities, float64 (texts, classes), of prepared texts."""
        return softmax(self.logits(values), self.recipe.temperature)

    def logits(self, values: Sequence[Sequence[int]]) -> np.ndarray:
        """Logits as the network gives them, float32 (texts, classes), of prepared texts."""
        order = sorted(range(len(values)), key=lambda number: len(values[number]), reverse=True)
        found = np.zeros((len(values), len(self.labels)), np.float32)
        while order:
            size = max(1, self.most_words // len(values[order[0]]))
            numbers, order = order[:size], order[size:]
            found[numbers] = np.asarray(self._logits(pad([values[number] for number in numbers])))
        return found

    def verdict(self, probabilities: np.ndarray) -> Verdict:
        """The verdict that a row of probabilities stands for; `predict` fills in the text."""
        best = int(probabilities.argmax())
        return Verdict(
            input="",
            label=self.labels[best],
            probability=float(probabilities[best]),
            probabilities={label: float(one) for label, one in zip(self.labels, probabilities, strict=True)},
        )

    def empty(self) -> Verdict:
        """The verdict on nothing."""
        return Verdict(input="")

    @cached_property
    def explainer(self) -> ClassifierExplainer:
        """What looks into the model."""
        from models.explain.classifier import ClassifierExplainer

        return ClassifierExplainer(self.model, EOS_ID, UNK_ID)

    @cached_property
    def _logits(self) -> Any:
        from models import backend

        return backend.compiled(lambda ids: self.model(ids, training=False), [((None, None), "int32")])
