"""Sentences as padded batches of ids: each word's number, and the spelling of each different word once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.pos_tagging.vocabulary import Vocabulary
from data.batches import pad, plan_epoch
from data.corpora.conllu import TaggedSentence


@dataclass(frozen=True)
class Encoded:
    """A sentence in numbers.

    Attributes:
        words: the words' ids.
        spellings: for each word its row in the spellings of the corpus.
        tags: the tags' ids, counted from 1; empty where they are asked for.
    """

    words: list[int]
    spellings: list[int]
    tags: list[int]


class Encoder:
    """Words to numbers; a spelling is worked out once.

    Args:
        vocabulary: the numbers.
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.spellings: list[list[int]] = []
        self._rows: dict[str, int] = {}
        self._tags = {tag: number for number, tag in enumerate(vocabulary.tags, start=1)}

    def encode(self, words: Sequence[str], tags: Sequence[str] = ()) -> Encoded:
        """A sentence in numbers.

        Raises:
            ValueError: a tag is none of the vocabulary's.
        """
        strange = next((tag for tag in tags if tag not in self._tags), None)
        if strange is not None:
            raise ValueError(f"The tag {strange!r} does not occur in the training treebank.")
        rows = [self._row(word) for word in words]
        return Encoded(self.vocabulary.words.ids(words), rows, [self._tags[tag] for tag in tags])

    def batch(self, sentences: Sequence[Encoded], wider: Sequence[int] = (0, 0, 0)) -> dict[str, np.ndarray]:
        """The inputs of `models.tagger.Tagger`.

        Args:
            sentences: what to pad together; none of them is empty.
            wider: additional width of sentences, additional spellings, additional width of spellings.
        """
        longest = max(len(sentence.words) for sentence in sentences) + wider[0]
        different, places = np.unique(
            np.concatenate([sentence.spellings for sentence in sentences]), return_inverse=True
        )
        rows = [*different, *[different[0]] * wider[1]]
        spelled = [self.spellings[row] for row in rows]
        cuts = np.cumsum([len(sentence.words) for sentence in sentences])[:-1]
        return {
            "words": pad([sentence.words for sentence in sentences], longest),
            "characters": pad(spelled, max(map(len, spelled)) + wider[2]),
            "places": pad(np.split(places.reshape(-1), cuts), longest),  # type: ignore[arg-type]
        }

    def _row(self, word: str) -> int:
        row = self._rows.get(word)
        if row is None:
            row = self._rows[word] = len(self.spellings)
            self.spellings.append(self.vocabulary.characters.ids(word))
        return row


class TrainingBatches:
    """Epoch → batches for `Tagger`, the same whenever an epoch is asked for.

    Args:
        sentences: what to train on.
        vocabulary: the numbers.
        batch_size: sentences a batch.
        seed: with the epoch's number, decides the order.
    """

    def __init__(self, sentences: Sequence[TaggedSentence], vocabulary: Vocabulary, batch_size: int, seed: int):
        self.encoder, self.batch_size, self.seed = Encoder(vocabulary), batch_size, seed
        self.encoded = [self.encoder.encode(*sentence) for sentence in sentences]
        self.lengths = np.array([len(sentence.words) for sentence in self.encoded])

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-len(self.encoded) // self.batch_size)

    def __call__(self, epoch: int) -> EncodedBatches:
        """The batches of one epoch, counted from 0."""
        plan = plan_epoch(self.lengths, self.batch_size, self.seed, epoch)
        return EncodedBatches(self.encoder, self.encoded, plan)


class EncodedBatches(Sequence):
    """Batches that are padded when they are asked for.

    Keras infers from the first two batches that it meets, which may be any two neighbours when a run resumes, which
    dimensions vary. So a batch whose size in some direction equals its predecessor's gets more padding in it.

    Args:
        encoder: knows the spellings.
        encoded: all sentences.
        plan: the sentences of each batch.
    """

    def __init__(self, encoder: Encoder, encoded: Sequence[Encoded], plan: Sequence[np.ndarray]):
        self.encoder, self.encoded, self.plan = encoder, encoded, plan
        self.wider = np.zeros((len(plan), 3), dtype=np.int64)
        sizes = [self._sizes(numbers) for numbers in plan]
        for number, (before, size) in enumerate(itertools.pairwise(sizes), start=1):
            self.wider[number] = (size == before).astype(np.int64)
            size += self.wider[number]

    def _sizes(self, numbers: np.ndarray) -> np.ndarray:
        chosen = [self.encoded[number] for number in numbers]
        rows = {row for sentence in chosen for row in sentence.spellings}
        longest = max(len(self.encoder.spellings[row]) for row in rows)
        return np.array([max(len(sentence.words) for sentence in chosen), len(rows), longest])

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number):
        chosen = [self.encoded[one] for one in self.plan[number]]
        inputs = self.encoder.batch(chosen, [int(width) for width in self.wider[number]])
        return inputs, pad([sentence.tags for sentence in chosen], inputs["words"].shape[1])
