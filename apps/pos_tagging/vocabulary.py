"""What a tagger knows by number: words, characters and tags."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.pos_tagging.recipe import TaggingRecipe
from data.corpora.conllu import TaggedSentence
from data.tokenizers.characters import CharacterTokenizer
from data.tokenizers.special import SPECIAL_TOKENS
from data.tokenizers.words import WordTokenizer, lower
from data.word_vectors import WordVectors

WORDS, CHARACTERS, LABELS, TRAINED = "vocabulary.txt", "characters.txt", "labels.txt", "treebank.json"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tagger's words, characters and tags.

    Attributes:
        words: first the special tokens and the treebank's words, then words that have a pretrained vector only.
        characters: the characters of the treebank.
        tags: the treebank's tags in alphabetical order; tag n has the id n + 1, 0 is padding.
        trained_words: word ids below this one belong to words of the treebank.
        seen: all words of the training treebank in small letters, also those without an id: the others are unknown
            words to `evaluate`.
    """

    words: WordTokenizer
    characters: CharacterTokenizer
    tags: tuple[str, ...]
    trained_words: int
    seen: frozenset[str]

    @classmethod
    def learn(
        cls, sentences: Sequence[TaggedSentence], recipe: TaggingRecipe, vectors: WordVectors | None
    ) -> Vocabulary:
        """The vocabulary of a treebank, and of pretrained vectors."""
        counts = Counter(lower(word) for sentence in sentences for word in sentence.words)
        own = WordTokenizer.from_counts(counts, recipe.max_words, recipe.min_count)
        more: list[str] = []
        if vectors is not None:
            room = max(0, recipe.max_words - own.size)
            more = [word for word in vectors.words if word not in own.numbers and _fits(word)][:room]
        return cls(
            words=WordTokenizer([*own.words, *more]),
            characters=CharacterTokenizer.train(
                (word for sentence in sentences for word in sentence.words), recipe.min_count
            ),
            tags=tuple(sorted({tag for sentence in sentences for tag in sentence.tags})),
            trained_words=own.size,
            seen=frozenset(counts),
        )

    @classmethod
    def load(cls, folder: Any) -> Vocabulary:
        """Reads the files that `files` gave; `folder / name` is the path of one."""
        facts = json.loads((folder / TRAINED).read_text(encoding="utf-8"))
        return cls(
            words=WordTokenizer.load(folder / WORDS),
            characters=CharacterTokenizer.load(folder / CHARACTERS),
            tags=tuple((folder / LABELS).read_text(encoding="utf-8").split()),
            trained_words=int(facts["trained_words"]),
            seen=frozenset(facts["seen"]),
        )

    def files(self) -> dict[str, str]:
        """What a model folder keeps of it, by name."""
        facts = {"trained_words": self.trained_words, "seen": sorted(self.seen)}
        return {
            WORDS: self.words.text,
            CHARACTERS: self.characters.text,
            LABELS: "".join(f"{tag}\n" for tag in self.tags),
            TRAINED: json.dumps(facts, ensure_ascii=False) + "\n",
        }

    def knows(self, word: str) -> bool:
        """Whether the word occurs in the training treebank, in whatever letters."""
        return lower(word) in self.seen


def _fits(word: str) -> bool:
    return word == lower(word) and word not in SPECIAL_TOKENS and not any(one.isspace() for one in word)
