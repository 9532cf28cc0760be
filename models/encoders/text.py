"""A sentence becomes one vector: stacked, optionally bidirectional recurrent layers and a summary of their states."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.build import build_cell
from models.layers.recurrence import initial_state, run_cell
from models.layers.token_embedding import build_embedding
from models.layers.word_dropout import WordDropout

SUMMARIES = ("last", "pooled")


@keras.saving.register_keras_serializable("carrousel")
class RecurrentStack(keras.layers.Layer):
    """Recurrent layers over one sequence, each reading the outputs of the one below.

    Args:
        cell: name of the cell, see `models.layers.build.CELLS`.
        units: width of each cell's output; a bidirectional layer puts out twice that.
        layers: how many.
        bidirectional: read in both directions and join the outputs (Schuster & Paliwal 1997).
        residual: add a layer's input to its output where the widths agree (He et al. 2016).
        dropout: share of the features dropped before each layer, one mask over time.
        recurrent_dropout: the same on the recurrent input (Gal & Ghahramani 2016).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        layers: int = 1,
        bidirectional: bool = True,
        residual: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "cell": cell,
            "units": units,
            "layers": layers,
            "bidirectional": bidirectional,
            "residual": residual,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
        }
        self.residual, self.supports_masking = residual, True
        self.directions = ("forward", "backward") if bidirectional else ("forward",)
        self.cells = [
            [build_cell(cell, units, dtype=self.dtype_policy, name=f"layer_{n + 1}_{way}") for way in self.directions]
            for n in range(layers)
        ]
        self.input_dropouts = [
            keras.layers.Dropout(dropout, (None, 1, None), dtype=self.dtype_policy, name=f"dropout_{n + 1}")
            for n in range(layers)
        ]
        self.recurrent_dropouts = [
            [keras.layers.Dropout(recurrent_dropout, dtype=self.dtype_policy) for _ in self.directions]
            if recurrent_dropout
            else None
            for _ in range(layers)
        ]
        self.output_width = units * len(self.directions)

    def build(self, input_shape):
        width = input_shape[-1]
        for cells in self.cells:
            for cell in cells:
                cell.build((None, width))
            width = self.output_width
        self.built = True

    def call(self, inputs, mask=None, training=False, run=run_cell):
        """Runs all layers.

        Args:
            inputs: (batch, time, features).
            mask: bool (batch, time), True for real tokens.
            run: what runs a cell over time; `models.explain` gives its own, which keeps what it sees.

        Returns:
            outputs: (batch, time, output_width) of the top layer.
            states: for each layer, for each direction, the final state (a list of (batch, units)).
        """
        outputs, states = inputs, []
        for level, cells in enumerate(self.cells):
            inputs = self.input_dropouts[level](outputs, training=training)
            reads = [self._run(level, number, inputs, mask, training, run) for number in range(len(cells))]
            joined = ops.concatenate([read for read, _ in reads], axis=-1)
            if self.residual and level and joined.shape[-1] == outputs.shape[-1]:
                joined = joined + outputs
            outputs = joined
            states.append([state for _, state in reads])
        return outputs, states

    def _run(self, level, number, inputs, mask, training, run):
        cell = self.cells[level][number]
        recurrent_mask = None
        if self.recurrent_dropouts[level] and training:
            ones = ops.ones((ops.shape(inputs)[0], cell.units), dtype=inputs.dtype)
            recurrent_mask = self.recurrent_dropouts[level][number](ones, training=True)
        start = initial_state(cell, ops.shape(inputs)[0], inputs.dtype)
        return run(cell, cell.project(inputs), start, mask, reverse=number == 1, recurrent_mask=recurrent_mask)

    def get_config(self):
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("carrousel")
class TextEncoder(keras.layers.Layer):
    """Token ids to a summary of fixed size.

    Args:
        vocabulary_size: number of token ids.
        embedding_size: width of the token embedding.
        cell, units, layers, bidirectional, residual, dropout, recurrent_dropout: see `RecurrentStack`.
        summary: "last", the top layer's final states (Sutskever et al. 2014; Cho et al. 2014), or "pooled": those and
            the maximum over time of every output (as in Conneau et al. 2017).
        reverse: read the source from its end (Sutskever et al. 2014, section 3.3); the padding stays on the right.
        word_dropout: share of tokens that become `<unk>` in training.
        pad_id, unknown_id: the special ids.
        embedding: a layer from token ids to vectors, with `output_dim`; None makes a table that is trained as well.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        cell: str = "lstm",
        units: int = 256,
        layers: int = 1,
        bidirectional: bool = True,
        residual: bool = True,
        summary: str = "pooled",
        reverse: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        pad_id: int = 0,
        unknown_id: int = 1,
        embedding: keras.layers.Layer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if summary not in SUMMARIES:
            raise ValueError(f"summary must be one of {', '.join(SUMMARIES)}, got {summary!r}.")
        self.settings = {
            name: value
            for name, value in locals().items()
            if name not in ("self", "kwargs", "embedding") and not name.startswith("_")
        }
        self.summary, self.reverse, self.pad_id = summary, reverse, pad_id
        self.word_dropout = WordDropout(word_dropout, unknown_id, name="word_dropout")
        self.embedding = embedding
        if embedding is None:
            self.embedding = build_embedding(vocabulary_size, embedding_size, dtype=self.dtype_policy)
        self.stack = RecurrentStack(
            cell,
            units,
            layers,
            bidirectional,
            residual,
            dropout,
            recurrent_dropout,
            dtype=self.dtype_policy,
            name="stack",
        )

    def build(self, input_shape):
        self.embedding.build(input_shape)
        self.stack.build((None, None, self.embedding.output_dim))
        self.built = True

    def call(self, source_ids, training=False):
        """Reads a batch of sentences.

        Args:
            source_ids: int32 (batch, time), padded on the right; no row is all padding.

        Returns:
            `{"summary": (batch, S)}`.
        """
        return self.summarise(*self.embed(source_ids, training), training)

    def embed(self, source_ids, training=False):
        """The embedded tokens in reading order, (batch, time, embedding_size), and their mask, bool (batch, time)."""
        mask = ops.not_equal(source_ids, self.pad_id)
        if self.reverse:
            source_ids = reverse_sequences(source_ids, mask)
        return self.embedding(self.word_dropout(source_ids, training=training)), mask

    def summarise(self, embedded, mask, training=False, run=run_cell):
        """The summary of sentences whose tokens are embedded already: what saliency differentiates.

        Args:
            embedded: (batch, time, embedding_size), in reading order.
            mask: bool (batch, time).
            run: see `RecurrentStack.call`.
        """
        outputs, states = self.stack(embedded, mask=mask, training=training, run=run)
        parts = [tensor for state in states[-1] for tensor in state]
        if self.summary == "pooled":
            parts = [state[0] for state in states[-1]]
            lowest = ops.cast(-1e4, outputs.dtype)
            parts.append(ops.max(ops.where(ops.expand_dims(mask, -1), outputs, lowest), axis=1))
        return {"summary": ops.concatenate(parts, axis=-1)}

    def get_config(self):
        return {**super().get_config(), **self.settings}


def reverse_sequences(token_ids, mask):
    """Reverses each row's real tokens and leaves the padding on the right. int32 (batch, time) → the same."""
    lengths = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
    positions = ops.expand_dims(ops.arange(ops.shape(token_ids)[1], dtype="int32"), 0)
    index = ops.where(positions < lengths, lengths - 1 - positions, positions)
    return ops.take_along_axis(token_ids, index, axis=1)
