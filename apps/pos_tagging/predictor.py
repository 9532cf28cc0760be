"""The trained tagger in use: text or words in, a tag for every word out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from apps.pos_tagging.batches import Encoder
from apps.pos_tagging.recipe import TaggingRecipe
from apps.pos_tagging.vocabulary import Vocabulary
from apps.shared.predictor import Predictor, Result
from data.text import clean
from data.tokenizers.words import tokenize

SENTENCE_ENDS = frozenset((".", "!", "?", "…", "。", "！", "？"))
VERDICTS = ("joint", "forward", "backward")


@dataclass(frozen=True, kw_only=True)
class TaggedText(Result):
    """A text with a tag for every word.

    Attributes:
        words: the words, as the tokenizer cut them.
        tags: the tag of each, by what comes before it and after it.
        probabilities: of each of these tags, 0 to 1.
        forward_tags: the verdict of the reader that has seen the word and what comes before it.
        backward_tags: the verdict of the reader that has seen the word and what comes after it.
    """

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    forward_tags: tuple[str, ...] = ()
    backward_tags: tuple[str, ...] = ()

    def to_line(self) -> str:
        """Each word and its tag: "She_PRON will_AUX …"."""
        return " ".join(f"{word}_{tag}" for word, tag in zip(self.words, self.tags, strict=True))


class PartOfSpeechTagger(Predictor):
    """Tags texts with one trained tagger.

    Args:
        model: the `models.tagger.Tagger`.
        recipe: its recipe.
        vocabulary: its words, characters and tags.
        name: what the model is called.
    """

    batch_size: ClassVar[int] = 64

    def __init__(self, model: Any, recipe: TaggingRecipe, vocabulary: Vocabulary, name: str = ""):
        self.model, self.recipe, self.vocabulary, self.name = model, recipe, vocabulary, name
        self._compiled: Any = None

    def read(self, item: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Cleans a text and cuts it into words; see `Predictor.read`."""
        cleaned = clean(item)
        words = tuple(tokenize(cleaned.text))
        notices = cleaned.notices
        if len(words) > self.recipe.window:
            notices = (
                *notices,
                f"The text has {len(words):,} words and the model reads {self.recipe.window} at once: it was tagged in "
                f"{len(self.parts(words))} parts, cut at sentence ends where there are some.",
            )
        if words and not any(self._knows_a_character(word) for word in words):
            notices = (*notices, "There is nothing in it that the model knows: the tags mean little.")
        return words or None, notices

    def answer(self, values: Sequence[Sequence[str]], search: object = None) -> list[TaggedText]:
        """Tags prepared texts, like lengths together; see `Predictor.answer`."""
        return [self._result(words, scores) for words, scores in zip(values, self.score(values), strict=True)]

    def empty(self) -> TaggedText:
        """The tags of nothing."""
        return TaggedText(input="")

    def tag_words(self, sentences: Sequence[Sequence[str]]) -> list[TaggedText]:
        """Tags sentences whose words are given, such as a treebank's; none of them is empty."""
        return self.answer(sentences)

    def score(self, sentences: Sequence[Sequence[str]]) -> list[dict[str, np.ndarray]]:
        """What the model thinks of every word.

        Args:
            sentences: words; none is empty. Those beyond the window are read in parts.

        Returns:
            For each sentence the probabilities of the tags by verdict, "joint", "forward" and "backward", float32
            (words, tags).
        """
        parts = [(number, part) for number, words in enumerate(sentences) for part in self.parts(words)]
        order = sorted(range(len(parts)), key=lambda place: len(parts[place][1]))
        scored: list[dict[str, np.ndarray] | None] = [None] * len(parts)
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            encoder = Encoder(self.vocabulary)
            encoded = [encoder.encode(parts[place][1]) for place in places]
            found = self._probabilities(encoder.batch(encoded))
            for row, place in enumerate(places):
                scored[place] = {name: values[row, : len(parts[place][1])] for name, values in found.items()}
        joined: list[list[dict[str, np.ndarray]]] = [[] for _ in sentences]
        for (number, _), one in zip(parts, scored, strict=True):
            assert one is not None
            joined[number].append(one)
        return [{name: np.concatenate([one[name] for one in ones]) for name in VERDICTS} for ones in joined]

    def parts(self, words: Sequence[str]) -> list[Sequence[str]]:
        """A text in parts that fit the window: cut behind the last sentence end within it, else at its end."""
        window, parts = self.recipe.window, []
        while len(words) > window:
            ends = [place + 1 for place in range(window) if words[place] in SENTENCE_ENDS]
            cut = ends[-1] if ends else window
            parts.append(words[:cut])
            words = words[cut:]
        return [*parts, words] if len(words) else parts

    def _knows_a_character(self, word: str) -> bool:
        return any(character in self.vocabulary.characters.numbers for character in word)

    def _probabilities(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self._compiled is None:
            from keras import ops

            from models import backend

            def run(batch):
                logits = self.model(batch, training=False)
                return {name: ops.softmax(values, axis=-1) for name, values in logits.items()}

            two = ((None, None), "int32")
            self._compiled = backend.compiled(run, [dict.fromkeys(("words", "characters", "places"), two)])
        return {name: np.asarray(values) for name, values in self._compiled(inputs).items()}

    def _result(self, words: Sequence[str], scores: dict[str, np.ndarray]) -> TaggedText:
        tags = {name: tuple(self.vocabulary.tags[best] for best in scores[name].argmax(axis=1)) for name in VERDICTS}
        return TaggedText(
            input="",
            words=tuple(words),
            tags=tags["joint"],
            probabilities=tuple(round(float(best), 4) for best in scores["joint"].max(axis=1)),
            forward_tags=tags["forward"],
            backward_tags=tags["backward"],
        )
