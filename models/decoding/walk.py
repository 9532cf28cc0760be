"""The driver that loops in Python, one step of one sentence at a time, and writes the trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from models.decoding import parts
from models.decoding.graph import advance_hypotheses
from models.decoding.options import SearchOptions
from models.decoding.trace import TraceWriter


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """`SearchOptions` of which some are tensors; see there."""

    beam_size: int
    max_length: int
    method: str
    top_k: int
    top_p: float
    length_penalty: Any
    temperature: Any


def search(
    decoder,
    state,
    limit: int,
    options: SearchOptions,
    ids: dict,
    prefix_ids=(),
    uniforms=None,
    advance: Callable | None = None,
    held: Callable[[int], Any] | None = None,
) -> dict[str, Any]:
    """Searches as `graph.search` does, for one sentence, and tells all.

    Args:
        decoder, options, ids: see `graph.search`.
        state: from `decoder.start`, a nest of (1, …).
        limit: most tokens.
        prefix_ids: tokens that every hypothesis must begin with.
        uniforms: float32 (1, beam_size, max_length) for sampling, or None.
        advance: `whole_step` of the same options, compiled; None runs it as it is, which is slow.
        held: position → what `advance` holds there, see `models.explain.explainer.Explainer.held_at`: how a picture
            asks what would happen if a unit were silent.

    Returns:
        A DecodingTrace without texts, see `models.decoding.trace`.
    """
    advance = advance or whole_step(decoder, options, ids)
    writer = TraceWriter(options, ids, prefix_ids)
    hypotheses = parts.start_hypotheses(
        1, options.beam_size, options.max_length, ids["bos"], ids["pad"], samples=options.method == "sampling"
    )
    state = keras.tree.map_structure(lambda tensor: np.repeat(np.asarray(tensor), options.beam_size, axis=0), state)
    numbers = {"length_penalty": np.float32(options.length_penalty), "temperature": np.float32(options.temperature)}
    limits, before = np.array([limit], np.int32), _first(hypotheses)
    for position in range(limit):
        forced = np.array([prefix_ids[position] if position < len(prefix_ids) else ids["pad"]], np.int32)
        uniform = np.zeros((1, options.beam_size), np.float32) if uniforms is None else uniforms[:, :, position]
        holds = held(position) if held else []
        step = advance(hypotheses, state, np.int32(position), limits, forced, uniform, holds, numbers)
        hypotheses, state = step["hypotheses"], step["state"]
        after = _first(hypotheses)
        writer.step(
            position,
            log_probs=np.asarray(step["log_probs"]),
            before=before,
            after=after,
            candidates=_first(step["candidates"]),
            parents=np.asarray(step["parents"])[0],
            chosen=np.asarray(step["chosen"])[0],
        )
        before = after
        if bool(step["done"]):
            break
    return writer.finish(before)


def whole_step(decoder, options: SearchOptions, ids: dict, step: Callable | None = None) -> Callable:
    """One whole step of a search as a function of tensors, to be compiled.

    Args:
        decoder, options, ids: see `graph.search`.
        step: (token ids, state, held) → (logits, state), in place of `decoder.step`.

    Returns:
        A function of the hypotheses, the state, the position, the limits (1,), the forced token (1,) or padding, the
        draws (1, beam_size), what is held, and the numbers `length_penalty` and `temperature` (of `options` only the
        rest is built in: a slider that moves compiles nothing); it gives all that a trace is written from, and whether
        the search is done.
    """
    fixed = getattr(decoder, "fixed_state", ())
    built_in = {name: getattr(options, name) for name in ("beam_size", "max_length", "method", "top_k", "top_p")}

    def advance(hypotheses, state, position, limits, forced, uniform, held, numbers):
        token_ids = ops.reshape(hypotheses["last"], (-1,))
        logits, state = step(token_ids, state, held) if step else decoder.step(token_ids, state)
        after, parents, candidates, chosen = advance_hypotheses(
            logits, hypotheses, position, limits, StepOptions(**built_in, **numbers), ids, forced, uniform
        )
        if parents is not None and not parts.surely_one(options.beam_size):
            state = parts.reorder(state, parents, fixed)
        return {
            "hypotheses": after,
            "state": state,
            "log_probs": ops.log_softmax(logits, axis=-1),
            "candidates": candidates,
            "parents": chosen if parents is None else parents,
            "chosen": chosen,
            "done": parts.done(after),
        }

    return advance


def _first(tensors: dict) -> dict:
    return {name: np.asarray(value)[0] for name, value in tensors.items()}
