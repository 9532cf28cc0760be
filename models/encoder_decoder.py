"""Encoder and decoder joined for training: teacher forcing, masked and label-smoothed."""

from __future__ import annotations

import keras
from keras import ops


def token_loss(logits, target_ids, pad_id: int = 0, label_smoothing: float = 0.0):
    """Cross-entropy a token, masked, optionally smoothed towards uniform (Szegedy et al. 2016, section 7).

    Args:
        logits: float32 (batch, time, vocabulary).
        target_ids: int32 (batch, time), padding where there is no token.
        pad_id: id of padding.
        label_smoothing: share of the probability spread evenly, 0 <= label_smoothing < 1.

    Returns:
        smoothed: float32 scalar, mean over real tokens, nats: what is minimised.
        plain: the same without smoothing: what is reported.
        tokens: float32 scalar, the number of real tokens.
    """
    real = ops.cast(ops.not_equal(target_ids, pad_id), "float32")
    tokens = ops.maximum(ops.sum(real), 1.0)
    normalizer = ops.logsumexp(logits, axis=-1)
    chosen = ops.squeeze(ops.take_along_axis(logits, ops.expand_dims(target_ids, -1), axis=-1), -1)
    plain = ops.sum((normalizer - chosen) * real) / tokens
    if not label_smoothing:
        return plain, plain, tokens
    spread = ops.sum((normalizer - ops.mean(logits, axis=-1)) * real) / tokens
    return (1 - label_smoothing) * plain + label_smoothing * spread, plain, tokens


def answer_log_probability(logits, target_ids, pad_id: int = 0):
    """How likely whole answers are, by teacher forcing.

    Args:
        logits, target_ids, pad_id: see `token_loss`.

    Returns:
        float32 (batch,): the sum of the log-probabilities of each row's real tokens.
    """
    chosen = ops.squeeze(ops.take_along_axis(logits, ops.expand_dims(target_ids, -1), axis=-1), -1)
    real = ops.cast(ops.not_equal(target_ids, pad_id), "float32")
    return ops.sum((chosen - ops.logsumexp(logits, axis=-1)) * real, axis=-1)


def disagreement(logits, others, target_ids, pad_id: int = 0):
    """How far two predictions of the same tokens are apart: KL(p ‖ q) + KL(q ‖ p), the mean over real tokens in nats.

    Args:
        logits, others: float32 (batch, time, vocabulary).
        target_ids: int32 (batch, time), padding where there is no token.
        pad_id: id of padding.
    """
    real = ops.cast(ops.not_equal(target_ids, pad_id), "float32")
    ours, theirs = ops.log_softmax(logits, axis=-1), ops.log_softmax(others, axis=-1)
    apart = ops.sum((ops.exp(ours) - ops.exp(theirs)) * (ours - theirs), axis=-1)
    return ops.sum(apart * real) / ops.maximum(ops.sum(real), 1.0)


@keras.saving.register_keras_serializable("carrousel")
class EncoderDecoder(keras.Model):
    """An encoder and a decoder, trained together by `fit`.

    Batches are `({"source": …, "target_in": int32 (batch, time)}, target_out int32 (batch, time))`: what goes into
    the encoder, `<s>` and the tokens, the tokens and `</s>`.

    Args:
        encoder: a layer from `source` to `{"summary": (batch, S)}`.
        decoder: a `RecurrentDecoder`.
        label_smoothing: see `token_loss`.
        bag_of_words: weight of a second loss that asks the summary alone, before any token was read, for the set of
            words of the target (Ma et al. 2018, "Bag-of-Words as Target for Neural Machine Translation").
        pad_id: id of padding.
        scheduled_sampling: share of the tokens read that are the model's own draws at the end of training (Bengio et
            al. 2015); it rises evenly from 0 over `sampling_steps`. They are drawn for all steps at once, from what the
            model says after the true tokens (Mihaylova & Martins 2019), and cost a second forward pass.
        seed: of the draws.
        consistency: weight of a loss that wants two passes over a sentence, each with dropout of its own, to say the
            same: alpha of R-Drop (Liang et al. 2021, equation 4, of which ours is half). Both passes are one of twice
            the batch.

    Attributes:
        sampling_steps: training steps over which the share rises; who trains the model sets it.
    """

    def __init__(
        self,
        encoder,
        decoder,
        label_smoothing=0.0,
        bag_of_words=0.0,
        pad_id=0,
        scheduled_sampling=0.0,
        seed=None,
        consistency=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.label_smoothing, self.bag_of_words, self.pad_id = label_smoothing, bag_of_words, pad_id
        self.nats = keras.metrics.Mean(name="nats")
        self.consistency = consistency
        self.scheduled_sampling, self.sampling_steps = scheduled_sampling, 1
        if scheduled_sampling:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.bag_layer = None
        if bag_of_words:
            self.bag_layer = keras.layers.Dense(decoder.embedding.output_dim, name="bag_of_words")

    def call(self, inputs, training=False):
        """float32 (batch, time, vocabulary) logits, or with a bag-of-words loss `{"tokens": …, "bag": (batch, V)}`.

        In training with `consistency`, twice the batch: the second half has other dropout than the first.
        """
        if training and self.consistency:
            inputs = keras.tree.map_structure(_twice, inputs)
        encoded = self.encoder(inputs["source"], training=training)
        state = self.decoder.start(encoded, training=training)
        target_in = inputs["target_in"]
        if training and self.scheduled_sampling:
            target_in = self._with_own_words(target_in, self.decoder(target_in, state))
        logits = self.decoder(target_in, state, training=training)
        if not self.bag_layer:
            return logits
        return {"tokens": logits, "bag": self.decoder.vocabulary_scores(self.bag_layer(encoded["summary"]))}

    def sampling_share(self):
        """The share of the tokens read that are the model's own at this step of training, float32 scalar."""
        steps = ops.cast(self.optimizer.iterations, "float32") if getattr(self, "optimizer", None) else 0.0
        return self.scheduled_sampling * ops.minimum(steps / float(max(1, self.sampling_steps)), 1.0)

    def _with_own_words(self, target_in, logits):
        """Some of the tokens read, replaced by what the model would have said there; `<s>` and padding never."""
        shape = ops.shape(target_in)
        own = keras.random.categorical(ops.reshape(logits, (-1, logits.shape[-1])), 1, seed=self.seed_generator)
        own = ops.cast(ops.reshape(own, shape), target_in.dtype)
        own = ops.concatenate([target_in[:, :1], own[:, :-1]], axis=1)  # what is read at a step was said one earlier
        chosen = keras.random.uniform(shape, seed=self.seed_generator) < self.sampling_share()
        chosen = ops.logical_and(chosen, ops.not_equal(target_in, self.pad_id))
        return ops.stop_gradient(ops.where(chosen, own, target_in))

    def build_weights(self, source_shape=(1, 1)):
        """Creates every weight. The encoder runs once, on ones of `source_shape`, to show the size of its summary."""
        summary = self.encoder(ops.ones(source_shape, "int32"))["summary"]
        self.decoder.build(summary.shape)
        if self.bag_layer:
            self.bag_layer.build(summary.shape)
        self.built = True

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The smoothed loss a token, and the bag-of-words loss where there is one; nats without either in `nats`."""
        logits = y_pred["tokens"] if self.bag_layer else y_pred
        twice = bool(training and self.consistency)
        if twice:
            halves, true = ops.split(logits, 2), y
            y = _twice(y)
        smoothed, plain, tokens = token_loss(logits, y, self.pad_id, self.label_smoothing)
        self.nats.update_state(plain, sample_weight=tokens)
        if self.bag_layer and training:
            smoothed = smoothed + self.bag_of_words * self._bag_loss(y_pred["bag"], y)
        if twice:
            smoothed = smoothed + self.consistency / 4 * disagreement(*halves, true, self.pad_id)
        return smoothed

    def _bag_loss(self, bag_logits, target_ids):
        real = ops.cast(ops.not_equal(target_ids, self.pad_id), "float32")
        log_probs = ops.log_softmax(bag_logits, axis=-1)
        chosen = ops.take_along_axis(log_probs, target_ids, axis=-1)
        return -ops.sum(chosen * real) / ops.maximum(ops.sum(real), 1.0)

    def get_config(self):
        raise NotImplementedError("A model is rebuilt from its recipe; see serving.store.")


def _twice(batch):
    return ops.concatenate([batch, batch], axis=0)
