"""The driver that loops inside the graph: a whole batch at once, compiled and exported."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
from keras import ops

from models import backend
from models.decoding import parts
from models.decoding.options import GraphSearchOptions, SearchOptions


def search(
    decoder,
    state,
    limits,
    options: SearchOptions | GraphSearchOptions,
    ids: dict,
    prefix_ids=None,
    uniforms=None,
    prepared=None,
) -> dict:
    """Searches for the best continuations of a batch of start states.

    The decoder steps only the hypotheses that still grow: finished ones leave its batch at once.

    Args:
        decoder: keeps the decoder contract (`step`), see `models.decoder`.
        state: from `decoder.start`, a nest of (n, …).
        limits: int32 (n,), most tokens for each sentence, at most `options.max_length`.
        options: beam size, length penalty and so on; `GraphSearchOptions` where they are inputs of the graph.
        ids: the special ids, `{"bos": …, "eos": …, "pad": …}`.
        prefix_ids: int32 (n, P): tokens that every hypothesis must begin with, padded on the right; or None.
        uniforms: float32 (n, beam_size, max_length) draws from [0, 1) for sampling, or None.
        prepared: from `decoder.prepare`, which pays where there are thousands of tokens to say; or None.

    Returns:
        `tokens` int32 (n, beam_size, max_length), `scores`, `normalized` float32 (n, beam_size), `lengths` int32 and
        `finished` bool (n, beam_size), best first. A place that was never filled has the score −inf.
    """
    batch, beam_size = ops.shape(limits)[0], options.beam_size
    step = decoder.step if prepared is None else partial(decoder.step, prepared=prepared)
    hypotheses = parts.start_hypotheses(
        batch, beam_size, options.max_length, ids["bos"], ids["pad"], samples=options.method == "sampling"
    )
    growing = parts.growing_rows(hypotheses)
    state = _rows_of(state, growing["rows"] // beam_size)

    def going_on(position, hypotheses, growing, state):
        return ops.logical_and(position < options.max_length, ops.logical_not(parts.done(hypotheses)))

    def advance(position, hypotheses, growing, state):
        token_ids = backend.take(ops.reshape(hypotheses["last"], (-1,)), growing["rows"])
        logits, state = step(token_ids, state)
        forced = forced_at(prefix_ids, position, ids["pad"])
        uniform = None if uniforms is None else ops.take(uniforms, position, axis=2)
        hypotheses, parents, *_ = advance_hypotheses(
            logits, hypotheses, position, limits, options, ids, forced, uniform, growing
        )
        before, growing = growing, parts.growing_rows(hypotheses)
        return position + 1, hypotheses, growing, _rows_of(state, _origins(parents, before, growing))

    start = (ops.zeros((), "int32"), hypotheses, growing, state)
    _, hypotheses, _, _ = ops.while_loop(going_on, advance, start)
    return parts.rank(hypotheses, options.length_penalty)


def _rows_of(state, rows):
    return keras.tree.map_structure(lambda tensor: backend.take(tensor, rows), state)


def _origins(parents, before: dict, growing: dict):
    """For each growing hypothesis the row that the one it extends had in the step before. int32 (g,)."""
    batch, beam_size = ops.shape(parents)
    places = parents + ops.expand_dims(ops.arange(batch, dtype="int32"), -1) * beam_size
    return backend.take(before["places"], backend.take(ops.reshape(places, (-1,)), growing["rows"]))


def advance_hypotheses(
    logits,
    hypotheses,
    position,
    limits,
    options: SearchOptions | GraphSearchOptions,
    ids: dict,
    forced,
    uniform,
    growing: dict | None = None,
):
    """One step of any search: what both drivers do with the logits.

    Args:
        logits: float32 (n · beam_size, vocabulary), or the rows of `growing` alone.
        forced: int32 (n,), the token each sentence must say now (padding where it is free), or None.
        uniform: float32 (n, beam_size) for sampling, or None.
        growing: see `parts.growing_rows`, or None.

    Returns:
        hypotheses: after the step.
        parents: int32 (n, beam_size), the hypothesis that each one extends; in sampling itself.
        candidates: what was chosen from, see `parts.propose`.
        chosen: int32 (n, beam_size), the survivors' places among the candidates.
    """
    beam_size = options.beam_size
    if options.method == "sampling":
        candidates = parts.draw(logits, hypotheses, uniform, ids["pad"], options, growing, forced)
        parents = ops.broadcast_to(ops.arange(beam_size, dtype="int32"), ops.shape(hypotheses["last"]))
        new = parts.extend(hypotheses, candidates, parents, parents, position, limits, ids["eos"])
        return new, parents, candidates, parents
    smaller = min if isinstance(beam_size, int) else ops.minimum
    width = smaller(beam_size, logits.shape[-1])
    candidates = parts.propose(logits, hypotheses, width, ids["pad"], growing, forced)
    parents, chosen = parts.keep_best(candidates, beam_size, options.length_penalty)
    new = parts.extend(hypotheses, candidates, parents, chosen, position, limits, ids["eos"])
    return new, parents, candidates, chosen


def forced_at(prefix_ids, position, pad_id: int):
    """The tokens forced at a step: int32 (n,), padding where a sentence is free; None where nothing is forced."""
    if prefix_ids is None:
        return None
    width = ops.shape(prefix_ids)[1]
    token_ids = ops.take(prefix_ids, ops.minimum(position, width - 1), axis=1)
    return ops.where(position < width, token_ids, pad_id)


def draw_uniforms(batch: int, options: SearchOptions) -> np.ndarray:
    """The draws that sampling needs, float32 (batch, beam_size, max_length).

    They come from the seed alone and are the same for every sentence, so that a sentence is answered alike alone and
    in a batch.
    """
    drawn = np.random.default_rng(options.seed).random((1, options.beam_size, options.max_length), dtype=np.float32)
    return np.repeat(drawn, batch, axis=0)
