"""The signatures of an application that speaks: the whole search inside, or one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from models.decoding import graph
from models.decoding.options import GraphSearchOptions, SearchOptions

MAX_BEAM_SIZE = 100
"""A server must not run out of memory because of one request."""

SCALARS = {
    "beam_size": tf.TensorSpec((), tf.int32, name="beam_size"),
    "length_penalty": tf.TensorSpec((), tf.float32, name="length_penalty"),
    "n_best": tf.TensorSpec((), tf.int32, name="n_best"),
}


class SpeakingSignatures:
    """What an encoder–decoder answers from a SavedModel.

    Args:
        encoder: takes what `reader` gives and returns `{"summary": (n, S)}`.
        decoder: keeps the decoder contract, see `models.decoder`.
        reader: see `serving.signatures`.
        writer: token ids int32 (m, time) → string (m,).
        search: how `serving_default` searches; `max_length` holds for `search` too.
        ids: the special ids, `{"bos": …, "eos": …, "pad": …}`.
        answer: what an answer is called: "translation", "caption".
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        reader: Any,
        writer: Any,
        search: SearchOptions,
        ids: Mapping[str, int],
        answer: str,
    ):
        if search.method == "sampling":
            raise ValueError("A SavedModel searches by beam; set temperature to 0.")
        self.encoder, self.decoder, self.reader, self.writer = encoder, decoder, reader, writer
        self.options, self.ids, self.answer = search, dict(ids), answer
        self._places: Any = None  # a nest like the decoder's state, once `encode` has met one

    @property
    def layers(self) -> list:
        """The Keras layers whose weights belong into the SavedModel."""
        return [self.encoder, self.decoder]

    @property
    def resources(self) -> list:
        """The `tf.Module`s that hold what is no weight: tokenizers, tables."""
        return [module for module in (self.reader, self.writer) if isinstance(module, tf.Module)]

    def functions(self) -> dict[str, Any]:
        """The signatures by name, as concrete functions from keyword tensors to a dictionary of tensors."""
        raw = self.reader.inputs
        encode = _concrete(self.encode, raw)
        states = {
            name: tf.TensorSpec((None, *spec.shape[1:]), spec.dtype, name=name)
            for name, spec in encode.structured_outputs.items()
            if name.startswith("state_")
        }
        return {
            "serving_default": _concrete(self.best, raw),
            "search": _concrete(self.search, {**raw, **SCALARS}),
            "encode": encode,
            "step": _concrete(self.step, {"token_ids": tf.TensorSpec((None,), tf.int32, name="token_ids"), **states}),
            "detokenize": _concrete(
                self.detokenize, {"token_ids": tf.TensorSpec((None, None), tf.int32, name="token_ids")}
            ),
        }

    def best(self, **inputs) -> dict[str, Any]:
        """Each input's best answer."""
        found = self._search(inputs, self.options, 1)
        return {
            self.answer: found["texts"][:, 0],
            "score": found["scores"][:, 0],
            "normalized": found["normalized"][:, 0],
        }

    def search(self, *, beam_size, length_penalty, n_best, **inputs) -> dict[str, Any]:
        """Each input's n best answers, best first."""
        checks = [
            tf.debugging.assert_greater_equal(beam_size, 1, "beam_size must be at least 1."),
            tf.debugging.assert_less_equal(beam_size, MAX_BEAM_SIZE, f"beam_size must be at most {MAX_BEAM_SIZE}."),
            tf.debugging.assert_greater_equal(n_best, 1, "n_best must be at least 1."),
            tf.debugging.assert_less_equal(n_best, beam_size, "n_best must be at most beam_size."),
            tf.debugging.assert_greater_equal(length_penalty, 0.0, "length_penalty must be at least 0."),
        ]
        with tf.control_dependencies(checks):
            options = GraphSearchOptions(
                beam_size=tf.identity(beam_size),
                length_penalty=tf.identity(length_penalty),
                max_length=self.options.max_length,
            )
        found = self._search(inputs, options, n_best)
        return {
            f"{self.answer}s": found["texts"],
            "scores": found["scores"],
            "normalized": found["normalized"],
            "found": tf.reduce_sum(tf.cast(found["real"], tf.int32), axis=1),
        }

    def encode(self, **inputs) -> dict[str, Any]:
        """The summary, and the state before the first token."""
        read = self._read(inputs)
        encoded = self.encoder(read.source)
        state = self.decoder.start(encoded)
        self._places = keras.tree.map_structure(lambda _: 0, state)
        limits = tf.minimum(read.limits, self.options.max_length)
        return {"summary": encoded["summary"], "limit": limits, **_named(state)}

    def step(self, *, token_ids, **state) -> dict[str, Any]:
        """Reads one token and says what may come next."""
        flat = [state[name] for name in _named(self._places)]
        logits, after = self.decoder.step(token_ids, keras.tree.pack_sequence_as(self._places, flat))
        return {"logits": logits, **_named(after)}

    def detokenize(self, *, token_ids) -> dict[str, Any]:
        """The text that token ids spell."""
        return {"text": self.writer(token_ids)}

    def _read(self, inputs: Mapping[str, Any]) -> Any:
        count = tf.shape(next(iter(inputs.values())))[0]
        with tf.control_dependencies([tf.debugging.assert_positive(count, "Give at least one input.")]):
            return self.reader(**{name: tf.identity(tensor) for name, tensor in inputs.items()})

    def _search(self, inputs: Mapping[str, Any], options: Any, n_best: Any) -> dict[str, Any]:
        read = self._read(inputs)
        state = self.decoder.start(self.encoder(read.source))
        limits = tf.minimum(tf.where(read.blank, 1, read.limits), options.max_length)
        found = graph.search(self.decoder, state, limits, options, self.ids)
        tokens, scores, normalized = (found[name][:, :n_best] for name in ("tokens", "scores", "normalized"))
        texts = tf.reshape(self.writer(tf.reshape(tokens, (-1, options.max_length))), tf.shape(scores))
        real = tf.logical_and(tf.math.is_finite(scores), tf.logical_not(read.blank)[:, tf.newaxis])
        return {
            "texts": tf.where(real, texts, ""),
            "scores": tf.where(real, scores, 0.0),
            "normalized": tf.where(real, normalized, 0.0),
            "real": real,
        }

    def describe(self) -> dict[str, str]:
        """What each signature does, one sentence each."""
        raw = " and ".join(f"`{name}`" for name in self.reader.inputs)
        how = "greedy search" if self.options.beam_size == 1 else f"beam {self.options.beam_size}"
        return {
            "serving_default": f"{raw} → the best {self.answer} by {how}, length penalty "
            f"{self.options.length_penalty:g}.",
            "search": f"{raw} and the settings of the search → the n best {self.answer}s, best first.",
            "encode": f"{raw} → the summary, and the decoder's state before the first token.",
            "step": "The newest token and the state → the logits of the next token and the new state.",
            "detokenize": "Token ids → the text that they spell.",
        }

    def meanings(self) -> dict[str, str]:
        """What each input and output is."""
        score = "sum of the tokens' log-probabilities, `</s>` included; 0 for an empty input"
        normalized = "score / tokens ** length_penalty: what answers are ranked by"
        return {
            **self.reader.meanings,
            "beam_size": f"hypotheses kept at every step, 1 to {MAX_BEAM_SIZE}; 1 is greedy",
            "length_penalty": "hypotheses are ranked by score / tokens ** length_penalty; at least 0",
            "n_best": f"{self.answer}s wanted of each input, 1 to beam_size",
            self.answer: "the answer; empty for an empty input",
            "score": score,
            "normalized": normalized,
            f"{self.answer}s": "the answers, best first; empty in places behind `found`",
            "scores": score + " and in places behind `found`",
            "found": "how many answers there are: n_best, fewer where the search had no more, 0 for an empty input",
            "summary": "what the decoder knows of the input",
            "limit": "most tokens that an answer should have",
            "token_ids": f"tokens; an answer begins with `<s>`, {self.ids['bos']}, which says nothing",
            "logits": f"score of every token before the softmax; `</s>` is {self.ids['eos']}",
            "text": self.reader.meanings.get("text", "the text"),
        }

    def differences(self) -> list[str]:
        """What is otherwise than in `predict`."""
        return [
            *self.reader.differences,
            f"There is no sampling and no forced prefix, and at most {self.options.max_length} tokens are said.",
        ]


def _concrete(method: Callable, specs: Mapping[str, tf.TensorSpec]):
    return tf.function(method, autograph=False).get_concrete_function(**specs)


def _named(state: Any) -> dict[str, Any]:
    """A state's tensors by names made of their places in it: `state_layers_0_1` is `state["layers"][0][1]`."""
    return {"_".join(["state", *map(str, place)]): tensor for place, tensor in keras.tree.flatten_with_path(state)}
