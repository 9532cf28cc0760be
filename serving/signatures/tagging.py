"""The signatures of the tagger: text in, its words and their tags out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from data.tokenizers.characters import CharacterTokenizer
from data.tokenizers.special import PAD_ID, UNK_ID
from data.tokenizers.words import WordTokenizer
from serving.signatures.text import SubwordReader
from serving.signatures.words import WordReader


class TaggingSignatures(tf.Module):
    """What a `models.tagger.Tagger` answers from a SavedModel.

    Args:
        model: the tagger.
        words: its vocabulary.
        characters: the characters of its words.
        tags: its tags in the order of their scores.
    """

    def __init__(self, model: Any, words: WordTokenizer, characters: CharacterTokenizer, tags: Sequence[str]):
        super().__init__(name="tagging")
        self.model, self.longest = model, characters.longest
        self.reader = WordReader(words.words, window=0, lowercase=False)
        numbers = tf.range(characters.size, dtype=tf.int32)
        codes = tf.constant([ord(one) if len(one) == 1 else -1 - n for n, one in enumerate(characters.characters)])
        self.characters = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(codes, numbers), UNK_ID)
        self.tags = tf.constant(list(tags))

    @property
    def layers(self) -> list:
        """The Keras layers whose weights belong into the SavedModel."""
        return [self.model]

    @property
    def resources(self) -> list:
        """What is no weight: the tables, and what an embedding brings along."""
        return [self.reader, self.characters, *getattr(self.model.embedding, "resources", [])]

    def functions(self) -> dict[str, Any]:
        """The signatures by name, as concrete functions from keyword tensors to a dictionary of tensors."""
        function = tf.function(self.tag, autograph=False)
        return {"serving_default": function.get_concrete_function(**self.reader.inputs)}

    def tag(self, *, text) -> dict[str, Any]:
        """string (n,) → words, tags and probabilities, (n, time) each."""
        with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(text)[0], "Give at least one text.")]):
            words = self.reader.words(tf.identity(text))
        lengths = tf.cast(words.row_lengths(), tf.int32)
        # A row that is all padding must not reach the network: an empty text is one unknown word to it.
        filled = words.to_tensor("")
        filled = tf.cond(tf.equal(tf.shape(filled)[1], 0), lambda: tf.fill((tf.shape(text)[0], 1), ""), lambda: filled)
        real = tf.sequence_mask(lengths, tf.shape(filled)[1])
        blank = tf.one_hot(tf.zeros_like(lengths), tf.shape(filled)[1], on_value=True, off_value=False)
        read = tf.logical_or(real, tf.logical_and(blank, tf.equal(lengths, 0)[:, tf.newaxis]))
        logits = self.model(self._numbers(filled, read), training=False)["joint"]
        probabilities = tf.where(real, tf.reduce_max(tf.nn.softmax(logits), axis=-1), 0.0)
        tags = tf.where(real, tf.gather(self.tags, tf.argmax(logits, axis=-1)), "")
        return {"words": filled, "tags": tags, "probabilities": probabilities, "count": lengths}

    def _numbers(self, words, read) -> dict[str, Any]:
        """The tagger's inputs: words (n, time) and where there is one → ids, spellings and their places."""
        ids = self.reader.table.lookup(tf.strings.lower(words, encoding="utf-8"))
        different, places = tf.unique(tf.reshape(words, (-1,)))
        codes = tf.strings.unicode_decode(different, "UTF-8")
        half = self.longest // 2
        tail = codes[:, half:]
        tail = tf.ragged.boolean_mask(tail, self._kept(tail, codes.row_lengths(), half))
        codes = tf.concat([codes[:, :half], tail], axis=1)
        spelled = codes.with_flat_values(self.characters.lookup(codes.flat_values)).to_tensor(PAD_ID)
        # Padding is spelled "", which is given one unknown character.
        first = tf.where(tf.equal(tf.strings.length(different), 0), UNK_ID, PAD_ID)[:, tf.newaxis]
        width = tf.maximum(tf.shape(spelled)[1], 1)
        spelled = tf.pad(spelled, [[0, 0], [0, width - tf.shape(spelled)[1]]])
        spelled += tf.pad(first, [[0, 0], [0, width - 1]])
        return {
            "words": tf.where(read, ids, PAD_ID),
            "characters": spelled,
            "places": tf.reshape(places, tf.shape(words)),
        }

    def _kept(self, tail, lengths, half):
        """Of what follows the first half of a long word: its last half."""
        places = tf.ragged.range(tail.row_lengths())
        first = tf.maximum(lengths - 2 * half, 0)
        return places.with_flat_values(tf.greater_equal(places.flat_values, tf.gather(first, places.value_rowids())))

    def describe(self) -> Mapping[str, str]:
        """What each signature does, one sentence each."""
        return {"serving_default": "`text` → its words, and the tag of each with its probability."}

    def meanings(self) -> dict[str, str]:
        """What each input and output is."""
        return {
            **self.reader.meanings,
            "words": "the words of each text, as rules cut them; empty places behind the last",
            "tags": f"the tag of each word, one of {', '.join(tag.decode() for tag in self.tags.numpy())}",
            "probabilities": "of these tags; 0 behind the last word",
            "count": "how many words each text has",
        }

    def differences(self) -> list[str]:
        """What is otherwise than in `predict`."""
        return [
            *SubwordReader.differences,
            "A text that is longer than the model's window is read in one go; `predict` reads it in parts.",
        ]
