"""What a token id becomes before a recurrent layer reads it: a dense vector, or the long, sparse one-hot vector."""

from __future__ import annotations

import keras
from keras import ops


def build_embedding(vocabulary_size: int, width: int, trainable: bool = True, dtype=None, name: str = "embedding"):
    """A table of dense vectors with random start values.

    Args:
        vocabulary_size: number of token ids.
        width: numbers a token.
        trainable: False keeps the values that are put in.
        dtype, name: passed on to the layer.

    Returns:
        A `keras.layers.Embedding`.
    """
    return keras.layers.Embedding(
        vocabulary_size,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
        trainable=trainable,
        dtype=dtype,
        name=name,
    )


@keras.saving.register_keras_serializable("carrousel")
class OneHot(keras.layers.Layer):
    """Token ids to one-hot vectors: one place a token, what came before word vectors.

    There is nothing to learn in it, and no two words are alike. The first recurrent layer's input weights then take the
    part of a table, one row a token, so the model's size and cost grow with the vocabulary.

    Args:
        vocabulary_size: number of token ids, and width of the vectors.
    """

    def __init__(self, vocabulary_size: int, **kwargs):
        super().__init__(**kwargs)
        self.output_dim = vocabulary_size
        self.built = True

    def call(self, token_ids):
        """int32 (batch, time) → (batch, time, vocabulary_size)."""
        return ops.one_hot(token_ids, self.output_dim, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.output_dim}
