"""Text at the doors of a SavedModel: strings to token ids and back, inside the graph."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_text

from data import text as texts
from data.tokenizers.special import BOS_ID, EOS_ID, PAD_ID


class Read(NamedTuple):
    """A batch of raw inputs, ready for the encoder.

    Attributes:
        source: what the encoder takes.
        limits: int32 (n,), most tokens of each answer.
        blank: bool (n,), inputs with nothing in them: they get the empty answer. Their row in `source` only has to be
            one that the encoder can read.
    """

    source: Any
    limits: Any
    blank: Any


class SubwordReader(tf.Module):
    """Strings to the ids of subword pieces, as `data.text.clean` and a predictor do it in Python.

    Args:
        model: the serialized sentencepiece model.
        window: most tokens that the encoder reads, `</s>` included; the rest of a text is cut off.
        longest: from the lengths of the sources in tokens, `</s>` included, int32 (n,), to the most tokens of their
            answers.
    """

    inputs = {"text": tf.TensorSpec((None,), tf.string, name="text")}
    meanings = {"text": "texts in UTF-8"}
    differences = [
        "Notices (what was removed from a text, that its end was cut off) are not given.",
        f"A text of more than {texts.MAX_WORDS:,} words or {texts.MAX_CHARACTERS:,} characters is refused by "
        "`predict`; here its beginning is answered.",
        "Text that is not UTF-8 is refused by `predict`; here each wrong byte becomes an unknown character.",
        "The normal form C is made by the Unicode tables of ICU, in `predict` by Python's: characters that are newer "
        "than one of the two can differ.",
    ]

    def __init__(self, model: bytes, window: int, longest: Callable):
        super().__init__(name="reader")
        self.window, self.longest = window, longest
        self.tokenizer = _tokenizer(model)

    def __call__(self, text) -> Read:
        """string (n,) → `Read` with int32 (n, time) ids, `</s>` at the end, padded on the right."""
        cleaned = clean(text)
        pieces = self.tokenizer.tokenize(cleaned)[:, : self.window - 1]
        end = tf.fill((tf.shape(text)[0], 1), EOS_ID)
        source_ids = tf.concat([pieces, end], axis=1)
        limits = self.longest(tf.cast(source_ids.row_lengths(), tf.int32))
        return Read(source_ids.to_tensor(PAD_ID), limits, tf.equal(cleaned, ""))


class SubwordWriter(tf.Module):
    """The ids of subword pieces to strings, as `SubwordTokenizer.decode` does it in Python.

    Args:
        model: the serialized sentencepiece model.
    """

    def __init__(self, model: bytes):
        super().__init__(name="writer")
        self.tokenizer = _tokenizer(model)

    def __call__(self, token_ids):
        """int32 (m, time) → string (m,); padding, `<s>` and `</s>` say nothing."""
        says = tf.reduce_all([tf.not_equal(token_ids, special) for special in (PAD_ID, BOS_ID, EOS_ID)], axis=0)
        return self.tokenizer.detokenize(tf.ragged.boolean_mask(token_ids, says))


def _tokenizer(model: bytes) -> tensorflow_text.SentencepieceTokenizer:
    """The tokenizer under a name of its own.

    TensorFlow finds a loaded tokenizer by the name of the node that made it, in the whole process. With the name that
    it gives by itself, two tokenizers in one process would be one: source and target of a SavedModel, or those of two
    SavedModels.
    """
    name = f"subwords_{hashlib.sha256(model).hexdigest()[:16]}"
    return tensorflow_text.SentencepieceTokenizer(model=model, name=name)


def clean(text):
    """`data.text.clean` for a batch: string (n,) → string (n,). Nothing is refused."""
    text = tf.strings.regex_replace(text, _re2(texts.SPACE), " ")
    for pattern in (texts.CONTROL, texts.DIRECTION, texts.INVISIBLE):
        text = tf.strings.regex_replace(text, _re2(pattern), "")
    text = tensorflow_text.normalize_utf8(text, "NFC")
    return tf.strings.regex_replace(text, r"^\pZ+|\pZ+$", "")


def _re2(pattern: re.Pattern) -> str:
    """A pattern of single characters as TensorFlow's regular expressions (RE2) write it."""
    return "".join(
        character if "!" <= character <= "~" else f"\\x{{{ord(character):x}}}" for character in pattern.pattern
    )
