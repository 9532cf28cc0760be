"""Captions and what they are about as padded batches, the same whenever an epoch is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from apps.shared.captioning.text import CaptionSet, mirror
from data.batches import pad, plan_epoch, vary_widths
from data.tokenizers.special import BOS_ID
from data.tokenizers.subwords import SubwordTokenizer


class Sources(Protocol):
    """What the encoder reads of each item; it can be another look in every epoch."""

    def take(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """The encoder's input for items int (n,), float (n, …)."""

    def mirrored(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """Whether left and right are exchanged in it, bool (n,)."""


class ArraySources:
    """The same in every epoch: rows of an array, which may lie on the disk."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def take(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `Sources`."""
        return np.asarray(self.array[items], np.float32)

    def mirrored(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `Sources`."""
        return np.zeros(len(items), bool)


class EncodedCaptions:
    """The captions of a set as ids, `</s>` at the end, with those of the mirrored photos.

    Args:
        captions: the set.
        tokenizer: of the model.
        max_length: captions of more tokens are left out.

    Raises:
        ValueError: nothing is short enough.
    """

    def __init__(self, captions: CaptionSet, tokenizer: SubwordTokenizer, max_length: int):
        self.plain = [[tokenizer.encode(caption) for caption in item] for item in captions.captions]
        self.mirrored = [[tokenizer.encode(mirror(caption)) for caption in item] for item in captions.captions]
        self.examples = [
            (item, number)
            for item, encoded in enumerate(self.plain)
            for number, ids in enumerate(encoded)
            if len(ids) <= max_length
        ]
        if not self.examples:
            raise ValueError(f"Every caption has more than max_length tokens, {max_length}.")

    def ids(self, item: int, number: int, mirrored: bool) -> list[int]:
        """One caption's ids."""
        return (self.mirrored if mirrored else self.plain)[item][number]


class BatchesByCaption:
    """Epoch → batches of captions of like length, each with its own source: for encoders that cost nothing.

    Args:
        captions: the training set's.
        sources: what the encoder reads of its items.
        batch_size: captions a batch.
        seed: with the epoch's number, decides the order.
    """

    def __init__(self, captions: EncodedCaptions, sources: Sources, batch_size: int, seed: int):
        self.captions, self.sources, self.batch_size, self.seed = captions, sources, batch_size, seed
        self.lengths = np.array([len(captions.plain[item][number]) for item, number in captions.examples])

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __call__(self, epoch: int) -> Sequence:
        """The batches of one epoch, counted from 0."""
        plan = plan_epoch(self.lengths, self.batch_size, self.seed, epoch)
        examples = [[self.captions.examples[one] for one in numbers] for numbers in plan]
        return _Batches(self.captions, self.sources, epoch, examples, shared=False)


class BatchesByItem:
    """Epoch → batches of items with all their captions, so that a costly encoder reads each item once.

    Args: see `BatchesByCaption`; `batch_size` counts items.
    """

    def __init__(self, captions: EncodedCaptions, sources: Sources, batch_size: int, seed: int):
        self.captions, self.sources, self.batch_size, self.seed = captions, sources, batch_size, seed
        self.of_item: dict[int, list[tuple[int, int]]] = {}
        for item, number in captions.examples:
            self.of_item.setdefault(item, []).append((item, number))

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-len(self.of_item) // self.batch_size)

    def __call__(self, epoch: int) -> Sequence:
        """The batches of one epoch, counted from 0."""
        items = np.random.default_rng((self.seed, epoch)).permutation(list(self.of_item))
        groups = [items[start : start + self.batch_size] for start in range(0, len(items), self.batch_size)]
        examples = [[one for item in group for one in self.of_item[int(item)]] for group in groups]
        return _Batches(self.captions, self.sources, epoch, examples, shared=True)


class ItemBatches:
    """Epoch → batches of items without captions, for `training.self_critical`."""

    def __init__(self, count: int, sources: Sources, batch_size: int, seed: int):
        self.count, self.sources, self.batch_size, self.seed = count, sources, batch_size, seed

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-self.count // self.batch_size)

    def __call__(self, epoch: int) -> Sequence:
        """The batches of one epoch, counted from 0."""
        order = np.random.default_rng((self.seed, epoch, 1)).permutation(self.count).astype(np.int32)
        groups = [order[start : start + self.batch_size] for start in range(0, self.count, self.batch_size)]
        return _Items(self.sources, epoch, groups)


class _Items(Sequence):
    def __init__(self, sources: Sources, epoch: int, groups: list[np.ndarray]):
        self.sources, self.epoch, self.groups = sources, epoch, groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number):
        items = self.groups[number]
        return {"source": self.sources.take(items, self.epoch), "item": items}, items + 1


class _Batches(Sequence):
    """Batches that are padded when they are asked for."""

    def __init__(self, captions, sources, epoch: int, examples: list[list[tuple[int, int]]], shared: bool):
        self.captions, self.sources, self.epoch, self.examples, self.shared = captions, sources, epoch, examples, shared
        # Mirrored captions too: which of the two is shown does not change a batch's width, nor make it its neighbour's.
        both = (captions.plain, captions.mirrored)
        self.widths = vary_widths([max(len(side[i][n]) for i, n in batch for side in both) for batch in examples])

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, number):
        examples = self.examples[number]
        of_caption = np.array([item for item, _ in examples])
        items, rows = np.unique(of_caption, return_inverse=True) if self.shared else (of_caption, None)
        mirrored = self.sources.mirrored(items, self.epoch)
        mirrored = mirrored[rows] if self.shared else mirrored
        targets = [self.captions.ids(*example, turned) for example, turned in zip(examples, mirrored, strict=True)]
        width = self.widths[number]
        source: Any = self.sources.take(items, self.epoch)
        if self.shared:
            source = {"features": source, "rows": rows.astype(np.int32)}
        inputs = {"source": source, "target_in": pad([[BOS_ID, *target[:-1]] for target in targets], width)}
        return inputs, pad(targets, width)
