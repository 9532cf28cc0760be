"""What a word leaned on, and what is still held of a word: derivatives through the whole network, by one backward pass.

Every row of one batch is the same sentence, cut off at another step, with another question to differentiate:

- **Saliency** is gradient × input (Denil et al. 2014; Shrikumar et al. 2017, section 3.3): for the written token of
  step t the gradient of its log-probability with respect to a source token's embedding, times that embedding, summed
  over its components. To first order it is what the log-probability would lose without the token.
- **The carrousel across the summary** is the Frobenius norm ‖∂c_t/∂e_j‖ of the derivative of all decoder states c after
  step t with respect to token j's embedding, estimated by a few random projections: for a normal v,
  E‖vᵀJ‖² = ‖J‖² (Hutchinson 1989).

There is no attention to read off; both say how the result would change, not what was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from models import backend
from models.explain.readings import Recorder
from models.layers.recurrence import run_cell


def influence(encoder, decoder, source_ids, target_in, target_out, steps, probes, held: Sequence[Any] = ()):
    """Saliency and norms of one finished path, N steps of it.

    Args:
        encoder, decoder: see `models.explain.readings.read`.
        source_ids: int32 (1, S).
        target_in, target_out: int32 (1, T).
        steps: int32 (N,), which steps.
        probes: float32 (K, units of all decoder layers together), standard normal.
        held: for each stream its `edits.holds`, or empty.

    Returns:
        saliency: float32 (N, S), signed.
        source_norms: float32 (N, S), of ∂c_t/∂(embedding of source token j), in reading order as saliency.
        target_norms: float32 (N, T), of ∂c_t/∂(embedding of the token read at step j), zero where j > t.
    """
    time, count = ops.shape(steps)[0], ops.shape(probes)[0]
    rows = time * (1 + count)
    last = ops.tile(steps, [1 + count])  # the step at which each row is cut off
    until = ops.expand_dims(ops.arange(ops.shape(target_in)[1], dtype="int32"), 0) <= ops.expand_dims(last, 1)
    embedded, mask = encoder.embed(source_ids)
    own = decoder.embedding(target_in)

    def questions(source, target):
        final: list[Any] = []
        recorder = Recorder(held, differentiable=True) if held else run_cell
        encoded = encoder.summarise(source, ops.repeat(mask, rows, axis=0), run=recorder)
        state = decoder.start(encoded)

        def run(cell, projected, start, mask=None, **kwargs):
            outputs, states = recorder(cell, projected, start, until, **kwargs)
            final.append(states[-1])  # c; where there is none, h
            return outputs, states

        hidden = decoder.run(target, state, run=run)[:, -1]  # padded steps repeat the state of the row's last one
        first = keras.tree.map_structure(lambda tensor: tensor[:time], state)
        log_probs = ops.log_softmax(decoder.logits(hidden[:time], first), axis=-1)
        chosen = ops.take_along_axis(log_probs, ops.take(target_out[0], steps)[:, None], axis=1)[:, 0]
        states = ops.concatenate(final, axis=-1)[time:]
        return ops.concatenate([chosen, ops.sum(states * ops.repeat(probes, time, axis=0), axis=-1)], axis=0)

    source, target = (ops.repeat(tensor, rows, axis=0) for tensor in (embedded, own))
    at_source, at_target = backend.gradients(questions, source, target)
    saliency = ops.sum(at_source[:time] * embedded, axis=-1)
    return saliency, _norms(at_source[time:], time, count), _norms(at_target[time:], time, count)


def _norms(gradients, time, count):
    """(K · N, J, E) → (N, J)."""
    squares = ops.sum(ops.square(gradients), axis=-1)
    squares = ops.reshape(squares, (count, time, ops.shape(gradients)[1]))
    return ops.sqrt(ops.mean(squares, axis=0))


def by_groups(values: np.ndarray, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """Sums columns: (T, tokens) → (T, groups), say the pieces of each word."""
    return np.stack([values[:, list(group)].sum(axis=1) for group in groups], axis=1)


def shares(saliency: np.ndarray) -> np.ndarray:
    """|saliency| as shares of its row: each row adds to 1, or is all 0 where nothing mattered."""
    size = np.abs(np.asarray(saliency, np.float64))
    total = size.sum(axis=1, keepdims=True)
    return np.divide(size, total, out=np.zeros_like(size), where=total > 0)
