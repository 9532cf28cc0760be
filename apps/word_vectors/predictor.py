"""Word vectors in use: a word in, its nearest words out; "king - man + woman" in, "queen" out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.shared.predictor import Predictor, Result
from apps.word_vectors.recipe import WordVectorsRecipe
from data.text import clean
from data.tokenizers.words import lower
from data.word_vectors import WordVectors

SHOWN = 10
FORMS = 'a word, "man : king :: woman", or a sum such as "king - man + woman"'
_ANALOGY = re.compile(r"^(\S+) : (\S+) :: (\S+)(?: : \?)?$")


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A word near a vector.

    Attributes:
        word: the word.
        similarity: the cosine of the angle between the two, -1 to 1.
    """

    word: str
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Neighbours(Result):
    """The words nearest to a word or to a sum of words, the nearest first."""

    neighbours: tuple[Neighbour, ...] = ()

    def to_line(self) -> str:
        """The words."""
        return " ".join(neighbour.word for neighbour in self.neighbours)


@dataclass(frozen=True)
class Query:
    """A sum of words.

    Attributes:
        rows: the rows of the words in it; they are not among the answers.
        signs: 1 or -1 for each.
    """

    rows: tuple[int, ...]
    signs: tuple[int, ...]


class WordExplorer(Predictor):
    """Answers with the nearest words.

    Args:
        vectors: the words' vectors.
        places: float (words of the map, 2), where they lie on the map, or None.
        recipe: how they were made.
        name: what they are called.
    """

    def __init__(self, vectors: WordVectors, places: np.ndarray | None, recipe: WordVectorsRecipe, name: str = ""):
        self.vectors, self.places, self.recipe, self.name = vectors, places, recipe, name

    def read(self, item: str) -> tuple[Query | None, tuple[str, ...]]:
        """Reads a word, an analogy or a sum of words; see `Predictor.read`.

        Raises:
            ValueError: it is none of these, or a word has no vector.
        """
        cleaned = clean(item)
        text = cleaned.text
        if not text:
            return None, cleaned.notices
        if found := _ANALOGY.match(text):
            first, second, third = found.groups()
            text = f"{second} - {first} + {third}"
        parts = text.split()
        if len(parts) % 2 == 0 or any(sign not in "+-" for sign in parts[1::2]):
            raise ValueError(f"Give {FORMS}; got {text[:60]!r}.")
        signs = [1, *(1 if sign == "+" else -1 for sign in parts[1::2])]
        return Query(tuple(self._row(word) for word in parts[::2]), tuple(signs)), cleaned.notices

    def answer(self, values: Sequence[Query], search: object = None) -> list[Neighbours]:
        """The nearest words of each sum; see `Predictor.answer`."""
        return [Neighbours(input="", neighbours=self.neighbours(query, SHOWN)) for query in values]

    def empty(self) -> Neighbours:
        """The neighbours of nothing."""
        return Neighbours(input="")

    def neighbours(self, query: Query, count: int) -> tuple[Neighbour, ...]:
        """The `count` nearest words to a sum of vectors of length 1."""
        total = np.array(query.signs, np.float32) @ self.vectors.unit[list(query.rows)]
        found = self.vectors.nearest(total, count, without=query.rows)
        return tuple(Neighbour(word=self.vectors.words[row], similarity=round(cosine, 4)) for row, cosine in found)

    def _row(self, word: str) -> int:
        row = self.vectors.find(word)
        if row is not None:
            return row
        like = difflib.get_close_matches(lower(word)[:40], self.vectors.words[:10_000], n=3)
        hint = f" Did you mean {', '.join(like)}?" if like else ""
        raise ValueError(f"{word[:40]!r} has no vector: it is not among the {len(self.vectors):,} words.{hint}")
