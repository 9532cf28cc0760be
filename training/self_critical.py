"""Self-critical sequence training (Rennie et al. 2017): samples that score better than usual become likelier.

For each item the model draws k answers. A reward is asked for each, which need not have a gradient (CIDEr-D, BLEU: it
is passed in), and a baseline of the same model is taken off, so that what is better than the model's own habit is
encouraged and the rest discouraged:

    loss = −mean over tokens of (r(sample) − b) · log p(token)        (REINFORCE with a baseline, Rennie et al., eq. 7)

The baseline is the reward of the greedy answer ("greedy", Rennie et al.), or the mean reward of the item's other
samples ("others": leave-one-out, Kool et al. 2019; it costs no further search). Drawing, rewarding and learning are one
step of `fit`, so a stage runs, stops and resumes through `training.fit.Run` as any other:

    model = SelfCritical(encoder_decoder, reward, ids, max_length=20)
    model.build_weights(source)
    fit.compile_model(model, recipe, steps_per_epoch)
    fit.Run(model, recipe, batches, evaluate, directory).train()

It trains `encoder_decoder` itself; `evaluate` finds it as `model.model`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from models import backend
from models.decoding import graph, parts
from models.decoding.options import SearchOptions

BASELINES = ("others", "greedy")


class SelfCritical(keras.Model):
    """A model that speaks, trained on the reward of what it says.

    Batches are `({"source": …, "item": int32 (n,)}, items int32 (n,))`: what goes into the encoder, and the numbers by
    which the reward knows its items. Dropout is off: the samples are the model's own, and so are their probabilities.

    Args:
        model: has `encoder` (source → `{"summary": …}`) and `decoder` (see `models.decoder`); its weights are trained,
            as far as they are trainable.
        reward: (items int32 (m,), token ids int32 (m, max_length)) → float (m,), more is better, both as NumPy arrays.
            Rows end with `</s>` where the model said so, and are padded on the right.
        ids: the special ids, `{"bos": …, "eos": …, "pad": …}`.
        max_length: most tokens of an answer, `</s>` included.
        samples: answers drawn of each item; at least 2 for the baseline "others".
        baseline: "others" or "greedy".
        temperature: of the draws; the gradient takes the model's own probabilities, so 1 is unbiased.
        seed: of the draws.

    Raises:
        ValueError: an unknown baseline, or too few samples.
    """

    asks_the_host = keras.backend.backend() == "tensorflow"
    """Rewards are counted in Python, in the middle of a step: XLA cannot compile that in TensorFlow."""

    def __init__(
        self,
        model,
        reward: Callable[[np.ndarray, np.ndarray], np.ndarray],
        ids: Mapping[str, int],
        max_length: int = 30,
        samples: int = 5,
        baseline: str = "others",
        temperature: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if baseline not in BASELINES:
            raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {baseline!r}.")
        if samples < (2 if baseline == "others" else 1):
            raise ValueError(f"The baseline {baseline!r} needs more samples than {samples}.")
        self.model, self.reward, self.special_ids = model, reward, dict(ids)
        self.baseline, self.seed_generator = baseline, keras.random.SeedGenerator(seed)
        self.drawing = SearchOptions(
            beam_size=samples, max_length=max_length, temperature=temperature, length_penalty=0.0
        )
        self.greedy = SearchOptions(beam_size=1, max_length=max_length)
        self.nats = keras.metrics.Mean(name="nats")
        self.mean_reward = keras.metrics.Mean(name="reward")

    def build_weights(self, source) -> None:
        """Runs once, so that every weight is there; `source` as the encoder takes it, of any batch."""
        self.model.decoder.start(self.model.encoder(source))
        self.built = True

    def call(self, inputs, training=False):
        """Draws answers and says how likely they are and how good.

        Returns:
            `log_probs`, `real` float32 (n · k, max_length): of each token, and 1 where there is one; `advantages` and
            `rewards` float32 (n · k,).
        """
        encoded = self.model.encoder(inputs["source"])
        state = self.model.decoder.start(encoded)
        tokens = self._draw(state)
        items = ops.repeat(inputs["item"], self.drawing.beam_size, axis=0)
        rewards = self._reward(items, tokens)
        state = parts.repeat_state(state, self.drawing.beam_size)
        begin = ops.full_like(tokens[:, :1], self.special_ids["bos"])
        logits = self.model.decoder(ops.concatenate([begin, tokens[:, :-1]], axis=1), state)
        chosen = ops.take_along_axis(logits, ops.expand_dims(tokens, -1), axis=-1)[..., 0]
        return {
            "log_probs": chosen - ops.logsumexp(logits, axis=-1),
            "real": ops.cast(ops.not_equal(tokens, self.special_ids["pad"]), "float32"),
            "advantages": rewards - self._usual(inputs["item"], self._detached(state), rewards),
            "rewards": rewards,
        }

    def _draw(self, state):
        """int32 (n · k, width): the answers drawn, k of an item one after another."""
        batch, k, length = ops.shape(_first(state))[0], self.drawing.beam_size, self.drawing.max_length
        uniforms = keras.random.uniform((batch, k, length), dtype="float32", seed=self.seed_generator)
        # A draw of exactly 1, by rounding, is beyond the last token.
        uniforms = ops.minimum(uniforms, 1 - 2.0**-24)
        return backend.narrowed(self._search(state, self.drawing, uniforms), self.special_ids["pad"])

    def _search(self, state, options: SearchOptions, uniforms=None):
        limits = ops.full((ops.shape(_first(state))[0],), options.max_length, dtype="int32")
        state = self._detached(state)
        found = graph.search(self.model.decoder, state, limits, options, self.special_ids, uniforms=uniforms)
        return ops.reshape(found["tokens"], (-1, options.max_length))

    def _usual(self, items, state, rewards):
        """The baseline of every sample, float32 (n · k,)."""
        k = self.drawing.beam_size
        if self.baseline == "others":
            by_item = ops.reshape(rewards, (-1, k))
            return ops.reshape((ops.sum(by_item, axis=1, keepdims=True) - by_item) / (k - 1), (-1,))
        own = keras.tree.map_structure(lambda tensor: tensor[::k], state)
        return ops.repeat(self._reward(items, self._search(own, self.greedy)), k, axis=0)

    def _reward(self, items, tokens):
        return backend.from_host(self.reward, (items, tokens), shape_like=items)

    def _detached(self, state):
        return keras.tree.map_structure(ops.stop_gradient, state)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of this module's docstring; `nats` is the samples' mean −log p a token."""
        real = y_pred["real"]
        tokens = ops.maximum(ops.sum(real), 1.0)
        log_probs = y_pred["log_probs"] * real
        self.nats.update_state(-ops.sum(log_probs) / tokens, sample_weight=tokens)
        self.mean_reward.update_state(ops.mean(y_pred["rewards"]))
        return -ops.sum(ops.expand_dims(y_pred["advantages"], 1) * log_probs) / tokens

    def get_config(self):
        raise NotImplementedError("A model is rebuilt from its recipe; see serving.store.")


def words_said(tokens: np.ndarray, ids: Mapping[str, int]) -> list[list[int]]:
    """The ids of each row without padding, `<s>` and `</s>`: what a metric counts."""
    silent = {int(value) for value in ids.values()}
    return [[int(token) for token in row if int(token) not in silent] for row in tokens]


def _first(state) -> Any:
    return keras.tree.flatten(state)[0]
