"""What searches are made of. Every part works on whole batches and is used by both drivers.

Hypotheses of a batch are a dictionary of tensors, n sentences with k hypotheses each, best first (k may be known only when the graph runs):

- `tokens` int32 (n, k, L): what was said, padding behind it;
- `last` int32 (n, k): the newest token, `<s>` at first;
- `scores` float32 (n, k): sums of log-probabilities; −inf marks a place that no hypothesis has taken;
- `lengths` int32 (n, k): tokens said, `</s>` included;
- `finished` bool (n, k): `</s>` was said, or the length limit reached. A finished hypothesis is frozen: it neither
  grows nor changes its score, and keeps its place as long as it is among the k best.
"""

from __future__ import annotations

import keras
from keras import ops

NOTHING = float("-inf")


def start_hypotheses(batch, beam_size: int, max_length: int, bos_id: int, pad_id: int, samples: bool = False) -> dict:
    """The empty hypotheses.

    A beam search starts with one for each sentence (the other places are empty, or all would say the same); sampling
    starts with all of them.
    """
    shape = (batch, beam_size)
    places = ops.broadcast_to(ops.expand_dims(ops.arange(beam_size, dtype="int32"), 0), shape)
    scores = ops.zeros(shape, "float32")
    if not samples:
        scores = ops.where(places == 0, scores, NOTHING)
    return {
        "tokens": ops.full((batch, beam_size, max_length), pad_id, dtype="int32"),
        "last": ops.full(shape, bos_id, dtype="int32"),
        "scores": scores,
        "lengths": ops.zeros(shape, "int32"),
        "finished": ops.zeros(shape, "bool"),
    }


def normalise(scores, lengths, length_penalty: float):
    """score / length ** length_penalty: by what hypotheses of different lengths are compared.

    With 1 it is the mean log-probability a token (Cho et al. 2014, "On the Properties of Neural Machine Translation",
    section 4); the exponent is as in Jean et al. 2015 and OpenNMT's "avg" generalised.

    Args:
        scores: float32, sums of log-probabilities.
        lengths: int32, the same shape; 0 counts as 1.
    """
    lengths = ops.cast(ops.maximum(lengths, 1), "float32")
    return scores / lengths**length_penalty


def propose(logits, hypotheses: dict, width: int, pad_id: int) -> dict:
    """Each hypothesis' likeliest continuations. A finished one proposes itself alone, as it is.

    Args:
        logits: float32 (n · k, vocabulary).
        hypotheses: see this module.
        width: continuations a hypothesis.

    Returns:
        A dictionary of (n, k, width): `ids` int32, `log_probs` float32 of that token, `scores` float32 of the
        hypothesis with it, `lengths` int32.
    """
    top, ids = ops.top_k(logits, width)
    log_probs = top - ops.logsumexp(logits, axis=-1, keepdims=True)
    shape = (-1, ops.shape(hypotheses["scores"])[1], width)
    return _candidates(ops.reshape(ids, shape), ops.reshape(log_probs, shape), hypotheses, pad_id)


def propose_forced(logits, hypotheses: dict, width: int, pad_id: int, forced_ids) -> dict:
    """As `propose`, but a sentence whose `forced_ids` (int32 (n,)) is not padding may only say that token."""
    free = propose(logits, hypotheses, width, pad_id)
    beam_size = ops.shape(hypotheses["scores"])[1]
    chosen = ops.repeat(forced_ids, beam_size, axis=0)
    log_probs = ops.take_along_axis(ops.log_softmax(logits, axis=-1), ops.expand_dims(chosen, -1), axis=-1)
    log_probs = ops.reshape(log_probs, (-1, beam_size, 1))
    ids = ops.broadcast_to(ops.reshape(forced_ids, (-1, 1, 1)), ops.shape(free["ids"]))
    first = ops.arange(width, dtype="int32") == 0
    forced = _candidates(ids, ops.where(first, log_probs, NOTHING), hypotheses, pad_id)
    is_forced = ops.reshape(ops.not_equal(forced_ids, pad_id), (-1, 1, 1))
    return {name: ops.where(is_forced, forced[name], free[name]) for name in free}


def _candidates(ids, log_probs, hypotheses: dict, pad_id: int) -> dict:
    first = ops.arange(ops.shape(ids)[-1], dtype="int32") == 0
    finished = ops.expand_dims(hypotheses["finished"], -1)
    log_probs = ops.where(finished, ops.where(first, 0.0, NOTHING), log_probs)
    ids = ops.where(finished, pad_id, ids)
    lengths = ops.expand_dims(hypotheses["lengths"], -1) + ops.where(finished, 0, 1)
    return {
        "ids": ids,
        "log_probs": log_probs,
        "scores": ops.expand_dims(hypotheses["scores"], -1) + log_probs,
        "lengths": ops.broadcast_to(lengths, ops.shape(ids)),
    }


def keep_best(candidates: dict, beam_size: int, length_penalty: float):
    """Chooses the candidates that survive, by normalised score; the earlier place wins a tie.

    The growing ones all have the same length, so among them the plain sum decides; the exponent matters only between
    growing and finished ones.

    Returns:
        parents: int32 (n, beam_size), which hypothesis each survivor extends.
        chosen: int32 (n, beam_size), its place among all candidates of its sentence.
    """
    width = ops.shape(candidates["ids"])[-1]
    ranked = normalise(candidates["scores"], candidates["lengths"], length_penalty)
    _, chosen = ops.top_k(ops.reshape(ranked, (-1, beam_size * width)), beam_size)
    return chosen // width, chosen


def draw(logits, hypotheses: dict, uniform, pad_id: int, temperature: float, top_k: int, top_p: float):
    """Draws each hypothesis' next token: one candidate a hypothesis, of width 1.

    The score counts the model's own log-probability, before temperature and filters.

    Args:
        logits: float32 (n · k, vocabulary).
        uniform: float32 (n, k), a draw from [0, 1) for each hypothesis: the token is where the cumulative probability
            passes it, so that both drivers and every backend draw alike.
    """
    filtered = filter_logits(logits / temperature, top_k, top_p)
    cumulative = ops.cumsum(ops.softmax(filtered, axis=-1), axis=-1)
    below = cumulative <= ops.reshape(uniform, (-1, 1)) * cumulative[:, -1:]
    ids = ops.minimum(ops.sum(ops.cast(below, "int32"), axis=-1, keepdims=True), logits.shape[-1] - 1)
    log_probs = ops.take_along_axis(ops.log_softmax(logits, axis=-1), ids, axis=-1)
    shape = (-1, ops.shape(hypotheses["scores"])[1], 1)
    return _candidates(ops.reshape(ids, shape), ops.reshape(log_probs, shape), hypotheses, pad_id)


def filter_logits(logits, top_k: int, top_p: float):
    """−inf for all but the `top_k` likeliest tokens, and all but the likeliest that together reach `top_p`."""
    if top_k and top_k < logits.shape[-1]:
        lowest = ops.top_k(logits, top_k)[0][:, -1:]
        logits = ops.where(logits < lowest, NOTHING, logits)
    if top_p < 1:
        ordered = ops.flip(ops.sort(logits, axis=-1), axis=-1)
        probabilities = ops.softmax(ordered, axis=-1)
        before = ops.cumsum(probabilities, axis=-1) - probabilities  # the token that passes the mark stays in
        lowest = ops.min(ops.where(before < top_p, ordered, float("inf")), axis=-1, keepdims=True)
        logits = ops.where(logits < lowest, NOTHING, logits)
    return logits


def extend(hypotheses: dict, candidates: dict, parents, chosen, position, limits, eos_id: int) -> dict:
    """The hypotheses after the survivors were chosen.

    Args:
        parents, chosen: from `keep_best`.
        position: int scalar, the number of this step, from 0.
        limits: int32 (n,), most tokens a sentence's hypotheses may have.
    """
    beam_size = ops.shape(hypotheses["scores"])[1]

    def pick(values):
        return ops.take_along_axis(ops.reshape(values, (-1, beam_size * ops.shape(values)[-1])), chosen, axis=1)

    ids, scores, lengths = pick(candidates["ids"]), pick(candidates["scores"]), pick(candidates["lengths"])
    was_finished = ops.take_along_axis(hypotheses["finished"], parents, axis=1)
    tokens = ops.take_along_axis(hypotheses["tokens"], ops.expand_dims(parents, -1), axis=1)
    here = ops.arange(tokens.shape[-1], dtype="int32") == position
    ended = ops.logical_or(ids == eos_id, lengths >= ops.expand_dims(limits, -1))
    return {
        "tokens": ops.where(here, ops.expand_dims(ids, -1), tokens),
        "last": ids,
        "scores": scores,
        "lengths": lengths,
        "finished": ops.logical_or(was_finished, ended),
    }


def done(hypotheses: dict):
    """bool scalar: every place is finished or empty."""
    empty = hypotheses["scores"] == NOTHING
    return ops.all(ops.logical_or(hypotheses["finished"], empty))


def repeat_state(state, beam_size: int):
    """Gives each of a sentence's hypotheses its copy of the state. (n, …) → (n · beam_size, …)."""
    if isinstance(beam_size, int) and beam_size == 1:
        return state
    return keras.tree.map_structure(lambda tensor: ops.repeat(tensor, beam_size, axis=0), state)


def reorder(state, parents, fixed: tuple[str, ...] = ()):
    """Gives each survivor the state of the hypothesis that it extends.

    Args:
        state: a nest of (n · k, …), a dictionary at the top.
        parents: int32 (n, k).
        fixed: names in `state` that are the same for all hypotheses of a sentence and so stay as they are.
    """
    batch, beam_size = ops.shape(parents)
    rows = ops.reshape(parents + ops.expand_dims(ops.arange(batch, dtype="int32"), -1) * beam_size, (-1,))
    moved = {name: value for name, value in state.items() if name not in fixed}
    moved = keras.tree.map_structure(lambda tensor: ops.take(tensor, rows, axis=0), moved)
    return {**state, **moved}


def rank(hypotheses: dict, length_penalty: float) -> dict:
    """Sorts each sentence's hypotheses by normalised score, best first, and adds it as `normalized`."""
    normalized = normalise(hypotheses["scores"], hypotheses["lengths"], length_penalty)
    normalized, order = ops.top_k(normalized, ops.shape(normalized)[1])
    ordered = {
        name: ops.take_along_axis(value, ops.expand_dims(order, -1) if name == "tokens" else order, axis=1)
        for name, value in hypotheses.items()
        if name != "last"
    }
    return {**ordered, "normalized": normalized}
