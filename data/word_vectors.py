"""Word vectors: read from GloVe and word2vec files, trained by word2vec (gensim), looked up, written.

GloVe (Pennington et al. 2014) writes a word and its numbers on each line. word2vec (Mikolov et al. 2013) writes the
same below a line with the number of words and the width; its binary form is read through gensim.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np

from data.corpora.lines import raw_lines
from data.tokenizers.words import lower


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: the most frequent first, by custom.
        vectors: float32 (words, width).
    """

    words: tuple[str, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        """Numbers a word."""
        return int(self.vectors.shape[1])

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Word → its row."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def unit(self) -> np.ndarray:
        """The vectors at length 1, float32 (words, width): the product of two is their cosine."""
        return self.vectors / np.maximum(np.linalg.norm(self.vectors, axis=1, keepdims=True), 1e-12)

    def find(self, word: str) -> int | None:
        """A word's row: as it is written, else in small letters; None where it is not known."""
        number = self.numbers.get(word)
        return self.numbers.get(lower(word)) if number is None else number

    def nearest(self, query: np.ndarray, count: int, without: Iterable[int] = ()) -> list[tuple[int, float]]:
        """The words whose vectors point most nearly in a direction.

        Args:
            query: (width,), of any length but 0.
            count: how many.
            without: rows that are not answers.

        Returns:
            (row, cosine), the nearest first.
        """
        cosines = self.unit @ (query / max(float(np.linalg.norm(query)), 1e-12)).astype(np.float32)
        cosines[list(without)] = -np.inf
        count = min(count, int(np.isfinite(cosines).sum()))
        best = np.argpartition(-cosines, count - 1)[:count] if 0 < count < len(cosines) else np.arange(len(cosines))
        best = best[np.lexsort((best, -cosines[best]))][:count]
        return [(int(row), float(cosines[row])) for row in best]

    def analogy(self, first: int, second: int, third: int) -> np.ndarray:
        """Where the answer to "first is to second as third is to …" lies: second - first + third of unit vectors.

        The "vector offset" of Mikolov, Yih and Zweig 2013 (3CosAdd of Levy & Goldberg 2014).

        Returns:
            float32 (width,).
        """
        return self.unit[second] - self.unit[first] + self.unit[third]

    def first(self, count: int) -> WordVectors:
        """The first `count` words alone."""
        return WordVectors(self.words[:count], self.vectors[:count])


def read(path: str | Path, wanted: Container[str] | None = None, limit: int = 0) -> WordVectors:
    """Reads a file of word vectors of any width, line by line; what is not kept takes no memory.

    Text as GloVe or word2vec write it, plain or `.gz`; a name in `.bin` or `.bin.gz` is word2vec's binary form.

    Args:
        path: the file.
        wanted: keep these words only; None keeps all.
        limit: keep at most so many words; 0 keeps all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is broken, or has another width than the first; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}.")
    if path.name.removesuffix(".gz").endswith(".bin"):
        return _read_binary(path, wanted, limit)
    words: dict[str, int] = {}
    rows: list[np.ndarray] = []
    for word, numbers in _entries(path, wanted):
        if word not in words:
            words[word] = len(rows)
            rows.append(numbers)
            if limit and len(rows) == limit:
                break
    if not rows:
        why = "none of the words that are asked for" if wanted is not None else "no words"
        raise ValueError(f"{path} has {why}. Each line must be a word and its numbers.")
    return WordVectors(tuple(words), np.stack(rows))


def write(path: str | Path | IO[bytes], vectors: WordVectors) -> None:
    """Writes word vectors as GloVe does: a word and its numbers a line, six significant digits."""
    if not isinstance(path, (str, Path)):
        for word, row in zip(vectors.words, vectors.vectors, strict=True):
            path.write(f"{word} {' '.join(f'{value:.6g}' for value in row)}\n".encode())
        return
    with open(path, "wb") as file:
        write(file, vectors)


def _entries(path: Path, wanted: Container[str] | None) -> Iterator[tuple[str, np.ndarray]]:
    """The kept lines as word and numbers. The first line settles the width."""
    width = 0
    for number, raw in enumerate(raw_lines(path), start=1):
        place = f"{path}, line {number:,}"
        try:
            line = raw.decode("utf-8").rstrip("\r\n").rstrip(" ")
        except UnicodeDecodeError:
            raise ValueError(f"{place}: not UTF-8. Convert the file, for instance with iconv.") from None
        if not line:
            raise ValueError(f"{place}: the line is empty; expected a word and its numbers.")
        fields = line.split(" ") if not width else line.rsplit(" ", width)
        if number == 1 and len(fields) == 2 and all(one.isdecimal() for one in fields):
            width = int(fields[1]) if len(fields[1]) < 8 else 0
            if not width:
                raise ValueError(f"{place}: vectors of {fields[1][:20]} numbers cannot be read.")
            continue
        if not width:
            width = len(fields) - 1
            if not width or not fields[0]:
                raise ValueError(f"{place}: expected a word and its numbers with spaces between, got {line[:40]!r}.")
        if len(fields) != width + 1 or not fields[0]:
            raise ValueError(f"{place}: {len(line.split(' ')) - 1} numbers where the lines before have {width}.")
        word = fields[0]
        if " " in word and all(_is_number(one) for one in word.split(" ")[1:]):
            raise ValueError(f"{place}: {len(line.split(' ')) - 1} numbers where the lines before have {width}.")
        if wanted is None or word in wanted:
            yield word, _numbers(fields[1:], place)


def _numbers(fields: list[str], place: str) -> np.ndarray:
    try:
        values = [float(one) for one in fields]
    except ValueError:
        bad = next(one for one in fields if not _is_number(one))
        raise ValueError(f"{place}: {bad[:40]!r} is not a number.") from None
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{place}: a number is not finite.")
    return np.array(values, dtype=np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_binary(path: Path, wanted: Container[str] | None, limit: int) -> WordVectors:
    from gensim.models import KeyedVectors

    try:
        loaded = KeyedVectors.load_word2vec_format(str(path), binary=True, limit=limit or None)
    except (ValueError, EOFError, OSError, IndexError, OverflowError, MemoryError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole binary word2vec file ({error}).") from None
    kept = [row for row, word in enumerate(loaded.index_to_key) if wanted is None or word in wanted]
    if not kept:
        raise ValueError(f"{path} has none of the words that are asked for.")
    values = np.array(loaded.vectors[kept], np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{path} has vectors with values that are no numbers.")
    return WordVectors(tuple(loaded.index_to_key[row] for row in kept), values)


@dataclass(frozen=True, kw_only=True)
class Word2VecSettings:
    """How word2vec learns (Mikolov et al. 2013, "Distributed Representations of Words and Phrases").

    Attributes:
        width: numbers a word.
        window: words looked at on either side, at most.
        skip_gram: predict the context from the word; False predicts the word from its context (CBOW).
        negative: words drawn against each true one (negative sampling).
        sample: threshold above which frequent words are left out at random.
        least: a word that occurs less often gets no vector.
        most: most words; the rarer ones get none; 0 for no limit.
        epochs: passes over the text.
        learning_rate: at the start; falls to almost zero.
        seed: of everything random.
    """

    width: int = 100
    window: int = 5
    skip_gram: bool = True
    negative: int = 5
    sample: float = 1e-4
    least: int = 5
    most: int = 0
    epochs: int = 5
    learning_rate: float = 0.025
    seed: int = 1


@dataclass(eq=False)
class Word2Vec:
    """word2vec by gensim, one epoch at a time, so that it can stop between two and go on.

    On one thread the same text, settings and seed give the same vectors, interrupted or not.

    Args:
        sentences: lists of words, the same whenever they are gone through.
        settings: how to learn.
        workers: threads; more than one is faster, and no two runs are alike.

    Raises:
        ValueError: no word occurs often enough.
    """

    sentences: Iterable[Sequence[str]]
    settings: Word2VecSettings = Word2VecSettings()
    workers: int = 1
    model: Any = field(init=False, repr=False)

    def __post_init__(self):
        from gensim.models import Word2Vec as Gensim

        told = self.settings
        self.model = Gensim(
            vector_size=told.width,
            window=told.window,
            sg=int(told.skip_gram),
            negative=told.negative,
            sample=told.sample,
            min_count=told.least,
            max_final_vocab=told.most or None,
            seed=told.seed,
            workers=self.workers,
        )
        self.model.build_vocab(self.sentences)
        if not len(self.model.wv):
            raise ValueError(
                f"No word occurs {told.least} times, so there is nothing to learn. Give more text, or a lower limit."
            )

    def epoch(self, number: int) -> None:
        """Learns from the whole text once. Epochs are counted from 0."""
        told = self.settings
        rate, end = told.learning_rate, told.learning_rate / 250
        at = [rate + (end - rate) * min(1.0, n / told.epochs) for n in (number, number + 1)]
        self.model.random = np.random.RandomState(told.seed * 1_000 + number)
        self.model.min_alpha_yet_reached = at[0]
        self.model.train(
            self.sentences,
            total_examples=self.model.corpus_count,
            epochs=1,
            start_alpha=at[0],
            end_alpha=at[1],
        )

    def state(self) -> dict[str, np.ndarray]:
        """All that learning changes, by name."""
        return {"vectors": self.model.wv.vectors, "context": self.model.syn1neg}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Puts back what `state` gave.

        Raises:
            ValueError: it is that of another text or of other settings.
        """
        for name, kept in self.state().items():
            if name not in state or state[name].shape != kept.shape:
                raise ValueError("The checkpoint belongs to another text or to other settings.")
            kept[...] = state[name]

    def vectors(self) -> WordVectors:
        """What was learnt, the most frequent word first."""
        return WordVectors(tuple(self.model.wv.index_to_key), np.array(self.model.wv.vectors, np.float32))

    def counts(self) -> list[int]:
        """How often each word occurs in the text."""
        return [int(self.model.wv.get_vecattr(word, "count")) for word in self.model.wv.index_to_key]


def train_word2vec(sentences: Iterable[Sequence[str]], settings: Word2VecSettings) -> WordVectors:
    """Learns word vectors from a text; see `Word2Vec`."""
    learning = Word2Vec(sentences, settings)
    for number in range(settings.epochs):
        learning.epoch(number)
    return learning.vectors()


def start_values(vectors: WordVectors, words: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A start for an embedding: the vectors of the words that have one, random ones alike in spread for the others.

    As Kim 2014 ("Convolutional Neural Networks for Sentence Classification", section 3.1) starts unknown words.

    Args:
        vectors: the pretrained ones.
        words: the vocabulary in the order of its ids.
        seed: of the random ones.

    Returns:
        float32 (words, width), and bool (words,): which words have a vector.
    """
    generator = np.random.default_rng(seed)
    values = generator.normal(scale=float(vectors.vectors.std()), size=(len(words), vectors.width)).astype(np.float32)
    known = np.zeros(len(words), dtype=bool)
    for row, word in enumerate(words):
        number = vectors.find(word)
        if number is not None:
            values[row], known[row] = vectors.vectors[number], True
    return values, known
