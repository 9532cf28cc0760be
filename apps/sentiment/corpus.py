"""Labelled texts as padded batches of ids."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from apps.sentiment.recipe import SentimentRecipe
from apps.shared.errors import UserError
from data.batches import pad, plan_epoch, vary_widths
from data.corpora import imdb, labelled, sst
from data.corpora.labelled import Example
from data.text import clean
from data.tokenizers.special import EOS_ID
from data.tokenizers.words import WordTokenizer, tokenize

MOST_CLASSES = 1_000
SHARE_HELD_OUT = {"imdb": 0.08, "file": 0.1}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What a model learns from. Each call reads anew, so that a large file is never held in memory.

    Attributes:
        train, dev: labelled texts.
        unlabelled: further texts to learn word vectors from.
        labels: the names of the classes in the order of their numbers.
        in_memory: the texts are held; else they come from a file each time.
    """

    train: Callable[[], Iterator[Example]]
    dev: Callable[[], Iterator[Example]]
    unlabelled: Callable[[], Iterator[str]] = lambda: iter(())
    labels: tuple[str, ...] = ()
    in_memory: bool = True

    def sentences(self, lowercase: bool) -> Iterable[list[str]]:
        """The words of all training texts, labelled or not, the same whenever they are gone through."""
        words = _Words(self, lowercase)
        return [[sys.intern(word) for word in text] for text in words] if self.in_memory else words


@dataclass(frozen=True)
class _Words:
    corpus: Corpus
    lowercase: bool

    def __iter__(self) -> Iterator[list[str]]:
        texts = chain((example.text for example in self.corpus.train()), self.corpus.unlabelled())
        return (tokenize(_clean(text), self.lowercase) for text in texts)


def open_corpus(recipe: SentimentRecipe, options: Any) -> Corpus:
    """The corpus that a recipe names, or the user's own table.

    Args:
        recipe: names the corpus.
        options: has `data_dir`, `train_file`, `dev_file`, `text_column` and `label_column`.

    Raises:
        UserError: there is no corpus to read.
        ValueError, FileNotFoundError: see `data.corpora`.
    """
    if options.train_file or recipe.corpus == "file":
        return _own_table(options)
    directory = _directory(options)
    return _imdb(directory) if recipe.corpus == "imdb" else _sst(directory, recipe)


def read_split(recipe: SentimentRecipe, options: Any) -> Iterator[Example]:
    """The texts to score a model on: `options.split`, or the user's own table `options.file`."""
    if options.file:
        return labelled.read(options.file, options.text_column, options.label_column)
    if recipe.corpus == "file":
        raise UserError("This model was trained on a table of your own. Name the table to score on with --file.")
    directory = _directory(options)
    if recipe.corpus != "imdb":
        return sst.read(directory, options.split, _classes(recipe))
    if options.split == "test":
        return (review.example for review in imdb.read(directory, ("test",)))
    return iter(_imdb(directory).dev())


def _directory(options: Any) -> Path:
    if options.data_dir is None:
        raise UserError(
            "No corpus to read. Name the folder that holds IMDB or SST with --data-dir or in CARROUSEL_DATA, or give a "
            "table of your own."
        )
    return options.data_dir


def _imdb(directory: Path) -> Corpus:
    """IMDB without a word of its test set: 123 training and 266 unlabelled reviews stand there, too."""
    reviews, test = [], set()
    for review in imdb.read(directory):
        if review.split == "test":
            test.add(review.example.text)
        else:
            reviews.append(review.example)
    kept = [example for example in reviews if example.text not in test]
    share = SHARE_HELD_OUT["imdb"]
    return Corpus(
        train=lambda: (one for one in kept if one.label and not held_out(one.text, share)),
        dev=lambda: (one for one in kept if one.label and held_out(one.text, share)),
        unlabelled=lambda: (one.text for one in kept if not one.label),
        labels=imdb.LABELS,
    )


def _classes(recipe: SentimentRecipe) -> int:
    return 5 if recipe.corpus == "sst-5" else 2


def _sst(directory: Path, recipe: SentimentRecipe) -> Corpus:
    """SST; each phrase once, and none that is a sentence to be scored on."""
    classes = _classes(recipe)
    scored = {one.text.lower() for split in ("dev", "test") for one in sst.read(directory, split, 5)}
    phrases = {
        one.text: one for one in sst.read(directory, "train", classes, recipe.phrases) if one.text.lower() not in scored
    }
    return Corpus(
        train=lambda: iter(phrases.values()),
        dev=lambda: sst.read(directory, "dev", classes),
        labels=sst.labels(classes),
    )


def _own_table(options: Any) -> Corpus:
    if not options.train_file:
        raise UserError("Give your own table with --train-file, or a corpus with --corpus and --data-dir.")
    share = SHARE_HELD_OUT["file"]

    def read(path: Path) -> Iterator[Example]:
        return labelled.read(path, options.text_column, options.label_column)

    def train() -> Iterator[Example]:
        return (one for one in read(options.train_file) if options.dev_file or not held_out(one.text, share))

    def dev() -> Iterator[Example]:
        if options.dev_file:
            return read(options.dev_file)
        return (one for one in read(options.train_file) if held_out(one.text, share))

    return Corpus(train=train, dev=dev, in_memory=False)


def held_out(text: str, share: float) -> bool:
    """Whether a text is for scoring. The text alone decides, so that one which occurs twice is on one side only."""
    return zlib.crc32(text.encode("utf-8")) % 10_000 < 10_000 * share


def find_labels(corpus: Corpus) -> tuple[str, ...]:
    """The classes: those that the corpus names, or all that its training texts have, numbers in order of size.

    Raises:
        ValueError: there is one class only, or more than 1,000.
    """
    if corpus.labels:
        return corpus.labels
    found = {example.label for example in corpus.train()}
    if len(found) < 2:
        raise ValueError(
            f"The training texts have one class only, {next(iter(found))!r}; a classifier needs two."
            if found
            else "There is no training text. Give at least one for each of two classes."
        )
    if len(found) > MOST_CLASSES:
        raise ValueError(f"There are {len(found):,} labels; {MOST_CLASSES:,} are the most. Is it the right column?")
    if all(label.lstrip("-").isdecimal() for label in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def _clean(text: str) -> str:
    return clean(text).text


class EncodedTexts:
    """Texts as ids in one array of 4 bytes a word, so that a million of them fit into memory.

    Args:
        examples: labelled texts; blank ones are left out.
        tokenizer: their words' ids.
        labels: the classes in order.
        longest: most ids of a text, `</s>` included.
        keep_end: of a longer text keep the end; else the beginning.

    Raises:
        ValueError: a label is none of `labels`.
    """

    def __init__(
        self,
        examples: Iterable[Example],
        tokenizer: WordTokenizer,
        labels: Sequence[str],
        longest: int,
        keep_end: bool = False,
    ):
        numbers = {label: number for number, label in enumerate(labels)}
        ids, starts, classes = array("i"), array("q", [0]), array("i")
        for text, label in examples:
            if label not in numbers:
                raise ValueError(f"The label {label!r} is none of the model's: {', '.join(labels)}.")
            words = tokenizer.encode(_clean(text), add_eos=False)
            if words:
                words = words[-(longest - 1) :] if keep_end else words[: longest - 1]
                ids.extend([*words, EOS_ID])
                starts.append(len(ids))
                classes.append(numbers[label])
        self.ids, self.starts = np.frombuffer(ids, np.int32), np.frombuffer(starts, np.int64)
        self.classes = np.frombuffer(classes, np.int32) if len(classes) else np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.ids[self.starts[number] : self.starts[number + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """int64 (texts,), `</s>` included."""
        return np.diff(self.starts)


class TextBatches(Sequence):
    """Batches for `models.classifier.RecurrentClassifier`, padded when they are asked for.

    Args:
        texts: the texts.
        plan: the texts of each batch.
        multiple: round widths up to a multiple of this.
    """

    def __init__(self, texts: EncodedTexts, plan: Sequence[np.ndarray], multiple: int = 1):
        self.texts, self.plan = texts, plan
        self.widths = vary_widths([texts.lengths[examples].max() for examples in plan], multiple)

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number):
        examples = self.plan[number]
        ids = pad([self.texts[example] for example in examples], self.widths[number])
        return ids, self.texts.classes[examples] + 1


def epoch_batches(texts: EncodedTexts, batch_size: int, seed: int, multiple: int) -> Callable[[int], TextBatches]:
    """Epoch → its batches, texts of like length together, the same whenever an epoch is asked for."""
    return lambda epoch: TextBatches(texts, plan_epoch(texts.lengths, batch_size, seed, epoch), multiple)
