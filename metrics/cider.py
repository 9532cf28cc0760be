"""CIDEr-D (Vedantam et al. 2015, section 5), quick enough to be the reward of self-critical training.

A caption and a reference are compared n-gram by n-gram, order by order, each n-gram weighted by how often it occurs and
by how few pictures' references have it (tf-idf). The D variant clips the hypothesis' counts at the reference's and
lowers the score by a Gaussian of the difference in length, so that a sentence cannot win by repeating. What belongs to
the references is worked out once; a hypothesis then costs a look-up for each of its n-grams.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

ORDERS = 4
SIGMA = 6.0
"""Width of the Gaussian over the difference in length."""

Tokens = Sequence[Hashable]
References = Sequence[Sequence[Tokens]]
"""For each item its references."""


@dataclass(frozen=True, kw_only=True)
class DocumentFrequencies:
    """How many items' references hold each n-gram.

    Attributes:
        counts: items by n-gram, a tuple of tokens.
        documents: how many items there are.
    """

    counts: dict[tuple, int]
    documents: int

    @classmethod
    def of(cls, references: References) -> DocumentFrequencies:
        """Counts the n-grams of references; an item counts once however many of its references hold an n-gram."""
        counts: Counter = Counter()
        for item in references:
            counts.update({gram for tokens in item for gram in _ngrams(tokens)})
        return cls(counts=dict(counts), documents=len(references))

    def weight(self, gram: tuple) -> float:
        """The inverse document frequency, log(documents / items with it); one in none counts as one in one."""
        return math.log(max(1, self.documents)) - math.log(max(1, self.counts.get(gram, 0)))


class CiderD:
    """Scores captions against the references of their items.

    Args:
        references: for each item its references, each a sequence of tokens: words, or ids of words.
        frequencies: whose document frequencies; None takes these references'. With a single item every n-gram is in
            all documents and every score is 0.

    Raises:
        ValueError: an item has no reference.
    """

    def __init__(self, references: References, frequencies: DocumentFrequencies | None = None):
        if any(not item for item in references):
            raise ValueError("Every item needs at least one reference.")
        self.frequencies = frequencies or DocumentFrequencies.of(references)
        self._items = [_Item(item, self.frequencies) for item in references]

    def score(self, item: int, hypothesis: Tokens) -> float:
        """One caption's CIDEr-D as the paper scales it: 10 is the most.

        Args:
            item: the number of the item in `references`.
            hypothesis: the caption's tokens, without an end token.
        """
        return self._items[item].score(hypothesis, self.frequencies)

    def scores(self, items: Sequence[int], hypotheses: Sequence[Tokens]) -> np.ndarray:
        """`score` of many captions, float64 (n,); equal ones of an item are scored once."""
        known: dict[tuple, float] = {}
        values = np.empty(len(hypotheses))
        for row, (item, hypothesis) in enumerate(zip(items, hypotheses, strict=True)):
            key = (int(item), tuple(hypothesis))
            if key not in known:
                known[key] = self.score(*key)
            values[row] = known[key]
        return values


class _Item:
    """One item's references, as postings: n-gram → (reference, its weight, that weight over the vector's norm)."""

    def __init__(self, references: Sequence[Tokens], frequencies: DocumentFrequencies):
        self.count = len(references)
        self.lengths = [_length(tokens) for tokens in references]
        self.postings: dict[tuple, list[tuple[int, float, float]]] = {}
        for number, tokens in enumerate(references):
            weights, norms = _weighted(tokens, frequencies)
            for gram, weight in weights.items():
                if weight:
                    posting = (number, weight, weight / norms[len(gram) - 1])
                    self.postings.setdefault(gram, []).append(posting)

    def score(self, hypothesis: Tokens, frequencies: DocumentFrequencies) -> float:
        """CIDEr-D of one hypothesis, ×10 as COCO prints it (Vedantam et al. 2015, section 6)."""
        weights, norms = _weighted(hypothesis, frequencies)
        similar = [0.0] * self.count
        for gram, weight in weights.items():
            norm = norms[len(gram) - 1]
            for number, other, normed in self.postings.get(gram, ()):
                similar[number] += min(weight, other) * normed / norm
        length = _length(hypothesis)
        total = sum(
            value * math.exp(-((length - other) ** 2) / (2 * SIGMA**2))
            for value, other in zip(similar, self.lengths, strict=True)
        )
        return 10 * total / (ORDERS * self.count)


def _ngrams(tokens: Tokens) -> Counter:
    tokens = tuple(tokens)
    return Counter(tokens[i : i + n] for n in range(1, ORDERS + 1) for i in range(len(tokens) - n + 1))


def _weighted(tokens: Tokens, frequencies: DocumentFrequencies) -> tuple[dict[tuple, float], list[float]]:
    """The n-grams' tf-idf weights, and the norm of each order's vector."""
    weights = {gram: count * frequencies.weight(gram) for gram, count in _ngrams(tokens).items()}
    squares = [0.0] * ORDERS
    for gram, weight in weights.items():
        squares[len(gram) - 1] += weight * weight
    return weights, [math.sqrt(square) for square in squares]


def _length(tokens: Tokens) -> int:
    """A sentence's length as the authors' code counts it: in pairs of neighbours."""
    return max(0, len(tokens) - 1)
