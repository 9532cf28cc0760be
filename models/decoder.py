"""The decoder: from a summary of fixed size alone, a recurrent network speaks, one token at a time."""

from __future__ import annotations

import keras
from keras import ops

from models import backend
from models.layers.adapters import KerasCell
from models.layers.build import build_cell
from models.layers.recurrence import initial_state, run_cell
from models.layers.word_dropout import WordDropout

CONTEXTS = ("every-step", "start", "first-input", "inject", "merge")


def _recurrent(transposed) -> dict:
    return {} if transposed is None else {"recur": lambda hidden: ops.matmul(hidden, ops.transpose(transposed))}


@keras.saving.register_keras_serializable("carrousel")
class RecurrentDecoder(keras.layers.Layer):
    """Recurrent layers that start from a summary and put out logits over the vocabulary.

    How it sees the summary is its `context`:

    - "start": the summary becomes each layer's start state, and is not seen again (Sutskever et al. 2014).
    - "every-step": that, and it is fed to the first layer and to the output at every step (Cho et al. 2014, section
      2.2).
    - "first-input": it is read once, as if it were a word before the first one (Vinyals et al. 2015, "Show and Tell").
    - "inject": it is fed to the first layer at every step, and only so (Tanti et al. 2018, "par-inject").
    - "merge": the layers never see it; it is joined to what they put out (Tanti et al. 2018).

    Since a context does not change over time, its product with the gates' weights is taken once a sentence.

    Args:
        vocabulary_size: number of token ids.
        embedding_size: width of the token embedding and of the readout that is compared with it.
        cell, units, layers: the recurrent layers, see `models.layers.build`.
        context: "every-step", "start", "first-input", "inject" or "merge", see above.
        tie_embeddings: the output's weights are the embedding's (Press & Wolf 2017).
        residual: add a layer's input to its output, from the second layer on.
        dropout: share of the features dropped before each layer and before the output, one mask over time.
        recurrent_dropout: the same on the recurrent input.
        word_dropout: share of the tokens read that become `<unk>` in training (Bowman et al. 2016).
        unknown_id: the id of `<unk>`.
    """

    fixed_state = ("context",)  # the same at every step and for every hypothesis of a sentence

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        cell: str = "lstm",
        units: int = 512,
        layers: int = 1,
        context: str = "every-step",
        tie_embeddings: bool = True,
        residual: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        unknown_id: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if context not in CONTEXTS:
            raise ValueError(f"context must be one of {', '.join(CONTEXTS)}, got {context!r}.")
        self.settings = {
            name: value
            for name, value in locals().items()
            if name not in ("self", "kwargs") and not name.startswith("_")
        }
        self.vocabulary_size, self.units, self.tie_embeddings = vocabulary_size, units, tie_embeddings
        self.residual, self.recurrent_dropout = residual, recurrent_dropout
        self.word_dropout = WordDropout(word_dropout, unknown_id, name="word_dropout")
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            embedding_size,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=embedding_size**-0.5),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.cells = [build_cell(cell, units, dtype=self.dtype_policy, name=f"layer_{n + 1}") for n in range(layers)]
        self.start_layers = [
            [
                self._dense(width, activation="tanh" if k == 0 else None, name=f"start_{n + 1}_{'hc'[k]}")
                for k, width in enumerate(one.state_size)
            ]
            for n, one in enumerate(self.cells)
            if context in ("every-step", "start")
        ]
        self.context_layer = self.context_to_gates = self.context_to_readout = self.first_input = None
        if context == "first-input":
            self.first_input = self._dense(embedding_size, name="first_input")
        if context in ("every-step", "inject", "merge"):
            self.context_layer = self._dense(units, activation="tanh", name="context")
        if context in ("every-step", "inject"):
            width = self.cells[0].projection_size
            self.context_to_gates = self._dense(width, use_bias=False, name="context_to_gates")
        if context in ("every-step", "merge"):
            self.context_to_readout = self._dense(embedding_size, use_bias=False, name="context_to_readout")
        shape = (None, 1, None)  # one mask over time
        policy = self.dtype_policy
        self.input_dropouts = [keras.layers.Dropout(dropout, shape, dtype=policy) for _ in range(layers)]
        self.output_dropout = keras.layers.Dropout(dropout, shape, dtype=policy)
        self.summary_dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.recurrent_dropouts = [keras.layers.Dropout(recurrent_dropout, dtype=policy) for _ in range(layers)]
        self.readout = self._dense(embedding_size, name="readout")

    def _dense(self, width: int, **arguments):
        return keras.layers.Dense(width, dtype=self.dtype_policy, **arguments)

    def build(self, summary_shape):
        self.embedding.build((None, None))
        width = self.embedding.output_dim
        for number, cell in enumerate(self.cells):
            cell.build((None, width))
            for start in self.start_layers[number] if self.start_layers else ():
                start.build(summary_shape)
            width = self.units
        for layer in (self.context_layer, self.first_input):
            if layer:
                layer.build(summary_shape)
        for layer in (self.context_to_gates, self.context_to_readout):
            if layer:
                layer.build((None, self.units))
        self.readout.build((None, self.units))
        self.output_bias = self.add_weight(shape=(self.vocabulary_size,), initializer="zeros", name="output_bias")
        if not self.tie_embeddings:
            self.output_kernel = self.add_weight(
                shape=(self.vocabulary_size, self.embedding.output_dim),
                initializer=keras.initializers.RandomNormal(stddev=self.embedding.output_dim**-0.5),
                name="output_kernel",
            )
        self.built = True

    def start(self, encoded, training=False):
        """The state before the first token.

        Args:
            encoded: `{"summary": (batch, S)}`.

        Returns:
            A nest of (batch, …): `{"layers": [[h, c], …]}`, and with a context fed at every step
            `{"context": {"gates": (batch, P), "readout": (batch, embedding_size)}}`, those of the two that are fed.
        """
        summary = self.summary_dropout(encoded["summary"], training=training)
        state = {"layers": self._start_states(summary)}
        if self.context_layer:
            context = self.context_layer(summary)
            layers = {"gates": self.context_to_gates, "readout": self.context_to_readout}
            state["context"] = {name: layer(context) for name, layer in layers.items() if layer}
        return state

    def _start_states(self, summary) -> list:
        if self.start_layers:
            return [[start(summary) for start in starts] for starts in self.start_layers]
        states = [initial_state(cell, ops.shape(summary)[0], self.compute_dtype) for cell in self.cells]
        if self.first_input:
            inputs = self.first_input(summary)
            for level, cell in enumerate(self.cells):
                output, states[level] = cell.step(cell.project(inputs), states[level])
                inputs = output + inputs if self.residual and level else output
        return states

    def prepare(self) -> dict:
        """What many steps can share, as long as the weights stay as they are.

        It costs as much as a step of the whole vocabulary into the first layer, and pays where thousands of tokens are
        said.

        Returns:
            `inputs` (vocabulary, P), every token on its way into the first layer, to be looked up instead of
            multiplied; for Keras' cells `recurrent_N` (P, units), layer N's recurrent kernel transposed: with rows of
            a power of two numbers, as they usually are, CPU libraries multiply by it up to 1.6 times faster.
        """
        prepared = {"inputs": self.cells[0].project(self.embedding(ops.arange(self.vocabulary_size, dtype="int32")))}
        for number, cell in enumerate(self.cells, start=1):
            if isinstance(cell, KerasCell):
                kernel = ops.cast(cell.cell.recurrent_kernel, prepared["inputs"].dtype)
                prepared[f"recurrent_{number}"] = ops.transpose(kernel)
        return prepared

    def step(self, token_ids, state, advance=None, prepared=None):
        """Reads one token and says what may come next.

        Args:
            token_ids: int32 (batch,).
            state: from `start` or an earlier `step`.
            advance: (level, cell, projected, state) → (output, new state), in place of `cell.step`; `models.explain`
                changes units with it.
            prepared: from `prepare`, or None.

        Returns:
            logits: float32 (batch, vocabulary).
            state: the state after the token.
        """
        prepared, layers = prepared or {}, []
        inputs = backend.take(prepared["inputs"], token_ids) if prepared else self.embedding(token_ids)
        for level, cell in enumerate(self.cells):
            projected = inputs if prepared and level == 0 else cell.project(inputs)
            projected, before = self._with_context(level, projected, state), state["layers"][level]
            if advance:
                output, new = advance(level, cell, projected, before)
            else:
                output, new = cell.step(projected, before, **_recurrent(prepared.get(f"recurrent_{level + 1}")))
            inputs = output + inputs if self.residual and level else output
            layers.append(new)
        return self.logits(inputs, state), {**state, "layers": layers}

    def call(self, target_ids, state, training=False):
        """Reads whole sequences at once (teacher forcing, Williams & Zipser 1989).

        Args:
            target_ids: int32 (batch, time): `<s>` and the tokens but the last; padded on the right.
            state: from `start`.

        Returns:
            logits: float32 (batch, time, vocabulary); what comes after padding means nothing.
        """
        inputs = self.embedding(self.word_dropout(target_ids, training=training))
        return self.logits(self.run(inputs, state, training), state, training)

    def run(self, inputs, state, training=False, run=run_cell):
        """The top layer's outputs for embedded tokens. (batch, time, embedding_size) → (batch, time, units).

        Args:
            run: what runs a cell over time, see `models.encoders.text.RecurrentStack.call`.
        """
        for level, cell in enumerate(self.cells):
            dropped = self.input_dropouts[level](inputs, training=training)
            recurrent_mask = None
            if self.recurrent_dropout and training:
                ones = ops.ones((ops.shape(inputs)[0], cell.units), dtype=inputs.dtype)
                recurrent_mask = self.recurrent_dropouts[level](ones, training=True)
            start = [ops.cast(tensor, inputs.dtype) for tensor in state["layers"][level]]
            projected = self._with_context(level, cell.project(dropped), state)
            outputs, _ = run(cell, projected, start, recurrent_mask=recurrent_mask)
            inputs = outputs + inputs if self.residual and level else outputs
        return inputs

    def _with_context(self, level, projected, state):
        if level == 0 and self.context_to_gates:
            context = state["context"]["gates"]
            projected = projected + (ops.expand_dims(context, 1) if len(projected.shape) == 3 else context)
        return projected

    def logits(self, hidden, state, training=False):
        """Scores of every token. (batch, [time,] units) → float32 (batch, [time,] vocabulary)."""
        readout = self.readout(hidden)
        if self.context_to_readout:
            context = state["context"]["readout"]
            readout = readout + (ops.expand_dims(context, 1) if len(readout.shape) == 3 else context)
        if len(readout.shape) == 3:
            readout = self.output_dropout(readout, training=training)
        return self.vocabulary_scores(readout)

    def vocabulary_scores(self, readout):
        """Compares a readout with every token's output weights. (…, embedding_size) → float32 (…, vocabulary)."""
        kernel = self.embedding.embeddings if self.tie_embeddings else self.output_kernel
        product = ops.matmul(readout, ops.transpose(ops.cast(kernel, readout.dtype)))
        return ops.cast(product, "float32") + ops.cast(self.output_bias, "float32")

    def get_config(self):
        return {**super().get_config(), **self.settings}
