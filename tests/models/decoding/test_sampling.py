"""Sampling: drawn by hand from given draws, filtered, and repeatable."""

import math

import numpy as np
import pytest

from models.decoding import graph, parts
from models.decoding.options import SearchOptions
from tests.models.decoding.tables import IDS, next_words

WORDS = {"<s>": {"a": 0.2, "b": 0.5, "c": 0.3}}


def drawn(uniforms, **options):
    """One word for each draw, spelled, and the scores."""
    decoder = next_words(WORDS)
    settings = SearchOptions(**{"beam_size": len(uniforms), "temperature": 1.0, "max_length": 3, **options})
    draws = np.repeat(np.array(uniforms, np.float32)[None, :, None], 3, axis=2)
    found = graph.search(decoder, decoder.start(1), np.array([3], np.int32), settings, IDS, uniforms=draws)
    words = [decoder.spell(row[:1]) for row in np.asarray(found["tokens"])[0]]
    return words, np.asarray(found["scores"])[0]


def test_a_draw_falls_on_the_word_whose_share_holds_it():
    # Shares in the vocabulary's order: a [0, 0.2), b [0.2, 0.7), c [0.7, 1). Answers are sorted, best first.
    words, _ = drawn([0.1, 0.19, 0.21, 0.69, 0.71, 0.99])
    assert sorted(words) == ["a", "a", "b", "b", "c", "c"]
    assert words[:2] == ["b", "b"]


def test_the_score_is_the_models_own_whatever_the_temperature():
    words, scores = drawn([0.5], temperature=3.0)
    assert words == ["b"]
    assert scores[0] == pytest.approx(math.log(0.5), abs=1e-6)


def test_a_low_temperature_takes_the_likeliest():
    assert drawn([0.02, 0.98], temperature=0.05)[0] == ["b", "b"]


def test_top_k_leaves_the_k_likeliest():
    # b and c remain: b [0, 0.625), c [0.625, 1).
    assert sorted(drawn([0.01, 0.62, 0.63, 0.999], top_k=2)[0]) == ["b", "b", "c", "c"]


def test_top_p_leaves_the_fewest_that_reach_the_share():
    assert drawn([0.01, 0.999], top_p=0.49)[0] == ["b", "b"]
    assert sorted(drawn([0.01, 0.999], top_p=0.51)[0]) == ["b", "c"]


def test_a_draw_just_below_one_never_falls_on_a_word_that_was_filtered_out():
    logits = np.random.default_rng(0).normal(size=(1, 4000)).astype(np.float32)
    logits[0, -1] = -50.0
    hypotheses = parts.start_hypotheses(1, 1, 3, 2, 0, samples=True)
    options = SearchOptions(beam_size=1, temperature=1.0, top_k=10)
    candidates = parts.draw(logits, hypotheses, np.array([[np.nextafter(1, 0, dtype=np.float32)]]), 0, options)
    assert int(np.asarray(candidates["ids"])[0, 0, 0]) in np.argsort(-logits[0])[:10]


def test_the_seed_decides_and_each_sentence_of_a_batch_is_answered_as_alone():
    one = graph.draw_uniforms(1, SearchOptions(beam_size=3, temperature=1.0, max_length=4, seed=7))
    three = graph.draw_uniforms(3, SearchOptions(beam_size=3, temperature=1.0, max_length=4, seed=7))
    other = graph.draw_uniforms(1, SearchOptions(beam_size=3, temperature=1.0, max_length=4, seed=8))
    assert one.shape == (1, 3, 4)
    assert (three == one).all()
    assert not (other == one).any()


def test_frequencies_are_the_probabilities():
    uniforms = np.random.default_rng(0).random(2_000)
    words, _ = drawn(list(uniforms))
    shares = [words.count(word) / 2_000 for word in "abc"]
    assert shares == pytest.approx([0.2, 0.5, 0.3], abs=0.03)
