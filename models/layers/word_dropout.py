"""Word dropout: whole tokens become `<unk>` (Iyyer et al. 2015; Bowman et al. 2016)."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("carrousel")
class WordDropout(keras.layers.Layer):
    """Replaces each real token by `<unk>` with probability `rate`, in training only.

    Args:
        rate: share of tokens replaced, 0 <= rate < 1.
        unknown_id: the id that stands in.
        keep_below: ids below this one (padding and the like) are never replaced.
    """

    def __init__(self, rate: float, unknown_id: int, keep_below: int = 4, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.unknown_id, self.keep_below = rate, unknown_id, keep_below
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, token_ids, training=False):
        """int32 (batch, time) → the same shape."""
        if not training or not self.rate:
            return token_ids
        drawn = keras.random.uniform(ops.shape(token_ids), dtype="float32", seed=self.seed_generator)
        dropped = ops.logical_and(drawn < self.rate, token_ids >= self.keep_below)
        return ops.where(dropped, self.unknown_id, token_ids)

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "unknown_id": self.unknown_id,
            "keep_below": self.keep_below,
        }
