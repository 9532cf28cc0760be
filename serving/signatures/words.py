"""Words at the door of a SavedModel: strings to the ids of words, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data.tokenizers import words as rules
from data.tokenizers.special import EOS_ID, PAD_ID, UNK_ID
from serving.signatures.text import Read, SubwordReader, clean


class WordReader(tf.Module):
    """Strings to the ids of words, as `data.text.clean` and `data.tokenizers.words` do it in Python.

    Args:
        words: the vocabulary in the order of its ids.
        window: most words that the encoder reads, `</s>` included; the rest of a text is cut off.
        lowercase: make letters small first.
    """

    inputs = {"text": tf.TensorSpec((None,), tf.string, name="text")}
    meanings = {"text": "texts in UTF-8"}
    differences = [
        *SubwordReader.differences,
        "A text that is longer than the model reads is cut behind a word; `predict` cuts it behind a sentence.",
    ]

    def __init__(self, words: Sequence[str], window: int, lowercase: bool):
        super().__init__(name="reader")
        self.window, self.lowercase = window, lowercase
        ids = tf.range(len(words), dtype=tf.int32)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(list(words)), ids), UNK_ID
        )

    def __call__(self, text) -> Read:
        """string (n,) → `Read` with int32 (n, time) ids, `</s>` at the end, padded on the right."""
        found = self.words(text)[:, : self.window - 1]
        ids = found.with_flat_values(self.table.lookup(found.flat_values))
        end = tf.fill((tf.shape(text)[0], 1), EOS_ID)
        limits = tf.zeros(tf.shape(text), tf.int32)
        return Read(tf.concat([ids, end], axis=1).to_tensor(PAD_ID), limits, tf.equal(found.row_lengths(), 0))

    def words(self, text) -> tf.RaggedTensor:
        """string (n,) → the words of each text."""
        text = clean(text)
        if self.lowercase:
            text = tf.strings.lower(text, encoding="utf-8")
        for pattern, replacement in rules.STEPS:
            text = tf.strings.regex_replace(text, pattern, replacement)
        return tf.strings.split(text)
