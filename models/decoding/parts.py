"""What searches are made of. Every part works on whole batches and is used by both drivers.

Hypotheses of a batch are a dictionary of tensors, n sentences with k hypotheses each, best first; both numbers may be
known only when the graph runs:

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

from models import backend
from models.decoding.options import GraphSearchOptions, SearchOptions

NOTHING = float("-inf")
BLOCK = 80  # tokens; near the square root of usual vocabularies, and a divisor of round ones
SMALL_VOCABULARY = 1024  # below, one heap is quicker than two


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


def propose(logits, hypotheses: dict, width: int, pad_id: int, growing: dict | None = None, forced_ids=None) -> dict:
    """Each hypothesis' likeliest continuations. A finished one proposes itself alone, as it is.

    Args:
        logits: float32 (n · k, vocabulary); with `growing` its rows alone.
        hypotheses: see this module.
        width: continuations a hypothesis.
        growing: from `growing_rows`, where `logits` has only these; or None.
        forced_ids: int32 (n,); a sentence whose entry is not padding may only say that token. Or None.

    Returns:
        A dictionary of (n, k, width): `ids` int32, `log_probs` float32 of that token, `scores` float32 of the
        hypothesis with it, `lengths` int32.
    """
    top, ids = likeliest(logits, width)
    normalizer = log_normalizer(logits, top, ids)
    log_probs = top - normalizer
    if forced_ids is not None:
        forced = ops.expand_dims(of_sentences(forced_ids, hypotheses, growing), -1)
        must = backend.take_within(logits, forced) - normalizer
        must = ops.where(ops.arange(width, dtype="int32") == 0, must, NOTHING)
        is_forced = ops.not_equal(forced, pad_id)
        ids, log_probs = ops.where(is_forced, forced, ids), ops.where(is_forced, must, log_probs)
    return _candidates(ids, log_probs, hypotheses, pad_id, growing)


def likeliest(logits, count: int):
    """The largest logits and their ids, largest first; the lower id wins a tie, as in `ops.top_k`.

    A heap over thousands of tokens costs as much as the product that made them. So the vocabulary is cut into blocks,
    and only the `count` blocks with the largest maxima are looked through: they hold the `count` largest.

    Args:
        logits: float32 (rows, vocabulary).
        count: how many, at most the vocabulary.

    Returns:
        values: float32 (rows, count).
        ids: int32 (rows, count).
    """
    vocabulary = logits.shape[-1]
    if surely_one(count) or vocabulary < SMALL_VOCABULARY:
        return ops.top_k(logits, count)
    blocks = -(-vocabulary // BLOCK)
    padded = logits
    if vocabulary % BLOCK:
        padded = ops.pad(logits, ((0, 0), (0, blocks * BLOCK - vocabulary)), constant_values=NOTHING)
    padded = ops.reshape(padded, (-1, BLOCK))
    maxima = ops.reshape(ops.max(padded, axis=-1), (-1, blocks))
    smaller = min if isinstance(count, int) else ops.minimum
    chosen = smaller(count, blocks)
    best = ops.sort(ops.top_k(maxima, chosen)[1], axis=-1)  # in their order, so that the lower id wins a tie
    rows = ops.expand_dims(ops.arange(ops.shape(logits)[0], dtype="int32"), -1)
    found = backend.take(padded, ops.reshape(rows * blocks + best, (-1,)))
    values, places = ops.top_k(ops.reshape(found, (-1, chosen * BLOCK)), count)
    return values, backend.take_within(best, places // BLOCK) * BLOCK + places % BLOCK


def log_normalizer(logits, top, ids):
    """The logarithm of the sum of exp(logits), float32 (rows, 1), from the largest logits, see `likeliest`.

    It is the largest logit less the logarithm of its probability, which is never below 1 / vocabulary: the softmax
    is one pass where the logarithm of a sum takes four.
    """
    probability = backend.take_within(ops.softmax(logits, axis=-1), ids[:, :1])
    return top[:, :1] - ops.log(probability)


def _candidates(ids, log_probs, hypotheses: dict, pad_id: int, growing: dict | None = None) -> dict:
    """(rows, width) → (n, k, width), with what finished hypotheses propose."""
    if growing is not None:
        ids, log_probs = (backend.take(values, growing["places"]) for values in (ids, log_probs))
    shape = (-1, ops.shape(hypotheses["scores"])[1], ops.shape(ids)[-1])
    ids, log_probs = ops.reshape(ids, shape), ops.reshape(log_probs, shape)
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


def growing_rows(hypotheses: dict) -> dict:
    """Where the hypotheses are that can still grow: only these need a step of the decoder.

    Returns:
        `rows` int32 (g,): their places among all n · k, in order; under JAX, whose shapes are fixed, all places.
        `places` int32 (n · k,): for each place its number within `rows`; where nothing grows it means nothing.
    """
    growing = ops.logical_and(hypotheses["scores"] > NOTHING, ops.logical_not(hypotheses["finished"]))
    rows, places = backend.true_places(ops.reshape(growing, (-1,)))
    return {"rows": rows, "places": places}


def of_sentences(values, hypotheses: dict, growing: dict | None):
    """What belongs to a sentence for each of the rows of its hypotheses. (n, …) → (n · k, …), or (g, …)."""
    beam_size = ops.shape(hypotheses["scores"])[1]
    if growing is None:
        return ops.repeat(values, beam_size, axis=0)
    return backend.take(values, growing["rows"] // beam_size)


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


def draw(
    logits,
    hypotheses: dict,
    uniform,
    pad_id: int,
    options: SearchOptions | GraphSearchOptions,
    growing: dict | None = None,
    forced_ids=None,
) -> dict:
    """Draws each hypothesis' next token: one candidate a hypothesis, of width 1.

    The score counts the model's own log-probability, before temperature and filters.

    Args:
        logits, hypotheses, growing, forced_ids: see `propose`.
        uniform: float32 (n, k), a draw from [0, 1) for each hypothesis: the token is where the cumulative probability
            passes it, so that both drivers and every backend draw alike.
        options: temperature, top_k, top_p.
    """
    uniform = ops.reshape(uniform, (-1, 1))
    if growing is not None:
        uniform = backend.take(uniform, growing["rows"])
    filtered = filter_logits(logits / options.temperature, options.top_k, options.top_p)
    probabilities = ops.softmax(filtered, axis=-1)
    cumulative = ops.cumsum(probabilities, axis=-1)
    below = cumulative <= uniform * cumulative[:, -1:]
    ids = ops.sum(ops.cast(below, "int32"), axis=-1, keepdims=True)
    # Rounding can carry a draw just below 1 beyond the last token that was left.
    ids = ops.minimum(ids, _last_possible(probabilities))
    if forced_ids is not None:
        forced = ops.expand_dims(of_sentences(forced_ids, hypotheses, growing), -1)
        ids = ops.where(ops.not_equal(forced, pad_id), forced, ids)
    log_probs = backend.take_within(ops.log_softmax(logits, axis=-1), ids)
    return _candidates(ids, log_probs, hypotheses, pad_id, growing)


def _last_possible(probabilities):
    """The highest id that has a probability. float32 (rows, vocabulary) → int32 (rows, 1)."""
    ids = ops.arange(probabilities.shape[-1], dtype="int32")
    return ops.max(ops.where(probabilities > 0, ids, 0), axis=-1, keepdims=True)


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
        return backend.take_within(ops.reshape(values, (-1, beam_size * ops.shape(values)[-1])), chosen)

    ids, scores, lengths = pick(candidates["ids"]), pick(candidates["scores"]), pick(candidates["lengths"])
    was_finished = backend.take_within(hypotheses["finished"], parents)
    tokens = backend.take_within(hypotheses["tokens"], parents)
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
    if surely_one(beam_size):
        return state
    return keras.tree.map_structure(lambda tensor: ops.repeat(tensor, beam_size, axis=0), state)


def surely_one(beam_size) -> bool:
    """Whether the beam is known to be 1 while the graph is built, so that states need no copies and no sorting."""
    return isinstance(beam_size, int) and beam_size == 1


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
    moved = keras.tree.map_structure(lambda tensor: backend.take(tensor, rows), moved)
    return {**state, **moved}


def rank(hypotheses: dict, length_penalty: float) -> dict:
    """Sorts each sentence's hypotheses by normalised score, best first, and adds it as `normalized`."""
    normalized = normalise(hypotheses["scores"], hypotheses["lengths"], length_penalty)
    normalized, order = ops.top_k(normalized, ops.shape(normalized)[1])
    ordered = {name: backend.take_within(value, order) for name, value in hypotheses.items() if name != "last"}
    return {**ordered, "normalized": normalized}
