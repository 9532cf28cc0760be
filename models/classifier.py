"""A text becomes one label: recurrent layers over its words, one vector of their states, and a linear layer.

`pooling` says which vector. "last" is many-to-one as it is drawn in textbooks: the state after the last token alone
decides, and every output before it is discarded. "max" and "mean" take the maximum or the mean over time of every
output (Collobert & Weston 2008; Johnson & Zhang 2016), so that a word need not be carried to the end to count.
"""

from __future__ import annotations

import keras
from keras import ops

from models import backend
from models.encoders.text import RecurrentStack
from models.layers.recurrence import run_cell
from models.layers.word_dropout import WordDropout

POOLINGS = ("last", "max", "mean")


@keras.saving.register_keras_serializable("carrousel")
class RecurrentClassifier(keras.Model):
    """Token ids to logits of classes, trained by `fit`.

    Batches are `(int32 (batch, time) token ids, int32 (batch,) classes counted from 1)`; a class of 0 is padding, as
    everywhere, and counts for nothing.

    Args:
        embedding: a layer from int32 (batch, time) to (batch, time, features).
        classes: how many.
        cell, units, layers, bidirectional, residual: see `models.encoders.text.RecurrentStack`.
        pooling: one of `POOLINGS`. "last" is each direction's state after its last token.
        dropout: share of features dropped before each layer, one mask over time, and before the linear layer.
        recurrent_dropout: the same on the recurrent input, one mask over time (Gal & Ghahramani 2016).
        word_dropout: share of tokens that become `<unk>` in training.
        label_smoothing: share of the probability spread evenly (Szegedy et al. 2016, section 7).
        adversarial: how far training moves the embeddings of each text towards a greater loss before it learns from it
            (Miyato, Dai & Goodfellow 2017, equation 6), as the Euclidean length over the whole text; 0 for not at all.
            It doubles the cost of a step.
        pad_id, unknown_id: the special ids.
    """

    def __init__(
        self,
        embedding,
        classes: int,
        cell: str = "lstm",
        units: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        residual: bool = True,
        pooling: str = "max",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        adversarial: float = 0.0,
        pad_id: int = 0,
        unknown_id: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}.")
        self.embedding, self.classes, self.pooling, self.pad_id = embedding, classes, pooling, pad_id
        self.label_smoothing, self.adversarial = label_smoothing, adversarial
        self.word_dropout = WordDropout(word_dropout, unknown_id, name="word_dropout")
        self.stack = RecurrentStack(
            cell, units, layers, bidirectional, residual, dropout, recurrent_dropout, name="stack"
        )
        self.head_dropout = keras.layers.Dropout(dropout, name="head_dropout")
        self.head = keras.layers.Dense(classes, dtype="float32", name="head")
        self.nats = keras.metrics.Mean(name="nats")

    def call(self, token_ids, training=False):
        """Reads a batch of texts.

        Args:
            token_ids: int32 (batch, time), padded on the right; no row is all padding.

        Returns:
            float32 (batch, classes), logits.
        """
        return self.classify(*self.embed(token_ids, training), training)

    def embed(self, token_ids, training=False):
        """The embedded tokens, (batch, time, features), and their mask, bool (batch, time)."""
        mask = ops.not_equal(token_ids, self.pad_id)
        return self.embedding(self.word_dropout(token_ids, training=training)), mask

    def classify(self, embedded, mask, training=False, run=run_cell):
        """Logits of texts whose tokens are embedded already: what integrated gradients differentiate.

        Args:
            embedded: (batch, time, features).
            mask: bool (batch, time).
            run: see `RecurrentStack.call`.
        """
        outputs, states = self.stack(embedded, mask=mask, training=training, run=run)
        pooled = pool(outputs, states, mask, self.pooling)
        return self.head(ops.cast(self.head_dropout(pooled, training=training), "float32"))

    def build_weights(self):
        """Creates every weight by running once."""
        self(ops.ones((1, 2), "int32"))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The smoothed cross-entropy a text; without smoothing in the metric `nats`."""
        if training and self.adversarial:
            y_pred = self._worse(x, y)
        smoothed, plain, count = self._cross_entropy(y, y_pred)
        self.nats.update_state(plain, sample_weight=count)
        return smoothed

    def _worse(self, x, y):
        """Logits of texts whose embeddings went a step towards a greater loss; the way there is not learnt from."""
        embedded, mask = self.embed(x, training=True)

        def loss(values):
            return self._cross_entropy(y, self.classify(values, mask, training=True))[0]

        (slope,) = backend.gradients(loss, embedded)
        length = ops.sqrt(ops.sum(ops.square(slope), axis=(1, 2), keepdims=True))
        step = ops.stop_gradient(self.adversarial * slope / ops.maximum(length, 1e-12))
        return self.classify(embedded + step, mask, training=True)

    def _cross_entropy(self, y, y_pred):
        """Smoothed and plain cross-entropy a text, and the number of texts."""
        real = ops.cast(ops.not_equal(y, 0), "float32")
        count = ops.maximum(ops.sum(real), 1.0)
        log_probs = ops.log_softmax(y_pred, axis=-1)
        chosen = ops.take_along_axis(log_probs, ops.expand_dims(ops.maximum(y - 1, 0), -1), axis=-1)[:, 0]
        plain = -ops.sum(chosen * real) / count
        if not self.label_smoothing:
            return plain, plain, count
        spread = -ops.sum(ops.mean(log_probs, axis=-1) * real) / count
        return (1 - self.label_smoothing) * plain + self.label_smoothing * spread, plain, count

    def get_config(self):
        raise NotImplementedError("A model is rebuilt from its recipe; see serving.store.")


def pool(outputs, states, mask, pooling: str):
    """One vector a text.

    Args:
        outputs: (batch, time, features) of the top layer.
        states: for each layer, for each direction, the final state, h first.
        mask: bool (batch, time), True for real tokens.
        pooling: one of `POOLINGS`.

    Returns:
        (batch, features).
    """
    if pooling == "last":
        return ops.concatenate([state[0] for state in states[-1]], axis=-1)
    real = ops.expand_dims(mask, -1)
    if pooling == "max":
        return ops.max(ops.where(real, outputs, ops.cast(-1e4, outputs.dtype)), axis=1)
    weights = ops.cast(real, outputs.dtype)
    return ops.sum(outputs * weights, axis=1) / ops.sum(weights, axis=1)
