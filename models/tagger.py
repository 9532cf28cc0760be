"""A tag for every word: word and character embeddings, and one recurrent reader in each direction.

The bidirectional tagger of Plank et al. 2016 ("Multilingual Part-of-Speech Tagging with Bidirectional LSTMs and
Auxiliary Loss"): a word is its embedding and what a small bidirectional layer makes of its characters. Pretrained
vectors stay as they are, and a trained table is added to them (Dozat & Manning 2017, section 3.1).

Each direction is read by layers of its own, so that the forward state has seen no later word and the backward state no
earlier one. Each has a verdict of its own beside the joint one: the difference is what the other words add.
"""

from __future__ import annotations

import keras
from keras import ops

from models.encoder_decoder import token_loss
from models.encoders.text import RecurrentStack
from models.layers.build import build_cell
from models.layers.recurrence import initial_state, run_cell
from models.layers.token_embedding import build_embedding
from models.layers.word_dropout import WordDropout

VERDICTS = ("joint", "forward", "backward")


@keras.saving.register_keras_serializable("carrousel")
class CharacterEncoder(keras.layers.Layer):
    """Words as character ids to one vector each: the final states of both directions.

    Args:
        vocabulary_size: number of character ids.
        embedding_size: width of the character embedding.
        cell: name of the cell, see `models.layers.build.CELLS`.
        units: of each direction.
        dropout: share of the features dropped before the layer.
        pad_id: id of padding.
    """

    def __init__(self, vocabulary_size, embedding_size, cell="lstm", units=64, dropout=0.0, pad_id=0, **kwargs):
        super().__init__(**kwargs)
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_size": embedding_size,
            "cell": cell,
            "units": units,
            "dropout": dropout,
            "pad_id": pad_id,
        }
        self.pad_id, self.output_width = pad_id, 2 * units
        self.embedding = build_embedding(vocabulary_size, embedding_size, dtype=self.dtype_policy)
        self.stack = RecurrentStack(cell, units, dropout=dropout, dtype=self.dtype_policy, name="stack")

    def build(self, input_shape):
        self.embedding.build(input_shape)
        self.stack.build((None, None, self.embedding.output_dim))
        self.built = True

    def call(self, character_ids, training=False):
        """int32 (words, characters), padded on the right, no row all padding → (words, 2 · units)."""
        mask = ops.not_equal(character_ids, self.pad_id)
        _, states = self.stack(self.embedding(character_ids), mask=mask, training=training)
        return ops.concatenate([state[0] for state in states[-1]], axis=-1)

    def get_config(self):
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("carrousel")
class Tagger(keras.Model):
    """Scores of every tag for every word of a sentence.

    A batch is a dictionary: `words` int32 (batch, time), padded on the right; `characters` int32 (different words,
    characters), the spelling of each different word of the batch; `places` int32 (batch, time), each word's row in
    `characters`, any real row where there is padding. So every spelling is read once, and no row is all padding.
    Targets are tag ids (batch, time), counted from 1; 0 is padding.

    Args:
        tags: number of tags, padding not among them.
        embedding: a layer from word ids to vectors, with `output_dim`.
        characters: a `CharacterEncoder`.
        pretrained: a second layer of the same width whose vectors are added, or None.
        trained_words: ids from here on have a pretrained vector only: in `embedding` they are `<unk>`; 0 means that all
            words have a row of their own there.
        cell, units, layers: of each direction, see `models.layers.build.CELLS`.
        dropout: share of the features dropped before and after each layer, one mask over time.
        recurrent_dropout: the same on the recurrent input (Gal & Ghahramani 2016).
        word_dropout: share of words that become `<unk>` in training.
        direction_loss: weight of the loss of each direction's own verdict.
        label_smoothing: see `models.encoder_decoder.token_loss`.
        pad_id, unknown_id: the special ids.
    """

    def __init__(
        self,
        tags: int,
        embedding: keras.layers.Layer,
        characters: CharacterEncoder,
        pretrained: keras.layers.Layer | None = None,
        trained_words: int = 0,
        cell: str = "lstm",
        units: int = 200,
        layers: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        direction_loss: float = 0.3,
        label_smoothing: float = 0.0,
        pad_id: int = 0,
        unknown_id: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tags, self.embedding, self.characters, self.pretrained = tags, embedding, characters, pretrained
        self.trained_words, self.pad_id, self.unknown_id = trained_words, pad_id, unknown_id
        self.direction_loss, self.label_smoothing = direction_loss, label_smoothing
        self.word_dropout = WordDropout(word_dropout, unknown_id, name="word_dropout")
        self.input_dropout = keras.layers.Dropout(dropout, (None, 1, None), name="input_dropout")
        self.forward = OneWay(cell, units, layers, False, dropout, recurrent_dropout, name="forward")
        self.backward = OneWay(cell, units, layers, True, dropout, recurrent_dropout, name="backward")
        # Scores are float32 whatever the arithmetic: probabilities need the digits.
        self.heads = {name: keras.layers.Dense(tags, dtype="float32", name=name) for name in VERDICTS}
        self.nats = keras.metrics.Mean(name="nats")

    def embed(self, words, characters, places, training=False):
        """What the readers read, (batch, time, features): word vectors and what the characters say."""
        words = self.word_dropout(words, training=training)
        trained = words
        if self.trained_words:
            trained = ops.where(words < self.trained_words, words, self.unknown_id)
        vectors = self.embedding(trained)
        if self.pretrained is not None:
            vectors = vectors + self.pretrained(words)
        spelled = ops.take(self.characters(characters, training=training), places, axis=0)
        return ops.concatenate([vectors, ops.cast(spelled, vectors.dtype)], axis=-1)

    def read(self, embedded, mask, training=False, run=run_cell):
        """The outputs of both readers, (batch, time, units) each.

        Args:
            embedded: from `embed`.
            mask: bool (batch, time), True for real words.
            run: what runs a cell over time; `models.explain` gives its own, which keeps what it sees.
        """
        inputs = self.input_dropout(embedded, training=training)
        return tuple(reader(inputs, mask, training=training, run=run) for reader in (self.forward, self.backward))

    def call(self, inputs, training=False):
        """`{"joint": …, "forward": …, "backward": …}`, float32 (batch, time, tags) logits."""
        mask = ops.not_equal(inputs["words"], self.pad_id)
        embedded = self.embed(inputs["words"], inputs["characters"], inputs["places"], training=training)
        forward, backward = self.read(embedded, mask, training=training)
        states = {"joint": ops.concatenate([forward, backward], axis=-1), "forward": forward, "backward": backward}
        return {name: self.heads[name](ops.cast(states[name], "float32")) for name in VERDICTS}

    def build_weights(self):
        """Creates every weight by running once on one word."""
        one = ops.ones((1, 1), "int32")
        self({"words": one, "characters": one, "places": ops.zeros((1, 1), "int32")})

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The joint verdict's loss a word and the directions' by their weight; the joint one's nats in `nats`."""
        losses = {name: self._loss(y_pred[name], y) for name in VERDICTS}
        smoothed, plain, count = losses["joint"]
        self.nats.update_state(plain, sample_weight=count)
        if not training or not self.direction_loss:
            return smoothed
        return smoothed + self.direction_loss * (losses["forward"][0] + losses["backward"][0])

    def _loss(self, logits, tag_ids):
        # Tags are counted from 1 so that padding can be 0; scores have no column for padding.
        return token_loss(logits, tag_ids - 1, pad_id=-1, label_smoothing=self.label_smoothing)

    def get_config(self):
        raise NotImplementedError("A model is rebuilt from its recipe; see serving.store.")


@keras.saving.register_keras_serializable("carrousel")
class OneWay(keras.layers.Layer):
    """Recurrent layers that all read in one direction, each reading the outputs of the one below.

    Args:
        cell, units, layers: see `models.layers.build.CELLS`.
        reverse: read from the last word to the first.
        dropout: share of the outputs of each layer dropped, one mask over time.
        recurrent_dropout: the same on the recurrent input.
    """

    def __init__(self, cell, units, layers=1, reverse=False, dropout=0.0, recurrent_dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.settings = {
            "cell": cell,
            "units": units,
            "layers": layers,
            "reverse": reverse,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
        }
        self.reverse, self.supports_masking = reverse, True
        self.cells = [build_cell(cell, units, dtype=self.dtype_policy, name=f"layer_{n + 1}") for n in range(layers)]
        self.dropouts = [keras.layers.Dropout(dropout, (None, 1, None), name=f"dropout_{n}") for n in range(layers)]
        self.recurrent_dropouts = [
            keras.layers.Dropout(recurrent_dropout, name=f"recurrent_dropout_{n}") for n in range(layers)
        ]

    def build(self, input_shape):
        width = input_shape[-1]
        for cell in self.cells:
            cell.build((None, width))
            width = cell.units
        self.built = True

    def call(self, inputs, mask=None, training=False, run=run_cell):
        """(batch, time, features), bool (batch, time) → (batch, time, units)."""
        for cell, dropout, recurrent_dropout in zip(self.cells, self.dropouts, self.recurrent_dropouts, strict=True):
            start = initial_state(cell, ops.shape(inputs)[0], inputs.dtype)
            recurrent_mask = None
            if training and recurrent_dropout.rate:
                ones = ops.ones((ops.shape(inputs)[0], cell.units), dtype=inputs.dtype)
                recurrent_mask = recurrent_dropout(ones, training=True)
            outputs, _ = run(
                cell, cell.project(inputs), start, mask, reverse=self.reverse, recurrent_mask=recurrent_mask
            )
            inputs = dropout(outputs, training=training)
        return inputs

    def get_config(self):
        return {**super().get_config(), **self.settings}
