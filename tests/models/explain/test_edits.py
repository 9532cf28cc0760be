"""Units held by hand."""

import numpy as np
import pytest

from models.decoding import graph, walk
from models.decoding.options import SearchOptions
from models.explain.edits import Edit, holds
from models.explain.explainer import Explainer
from tests.models.explain.test_readings import SOURCE, build

IDS = {"bos": 2, "eos": 3, "pad": 0}
TARGET = [5, 6, 7, 3]


def unit(action, from_step, number=2, stream="decoder 1", value=0.0):
    return Edit(stream=stream, unit=number, action=action, from_step=from_step, value=value)


def test_edits_become_three_numbers_a_unit_and_step():
    held = holds([unit("one", 1), unit("freeze", 2), unit("zero", 0, stream="decoder 2")], "decoder 1", 3, 4)
    assert held[:, :, 2].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]  # keep, freeze, value; the later edit wins
    assert held[:, :, 0].tolist() == [[1, 0, 0]] * 3


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "peephole", "block", "coupled"])
def test_a_held_unit_has_its_value_from_its_step_on_and_the_output_follows(cell):
    explainer = Explainer(*build(cell, layers=1), bos_id=2)
    name = "hidden" if cell in ("gru", "rnn") else "cell"
    plain = explainer.read(SOURCE, TARGET)[2].series
    one = explainer.read(SOURCE, TARGET, [unit("one", 1)])[2].series
    frozen = explainer.read(SOURCE, TARGET, [unit("freeze", 2)])[2].series
    assert one[name][1:, 2].tolist() == [1, 1, 1] and one[name][0, 2] == plain[name][0, 2]
    assert frozen[name][:, 2].tolist() == [*plain[name][:2, 2], plain[name][1, 2], plain[name][1, 2]]
    if name == "cell":
        gate = one["output"][1, 2 * one["output"].shape[1] // one["cell"].shape[1]]
        np.testing.assert_allclose(one["hidden"][1, 2], gate * np.tanh(1), rtol=1e-5)
    assert not np.allclose(one["hidden"][2], plain["hidden"][2])


def test_a_unit_of_the_encoder_changes_the_summary():
    explainer = Explainer(*build(layers=1), bos_id=2)
    backward = unit("one", 0, stream="encoder 1 backward")
    held = explainer.read(SOURCE, TARGET, [backward])
    assert held[1].series["cell"][:, 2].tolist() == [1] * 5
    plain, edited = explainer.start(SOURCE), explainer.start(SOURCE, [backward])
    assert not np.allclose(plain["layers"][0][0], edited["layers"][0][0])
    np.testing.assert_allclose(held[2].start["hidden"], edited["layers"][0][0][0], atol=1e-6)
    first_read = explainer.read(SOURCE, TARGET, [unit("one", 4, stream="encoder 1 backward")])[1].series["cell"][:, 2]
    assert first_read[0] == 1 and not np.any(first_read[1:] == 1)  # steps count in reading order


def test_an_edit_of_what_does_not_exist_is_refused():
    explainer = Explainer(*build(layers=1), bos_id=2)
    with pytest.raises(ValueError, match="no layer 'decoder 7'"):
        explainer.check([unit("zero", 0, stream="decoder 7")])
    with pytest.raises(ValueError, match="units 0 to 7, not 8"):
        explainer.check([unit("zero", 0, number=8)])
    with pytest.raises(ValueError, match="must be one of"):
        unit("double", 0)


def test_a_search_with_nothing_held_is_the_search_in_the_graph():
    encoder, decoder = build()
    explainer = Explainer(encoder, decoder, bos_id=2)
    options = SearchOptions(beam_size=3, max_length=8)
    step = walk.whole_step(decoder, options, IDS, explainer.step)
    state = decoder.start(encoder(SOURCE))
    trace = walk.search(decoder, state, 8, options, IDS, advance=step, held=explainer.held_at([]))
    found = graph.search(decoder, state, np.array([8], np.int32), options, IDS)
    for answer, tokens, score in zip(
        trace["hypotheses"], np.asarray(found["tokens"])[0], np.asarray(found["scores"])[0], strict=True
    ):
        assert answer["ids"] == tokens[: len(answer["ids"])].tolist()
        np.testing.assert_allclose(answer["score"], score, atol=1e-4)


def test_a_search_with_a_unit_held_says_what_the_readings_say():
    encoder, decoder = build()
    explainer = Explainer(encoder, decoder, bos_id=2)
    edits = [unit("one", 1), unit("freeze", 2, number=5, stream="decoder 2")]
    options = SearchOptions(beam_size=1, max_length=5)
    step = walk.whole_step(decoder, options, IDS, explainer.step)
    trace = walk.search(
        decoder, explainer.start(SOURCE, edits), 5, options, IDS, advance=step, held=explainer.held_at(edits)
    )
    path = trace["hypotheses"][0]["ids"]
    readings = explainer.read(SOURCE, path, edits)
    top = readings[4].series["hidden"] + readings[5].series["hidden"]  # the decoder's layers are residual
    state = explainer.start(SOURCE, edits)
    logits = np.asarray(decoder.logits(top[:, None][:, 0], {**state, "context": _rows(state["context"], len(path))}))
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for position, token in enumerate(path):
        candidates = {c["id"]: c["log_prob"] for c in trace["steps"][position]["expanded"][0]["candidates"]}
        np.testing.assert_allclose(candidates[token], log_probs[position, token], atol=1e-3)


def _rows(context, count):
    return {name: np.repeat(np.asarray(value), count, axis=0) for name, value in context.items()}
