"""The driver that loops in Python, one step of one sentence at a time, and writes the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from models.decoding import parts
from models.decoding.graph import advance_hypotheses, forced_at
from models.decoding.options import SearchOptions
from models.decoding.trace import TraceWriter


def search(
    decoder,
    state,
    limit: int,
    options: SearchOptions,
    ids: dict,
    prefix_ids=(),
    uniforms=None,
    step: Callable | None = None,
    edit: Callable[[int, Any], Any] | None = None,
) -> dict[str, Any]:
    """Searches as `graph.search` does, for one sentence, and tells all.

    Args:
        decoder, options, ids: see `graph.search`.
        state: from `decoder.start`, a nest of (1, …).
        limit: most tokens.
        prefix_ids: tokens that every hypothesis must begin with.
        uniforms: float32 (1, beam_size, max_length) for sampling, or None.
        step: used in place of `decoder.step`: the same, compiled.
        edit: (position, state after that step's token was read) → the state to go on with: how a picture asks what
            would happen if a unit were silent.

    Returns:
        A DecodingTrace without texts, see `models.decoding.trace`.
    """
    step = step or decoder.step
    writer = TraceWriter(options, ids, prefix_ids)
    hypotheses = parts.start_hypotheses(
        1, options.beam_size, options.max_length, ids["bos"], ids["pad"], samples=options.method == "sampling"
    )
    state = parts.repeat_state(state, options.beam_size)
    limits = np.array([limit], np.int32)
    forced_ids = np.array([prefix_ids], np.int32) if len(prefix_ids) else None
    fixed = getattr(decoder, "fixed_state", ())
    for position in range(limit):
        logits, state = step(ops.reshape(hypotheses["last"], (-1,)), state)
        if edit is not None:
            state = edit(position, state)
        forced = forced_at(forced_ids, position, ids["pad"])
        uniform = None if uniforms is None else uniforms[:, :, position]
        before = hypotheses
        hypotheses, parents, candidates, chosen = advance_hypotheses(
            logits, before, position, limits, options, ids, forced, uniform
        )
        chosen = np.asarray(chosen)[0]
        writer.step(
            position,
            log_probs=np.asarray(ops.log_softmax(logits, axis=-1)),
            before=_first(before),
            after=_first(hypotheses),
            candidates=_first(candidates),
            parents=chosen if parents is None else np.asarray(parents)[0],
            chosen=chosen,
        )
        if parents is not None and options.beam_size > 1:
            state = parts.reorder(state, parents, fixed)
        if bool(parts.done(hypotheses)):
            break
    return writer.finish(_first(hypotheses))


def _first(tensors: dict) -> dict:
    return {name: np.asarray(value)[0] for name, value in tensors.items()}
