"""The driver that loops inside the graph: a whole batch at once, compiled and exported."""

from __future__ import annotations

import numpy as np
from keras import ops

from models.decoding import parts
from models.decoding.options import SearchOptions


def search(decoder, state, limits, options: SearchOptions, ids: dict, prefix_ids=None, uniforms=None) -> dict:
    """Searches for the best continuations of a batch of start states.

    Args:
        decoder: keeps the decoder contract (`step`), see `models.decoder`.
        state: from `decoder.start`, a nest of (n, …).
        limits: int32 (n,), most tokens for each sentence, at most `options.max_length`.
        options: beam size, length penalty and so on.
        ids: the special ids, `{"bos": …, "eos": …, "pad": …}`.
        prefix_ids: int32 (n, P): tokens that every hypothesis must begin with, padded on the right; or None.
        uniforms: float32 (n, beam_size, max_length) draws from [0, 1) for sampling, or None.

    Returns:
        `tokens` int32 (n, beam_size, max_length), `scores`, `normalized` float32 (n, beam_size), `lengths` int32 and
        `finished` bool (n, beam_size), best first. A place that was never filled has the score −inf.
    """
    batch, beam_size = ops.shape(limits)[0], options.beam_size
    hypotheses = parts.start_hypotheses(
        batch, beam_size, options.max_length, ids["bos"], ids["pad"], samples=options.method == "sampling"
    )
    state = parts.repeat_state(state, beam_size)
    fixed = getattr(decoder, "fixed_state", ())

    def going_on(position, hypotheses, state):
        return ops.logical_and(position < options.max_length, ops.logical_not(parts.done(hypotheses)))

    def advance(position, hypotheses, state):
        logits, state = decoder.step(ops.reshape(hypotheses["last"], (-1,)), state)
        forced = forced_at(prefix_ids, position, ids["pad"])
        uniform = None if uniforms is None else ops.take(uniforms, position, axis=2)
        hypotheses, parents, *_ = advance_hypotheses(
            logits, hypotheses, position, limits, options, ids, forced, uniform
        )
        if parents is not None and not (isinstance(beam_size, int) and beam_size == 1):
            state = parts.reorder(state, parents, fixed)
        return position + 1, hypotheses, state

    _, hypotheses, _ = ops.while_loop(going_on, advance, (ops.zeros((), "int32"), hypotheses, state))
    return parts.rank(hypotheses, options.length_penalty)


def advance_hypotheses(logits, hypotheses, position, limits, options: SearchOptions, ids: dict, forced, uniform):
    """One step of any search: what both drivers do with the logits.

    Args:
        forced: int32 (n,), the token each sentence must say now (padding where it is free), or None.
        uniform: float32 (n, beam_size) for sampling, or None.

    Returns:
        hypotheses: after the step.
        parents: int32 (n, beam_size), or None where every hypothesis extends itself.
        candidates: what was chosen from, see `parts.propose`.
        chosen: int32 (n, beam_size), the survivors' places among the candidates.
    """
    beam_size = options.beam_size
    if options.method == "sampling":
        candidates = parts.draw(
            logits, hypotheses, uniform, ids["pad"], options.temperature, options.top_k, options.top_p
        )
        if forced is not None:
            candidates = _force_draw(logits, hypotheses, candidates, forced, ids["pad"])
        chosen = ops.broadcast_to(ops.arange(beam_size, dtype="int32"), ops.shape(hypotheses["last"]))
        new = parts.extend(hypotheses, candidates, chosen, chosen, position, limits, ids["eos"])
        return new, None, candidates, chosen
    width = ops.minimum(beam_size, logits.shape[-1]) if not isinstance(beam_size, int) else min(beam_size, logits.shape[-1])
    if forced is None:
        candidates = parts.propose(logits, hypotheses, width, ids["pad"])
    else:
        candidates = parts.propose_forced(logits, hypotheses, width, ids["pad"], forced)
    parents, chosen = parts.keep_best(candidates, beam_size, options.length_penalty)
    new = parts.extend(hypotheses, candidates, parents, chosen, position, limits, ids["eos"])
    return new, parents, candidates, chosen


def _force_draw(logits, hypotheses, drawn, forced, pad_id):
    must = parts.propose_forced(logits, hypotheses, 1, pad_id, forced)
    is_forced = ops.reshape(ops.not_equal(forced, pad_id), (-1, 1, 1))
    return {name: ops.where(is_forced, must[name], drawn[name]) for name in drawn}


def forced_at(prefix_ids, position, pad_id: int):
    """The tokens forced at a step: int32 (n,), padding where a sentence is free; None where nothing is forced."""
    if prefix_ids is None:
        return None
    width = prefix_ids.shape[1]
    token_ids = ops.take(prefix_ids, ops.minimum(position, width - 1), axis=1)
    return ops.where(position < width, token_ids, pad_id)


def draw_uniforms(batch: int, options: SearchOptions) -> np.ndarray:
    """The draws that sampling needs, float32 (batch, beam_size, max_length).

    They come from the seed alone and are the same for every sentence, so that a sentence is answered alike alone and
    in a batch.
    """
    drawn = np.random.default_rng(options.seed).random((1, options.beam_size, options.max_length), dtype=np.float32)
    return np.repeat(drawn, batch, axis=0)
