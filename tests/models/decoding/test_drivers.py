"""The driver in the graph and the one that writes the trace find the same, and the trace says what happened."""

import json
import math

import numpy as np
import pytest

from models.decoding import graph, trace, walk
from models.decoding.options import SearchOptions
from tests.models.decoding.tables import IDS, next_words
from tests.models.decoding.tables import trace as trace_of

SEARCHES = {
    "greedy": SearchOptions(beam_size=1, max_length=9),
    "beam": SearchOptions(beam_size=4, max_length=9),
    "wider than the vocabulary": SearchOptions(beam_size=13, max_length=5),
    "no length penalty": SearchOptions(beam_size=3, max_length=9, length_penalty=0.0),
    "sampling": SearchOptions(beam_size=3, max_length=9, temperature=0.8, seed=3),
    "filtered sampling": SearchOptions(beam_size=2, max_length=9, temperature=1.5, top_k=4, top_p=0.9),
}


def both(decoder, encoder, options, prefix_ids):
    """The answers of both drivers: [(ids, score)] each, and the trace."""
    state = decoder.start(encoder(np.array([[4, 9, 5, 3]], np.int32)))
    limits = np.array([options.max_length], np.int32)
    uniforms = graph.draw_uniforms(1, options) if options.method == "sampling" else None
    forced = np.array([prefix_ids], np.int32) if prefix_ids else None
    found = graph.search(decoder, state, limits, options, IDS, forced, uniforms)
    document = walk.search(decoder, state, options.max_length, options, IDS, prefix_ids, uniforms)
    rows = zip(*(np.asarray(found[name])[0] for name in ("tokens", "lengths", "scores")), strict=True)
    in_graph = [(row[:length].tolist(), float(score)) for row, length, score in rows if np.isfinite(score)]
    return in_graph, [(answer["ids"], answer["score"]) for answer in document["hypotheses"]], document


@pytest.mark.parametrize("prefix_ids", [(), (5, 8), (5, 3)], ids=["free", "prefix", "a prefix that ends"])
@pytest.mark.parametrize("name", SEARCHES)
def test_both_drivers_say_the_same_tokens_with_the_same_scores(decoder, encoder, name, prefix_ids):
    in_graph, in_python, _ = both(decoder, encoder, SEARCHES[name], prefix_ids)
    assert sorted(ids for ids, _ in in_graph) == sorted(ids for ids, _ in in_python)
    np.testing.assert_allclose([score for _, score in in_graph], [score for _, score in in_python], atol=2e-5)
    assert all(ids[: len(prefix_ids)] == list(prefix_ids) for ids, _ in in_graph)


@pytest.fixture(params=SEARCHES)
def document(request, decoder, encoder):
    return both(decoder, encoder, SEARCHES[request.param], ())[2]


def test_a_trace_is_json_with_its_format_and_version(document):
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["format"] == "carrousel.trace" and again["version"] == 1
    assert set(again) == {"format", "version", "settings", "steps", "hypotheses"}
    assert again["settings"]["method"] in ("greedy", "beam", "sampling")


def test_every_step_of_a_trace_adds_up(document):
    settings = document["settings"]
    scores = {0: 0.0}
    for number, step in enumerate(document["steps"]):
        assert step["position"] == number
        assert len(step["beams"]) <= settings["beam_size"]
        for one in step["expanded"]:
            assert one["beam"] in scores
            total = sum(math.exp(c["log_prob"]) for c in one["candidates"]) + one["rest"]["probability"]
            assert total == pytest.approx(1, abs=1e-3)
            assert [c["log_prob"] for c in one["candidates"]] == sorted(c["log_prob"] for c in one["candidates"])[::-1]
            assert 0 <= one["entropy"] <= math.log(11) + 1e-4
        for beam in step["beams"]:
            assert beam["parent"] in scores
            assert beam["normalized"] == pytest.approx(
                beam["score"] / beam["length"] ** settings["length_penalty"], abs=1e-4
            )
            if beam["frozen"]:
                assert beam["finished"] and beam["rank_in_parent"] == 0
                assert scores[beam["node"]] == beam["score"]
            else:
                assert beam["node"] not in scores
                assert beam["score"] == pytest.approx(scores[beam["parent"]] + beam["log_prob"], abs=1e-4)
                assert beam["length"] == number + 1 and beam["rank_in_parent"] >= 1
        scores |= {beam["node"]: beam["score"] for beam in step["beams"]}


def test_what_fell_is_not_better_than_what_was_kept(document):
    for step in document["steps"]:
        if settings_method(document) != "sampling":
            worst = min(beam["normalized"] for beam in step["beams"])
            assert all(fallen["normalized"] <= worst + 1e-5 and fallen["why"] for fallen in step["fallen"])
            assert all("node" not in fallen for fallen in step["fallen"])


def settings_method(document):
    return document["settings"]["method"]


def test_the_path_of_an_answer_leads_through_nodes_that_say_its_tokens(document):
    nodes = {beam["node"]: beam for step in document["steps"] for beam in step["beams"]}
    assert document["hypotheses"]
    for answer in document["hypotheses"]:
        assert [nodes[node]["id"] for node in answer["path"]] == answer["ids"]
        parents = [nodes[node]["parent"] for node in answer["path"]]
        assert parents == [0, *answer["path"][:-1]]
        assert nodes[answer["path"][-1]]["score"] == answer["score"]
        assert (answer["ended"] == "</s>") == (answer["ids"][-1] == 3)
    normalized = [answer["normalized"] for answer in document["hypotheses"]]
    assert normalized == sorted(normalized, reverse=True)


def test_a_trace_tells_the_story_of_a_table():
    # "a" (0.6) leads, then "b z" (0.4) overtakes both continuations of "a" (0.3 each), of which one falls.
    decoder = next_words({"<s>": {"a": 0.6, "b": 0.4}, "a": {"x": 0.5, "y": 0.5}, "b": {"z": 1.0}})
    first, second, third = trace_of(decoder, beam_size=2)["steps"]
    say = decoder.spell
    assert [say([beam["id"]]) for beam in first["beams"]] == ["a", "b"]
    assert [say([beam["id"]]) for beam in second["beams"]] == ["z", "x"]
    assert [say([beam["id"]]) for beam in second["fallen"]] == ["y"]
    assert [beam["parent"] for beam in second["beams"]] == [first["beams"][1]["node"], first["beams"][0]["node"]]
    assert second["beams"][1]["rank_in_parent"] == 1
    assert first["expanded"][0]["entropy"] == pytest.approx(-0.6 * math.log(0.6) - 0.4 * math.log(0.4), abs=1e-4)
    assert all(beam["finished"] for beam in third["beams"])


def test_forced_steps_are_marked():
    decoder = next_words({"<s>": {"a": 0.6, "b": 0.4}, "a": {"x": 0.5, "y": 0.5}, "b": {"z": 1.0}})
    document = trace_of(decoder, beam_size=2, prefix="b")
    assert [step["forced"] for step in document["steps"]] == [True, False, False]
    assert document["steps"][0]["beams"][0]["rank_in_parent"] == 2
    assert document["settings"]["prefix_ids"] == decoder.ids("b")


def test_texts_are_added_wherever_there_is_an_id():
    decoder = next_words({"<s>": {"a": 0.6, "b": 0.4}, "a": {"x": 0.5, "y": 0.5}, "b": {"z": 1.0}})
    document = trace.add_text(trace_of(decoder, beam_size=2), lambda ids: [decoder.words[i] for i in ids])
    assert document["hypotheses"][0]["tokens"] == ["b", "z", "."]
    step = document["steps"][1]
    for entry in [*step["beams"], *step["fallen"], *step["expanded"][0]["candidates"]]:
        assert entry["text"] == decoder.words[entry["id"]]
