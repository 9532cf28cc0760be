"""Sentence pairs as padded batches of ids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.shared.errors import UserError
from apps.translation.recipe import TranslationRecipe
from data.batches import pad, plan_epoch, vary_widths
from data.corpora import multi30k, parallel
from data.tokenizers import subwords
from data.tokenizers.special import BOS_ID
from data.tokenizers.subwords import SubwordTokenizer

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ParallelText:
    """A training and a dev set of sentence pairs with their tokenizers."""

    train: Sequence[Pair]
    dev: Sequence[Pair]
    source: SubwordTokenizer
    target: SubwordTokenizer


def read_split(recipe: TranslationRecipe, split: str, options: Any) -> list[Pair]:
    """Reads one part of the corpus, or the user's own files.

    Args:
        recipe: the languages.
        split: "train", "val" or the name of a test set.
        options: has `data_dir`, and the user's files: `source_file` and `target_file`, and for the split "val"
            `dev_source_file` and `dev_target_file` where it has them.

    Raises:
        UserError: there is no data to read, or only one of two files is given.
        ValueError, FileNotFoundError: see `data.corpora`.
    """
    dev = split == "val" and hasattr(options, "dev_source_file")
    names = ("dev_source_file", "dev_target_file") if dev else ("source_file", "target_file")
    files = [getattr(options, name) for name in names]
    if any(files):
        if not all(files):
            flags = " and ".join(f"--{name.replace('_', '-')}" for name in names)
            raise UserError(f"Give both {flags}: sentences, and their translations line by line.")
        return parallel.read_pairs(*files)
    if dev and options.source_file:
        raise UserError("Give --dev-source-file and --dev-target-file too: other sentences than those to train on.")
    directory = options.data_dir
    if directory is None:
        raise UserError(
            "No corpus to read. Name the folder that holds Multi30k with --data-dir or in CARROUSEL_DATA, fetch it "
            "with `train --download`, or give --source-file and --target-file."
        )
    return multi30k.read_pairs(directory, split, recipe.source, recipe.target)


def learn_subwords(train: Sequence[Pair], recipe: TranslationRecipe) -> tuple[SubwordTokenizer, SubwordTokenizer]:
    """Learns the pieces of both languages, each from its own side of the training text."""
    return (
        SubwordTokenizer.train((source for source, _ in train), recipe.source_vocabulary),
        SubwordTokenizer.train((target for _, target in train), recipe.target_vocabulary),
    )


def fits(pair: Pair, text: ParallelText, recipe: TranslationRecipe) -> bool:
    """Whether both sentences are within the model's window."""
    source, target = pair
    return (
        len(text.source.encode(source)) <= recipe.max_source_length
        and len(text.target.encode(target)) <= recipe.max_target_length
    )


def encode_pairs(
    pairs: Sequence[Pair], text: ParallelText, recipe: TranslationRecipe
) -> list[tuple[list[int], list[int]]]:
    """Ids of both sentences with `</s>`, cut to the model's window."""
    return [
        (
            text.source.encode(source)[: recipe.max_source_length],
            text.target.encode(target)[: recipe.max_target_length],
        )
        for source, target in pairs
    ]


class TrainingBatches:
    """Epoch → batches for `EncoderDecoder`, the same whenever an epoch is asked for.

    Args:
        text: what to train on.
        recipe: batch size, longest sentences, subword sampling.
        seed: with the epoch's number, decides order and segmentation.
        multiple: round widths up to a multiple, so that a compiled step meets few shapes.
        varied: see `EncodedBatches`.
    """

    def __init__(
        self, text: ParallelText, recipe: TranslationRecipe, seed: int, multiple: int = 1, varied: bool = True
    ):
        self.text, self.recipe, self.seed, self.multiple, self.varied = text, recipe, seed, multiple, varied
        self.pairs = [pair for pair in text.train if fits(pair, text, recipe)]
        if not self.pairs:
            raise ValueError("Every training sentence is longer than max_source_length or max_target_length.")
        self.encoded = encode_pairs(self.pairs, text, recipe)

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-len(self.encoded) // self.recipe.batch_size)

    def __call__(self, epoch: int) -> EncodedBatches:
        """The batches of one epoch, counted from 0."""
        encoded = self.encoded
        if self.recipe.subword_sampling:
            subwords.set_seed(self.seed * 1_000 + epoch)
            alpha = self.recipe.subword_sampling
            encoded = [
                (self.text.source.encode(source, sampling=alpha)[: self.recipe.max_source_length], target)
                for (source, _), (_, target) in zip(self.pairs, self.encoded, strict=True)
            ]
        lengths = np.array([(len(target), len(source)) for source, target in encoded])
        plan = plan_epoch(lengths, self.recipe.batch_size, self.seed, epoch)
        return EncodedBatches(encoded, plan, self.multiple, self.varied)


class EncodedBatches(Sequence):
    """Batches that are padded when they are asked for.

    Keras infers from the first two batches that it meets, which may be any two neighbours when a run resumes, which
    dimensions vary. So a batch whose width equals its predecessor's gets more padding.

    Args:
        encoded: (source ids, target ids) of every example, `</s>` at the end of both.
        plan: the examples of each batch.
        multiple: round widths up to a multiple of this.
        varied: give neighbours different widths. JAX, which compiles for every shape, does not need it.
    """

    def __init__(
        self,
        encoded: Sequence[tuple[list[int], list[int]]],
        plan: Sequence[np.ndarray],
        multiple: int = 1,
        varied: bool = True,
    ):
        self.encoded, self.plan = encoded, plan
        lengths = np.array([[len(source), len(target)] for source, target in encoded])
        widths = [-(-lengths[examples].max(axis=0) // multiple) * multiple for examples in plan]
        for before, width in itertools.pairwise(widths) if varied else ():
            width += multiple * (width == before)
        self.widths = widths

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number):
        examples = [self.encoded[example] for example in self.plan[number]]
        source_width, target_width = self.widths[number]
        inputs = {
            "source": pad([source for source, _ in examples], source_width),
            "target_in": pad([[BOS_ID, *target[:-1]] for _, target in examples], target_width),
        }
        return inputs, pad([target for _, target in examples], target_width)


class SourceBatches:
    """Epoch → batches of sentences without their translations, for `training.self_critical`.

    Args:
        encoded: (source ids, target ids) of every example.
        batch_size: sentences a batch.
        seed: with the epoch's number, decides the order.
        multiple: see `TrainingBatches`.
    """

    def __init__(self, encoded: Sequence[tuple[list[int], list[int]]], batch_size: int, seed: int, multiple: int = 1):
        self.encoded, self.batch_size, self.seed, self.multiple = encoded, batch_size, seed, multiple
        self.lengths = np.array([len(source) for source, _ in encoded])

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-len(self.encoded) // self.batch_size)

    def __call__(self, epoch: int) -> Sequence:
        """The batches of one epoch, counted from 0."""
        plan = plan_epoch(self.lengths, self.batch_size, self.seed, epoch)
        return _Sources(self, plan, vary_widths([self.lengths[items].max() for items in plan], self.multiple))


class _Sources(Sequence):
    def __init__(self, batches: SourceBatches, plan: Sequence[np.ndarray], widths: Sequence[int]):
        self.batches, self.plan, self.widths = batches, plan, widths

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number):
        items = self.plan[number].astype(np.int32)
        source = pad([self.batches.encoded[item][0] for item in items], self.widths[number])
        return {"source": source, "item": items}, items + 1
