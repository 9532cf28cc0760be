"""Beam search, greedy search and their parts, on tables that can be searched by hand."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from models import backend
from models.decoding import graph, parts
from models.decoding.options import GraphSearchOptions, SearchOptions
from tests.models.decoding.tables import IDS, next_words, search, translate

LOST_BY_GREEDY = {"<s>": {"a": 0.6, "b": 0.4}, "a": {"x": 0.5, "y": 0.5}, "b": {"z": 1.0}}


def test_beam_search_recovers_the_sentence_greedy_decoding_loses():
    # "a" is the likelier first word, but "b z" (0.40) beats "a x" (0.6 * 0.5 = 0.30).
    assert translate(next_words(LOST_BY_GREEDY), beam_size=1) == "a x"
    assert translate(next_words(LOST_BY_GREEDY), beam_size=2) == "b z"


def test_a_score_is_the_sum_of_log_probabilities_with_the_end_counted_in_the_length():
    # "b z ." has 0.4 * 1 * 1 and three tokens.
    [[words, score, normalized], *_] = search(next_words(LOST_BY_GREEDY), beam_size=2, length_penalty=1.0)[0]
    assert words == "b z ."
    assert score == pytest.approx(math.log(0.4), abs=1e-6)
    assert normalized == pytest.approx(math.log(0.4) / 3, abs=1e-6)


# Short: "a ." 0.5. Long: "b c d ." 0.5 * 0.8 * 0.8 = 0.32, whose mean a token is −0.285 against −0.347.
SHORT_OR_LONG = {
    "<s>": {"a": 0.5, "b": 0.5},
    "b": {"c": 0.8, ".": 0.2},
    "c": {"d": 0.8, ".": 0.2},
}


@pytest.mark.parametrize(("length_penalty", "best"), [(0.0, "a"), (1.0, "b c d")])
def test_the_length_penalty_decides_between_short_and_long(length_penalty, best):
    assert translate(next_words(SHORT_OR_LONG), beam_size=4, length_penalty=length_penalty) == best


def test_a_finished_hypothesis_keeps_its_score_while_others_grow():
    found = dict((words, score) for words, score, _ in search(next_words(SHORT_OR_LONG), beam_size=4)[0])
    assert found["a ."] == pytest.approx(math.log(0.5), abs=1e-6)
    assert found["b c d ."] == pytest.approx(math.log(0.32), abs=1e-6)
    assert found["b ."] == pytest.approx(math.log(0.1), abs=1e-6)


def test_a_finished_hypothesis_falls_when_enough_better_ones_come():
    # After two steps "a ." has −0.92 in all; then "b" grows into four that all beat it by their plain sum.
    table = {
        "<s>": {"a": 0.1, "b": 0.9},
        "b": {"c": 0.5, "d": 0.5},
        "c": {"e": 0.5, "f": 0.5},
        "d": {"g": 0.5, "h": 0.5},
    }
    kept = [words for words, *_ in search(next_words(table), beam_size=4, length_penalty=0.0)[0]]
    assert sorted(kept) == ["b c e .", "b c f .", "b d g .", "b d h ."]
    wider = [words for words, *_ in search(next_words(table), beam_size=5, length_penalty=0.0)[0]]
    assert wider[-1] == "a ."


def test_there_are_only_as_many_answers_as_sentences():
    # The beam is wider than the vocabulary and than the number of sentences there are.
    found = search(next_words(LOST_BY_GREEDY), beam_size=40)[0]
    assert [words for words, *_ in found] == ["b z .", "a x .", "a y ."]


def test_equal_scores_go_to_the_lower_id():
    table = {"<s>": {"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}}
    assert [words for words, *_ in search(next_words(table), beam_size=3)[0]] == ["a .", "b .", "c ."]


def test_each_sentence_stops_at_its_own_limit():
    endless = next_words({"<s>": {"a": 1.0}, "a": {"a": 1.0}})
    found = graph.search(
        endless, endless.start(3), np.array([1, 4, 2], np.int32), SearchOptions(beam_size=2, max_length=5), IDS
    )
    assert np.asarray(found["lengths"])[:, 0].tolist() == [1, 4, 2]
    assert np.asarray(found["tokens"])[1, 0].tolist() == [4, 4, 4, 4, 0]
    assert np.asarray(found["finished"])[:, 0].all()


def test_the_decoder_steps_only_hypotheses_that_still_grow():
    # "a" ends at once, "b" goes on for three words: two sentences, two hypotheses each.
    decoder = next_words({"<s>": {"a": 0.5, "b": 0.5}, "b": {"c": 1.0}, "c": {"d": 1.0}})
    search(decoder, batch=2, beam_size=2)
    if keras.backend.backend() == "tensorflow":
        assert decoder.rows_stepped == [2, 4, 2, 2]


def test_a_forced_prefix_is_said_and_scored_and_the_rest_is_free():
    decoder = next_words(LOST_BY_GREEDY)
    options = SearchOptions(beam_size=2, max_length=5)
    prefixes = np.array([decoder.ids("a y"), [*decoder.ids("a"), 0], [0, 0]], np.int32)
    found = graph.search(decoder, decoder.start(3), np.full(3, 5, np.int32), options, IDS, prefixes)
    spelled = [decoder.spell(row[0]) for row in np.asarray(found["tokens"])]
    assert spelled == ["a y .", "a x .", "b z ."]
    assert np.exp(np.asarray(found["scores"])[:, 0]) == pytest.approx([0.3, 0.3, 0.4], abs=1e-6)


def test_greedy_takes_the_likeliest_word_at_every_step(decoder, encoder):
    state = decoder.start(encoder(np.array([[4, 5, 3]], np.int32)))
    found = graph.search(decoder, state, np.array([8], np.int32), SearchOptions(beam_size=1, max_length=8), IDS)
    token, said = 2, []
    while len(said) < 8 and token != 3:
        logits, state = decoder.step(np.array([token], np.int32), state)
        token = int(np.argmax(np.asarray(logits)[0]))
        said.append(token)
    length = int(np.asarray(found["lengths"])[0, 0])
    assert np.asarray(found["tokens"])[0, 0, :length].tolist() == said


def every_sentence(decoder, state, longest: int) -> dict[tuple[int, ...], float]:
    """All token sequences up to a length, ended by </s> or by it, with their scores."""
    finished, growing = {}, [((), 0.0, 2, state)]
    for position in range(longest):
        ids = np.array([token for _, _, token, _ in growing], np.int32)
        states = keras.tree.map_structure(lambda *parts: ops.concatenate(parts), *[one for *_, one in growing])
        logits, after = decoder.step(ids, states)
        log_probs = np.asarray(ops.log_softmax(logits))
        grown = []
        for row, (said, score, _, _) in enumerate(growing):
            mine = keras.tree.map_structure(lambda tensor, row=row: tensor[row : row + 1], after)
            for token, log_prob in enumerate(log_probs[row]):
                one = ((*said, token), score + float(log_prob), token, mine)
                if token == 3 or position + 1 == longest:
                    finished[one[0]] = one[1]
                else:
                    grown.append(one)
        growing = grown
    return finished


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
def test_a_beam_as_wide_as_everything_finds_what_brute_force_finds(decoder, encoder, length_penalty):
    encoded = encoder(np.array([[5, 9, 3]], np.int32))
    everything = every_sentence(decoder, decoder.start(encoded), 3)
    ranked = sorted(everything, key=lambda said: -everything[said] / len(said) ** length_penalty)
    options = SearchOptions(beam_size=len(everything), max_length=3, length_penalty=length_penalty)
    found = graph.search(decoder, decoder.start(encoded), np.array([3], np.int32), options, IDS)
    lengths = np.asarray(found["lengths"])[0]
    said = [tuple(row[:n].tolist()) for row, n in zip(np.asarray(found["tokens"])[0], lengths, strict=True)]
    assert len(set(said)) == len(said) == 1 + 10 + 10 * 10 * 11
    assert said[:50] == ranked[:50]
    np.testing.assert_allclose(np.asarray(found["scores"])[0], [everything[one] for one in said], atol=1e-4)


def test_the_whole_n_best_is_sorted_by_the_score_that_is_returned_and_distinct(decoder, encoder, sources):
    found = found_for(decoder, encoder, sources, SearchOptions(beam_size=6, max_length=9))
    normalized, lengths = np.asarray(found["normalized"]), np.asarray(found["lengths"])
    assert (np.diff(normalized, axis=1) <= 0).all()
    np.testing.assert_allclose(normalized, np.asarray(found["scores"]) / lengths, rtol=1e-6)
    for rows in np.asarray(found["tokens"]):
        assert len({tuple(row) for row in rows}) == 6


def found_for(decoder, encoder, sources, options, width=0, prepared=None):
    padded = np.zeros((len(sources), max(width, *map(len, sources), 1)), np.int32)
    for row, source in enumerate(sources):
        padded[row, : len(source)] = source
    state = decoder.start(encoder(padded))
    limits = np.full(len(sources), options.max_length, np.int32)
    return graph.search(decoder, state, limits, options, IDS, prepared=prepared)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_sentence_is_answered_alike_alone_in_a_batch_and_padded_further(decoder, encoder, sources, beam_size):
    options = SearchOptions(beam_size=beam_size, max_length=9)
    together = found_for(decoder, encoder, sources, options, width=12)
    for row, source in enumerate(sources):
        alone = found_for(decoder, encoder, [source], options)
        assert np.array_equal(np.asarray(alone["tokens"])[0], np.asarray(together["tokens"])[row])
        np.testing.assert_allclose(np.asarray(alone["scores"])[0], np.asarray(together["scores"])[row], atol=1e-5)


def test_scores_are_those_of_teacher_forcing(decoder, encoder, sources):
    found = found_for(decoder, encoder, sources, SearchOptions(beam_size=3, max_length=9))
    for row, source in enumerate(sources):
        state = decoder.start(encoder(np.array([source], np.int32)))
        for place in range(3):
            said = np.asarray(found["tokens"])[row, place, : int(np.asarray(found["lengths"])[row, place])]
            log_probs = np.asarray(ops.log_softmax(decoder(np.array([[2, *said[:-1]]], np.int32), state)))[0]
            score = log_probs[np.arange(len(said)), said].sum()
            assert float(np.asarray(found["scores"])[row, place]) == pytest.approx(score, abs=1e-4)


def test_prepared_weights_change_nothing(decoder, encoder, sources):
    options = SearchOptions(beam_size=3, max_length=9)
    plain = found_for(decoder, encoder, sources, options)
    prepared = found_for(decoder, encoder, sources, options, prepared=decoder.prepare())
    assert np.array_equal(np.asarray(plain["tokens"]), np.asarray(prepared["tokens"]))
    np.testing.assert_allclose(np.asarray(plain["scores"]), np.asarray(prepared["scores"]), atol=1e-5)


def test_compiled_and_with_a_beam_size_known_only_when_it_runs_the_search_is_the_same(decoder, encoder, sources):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("sizes that vary are TensorFlow's")
    eager = found_for(decoder, encoder, sources, SearchOptions(beam_size=3, max_length=9))

    def run(source_ids, limits, beam_size, length_penalty):
        options = GraphSearchOptions(beam_size=beam_size, length_penalty=length_penalty, max_length=9)
        return graph.search(decoder, decoder.start(encoder(source_ids)), limits, options, IDS)

    signature = [((None, None), "int32"), ((None,), "int32"), ((), "int32"), ((), "float32")]
    compiled = backend.compiled(run, signature)
    padded = np.zeros((len(sources), 8), np.int32)
    for row, source in enumerate(sources):
        padded[row, : len(source)] = source
    for count in (4, 2):  # two batch sizes, one graph
        found = compiled(padded[:count], np.full(count, 9, np.int32), 3, 1.0)
        assert np.array_equal(np.asarray(found["tokens"]), np.asarray(eager["tokens"])[:count])
        np.testing.assert_allclose(np.asarray(found["scores"]), np.asarray(eager["scores"])[:count], atol=1e-5)


@pytest.mark.parametrize("vocabulary", [1024, 1040, 4000, 4007])
@pytest.mark.parametrize("count", [1, 5, 60])
def test_looking_through_blocks_finds_what_looking_through_all_finds(vocabulary, count):
    generator = np.random.default_rng(vocabulary)
    logits = generator.integers(-20, 20, (6, vocabulary)).astype(np.float32)  # many ties
    logits[2, : vocabulary // 2] = -np.inf
    values, ids = parts.likeliest(logits, count)
    # numpy: by value, then by id.
    expected = np.stack([np.lexsort((np.arange(vocabulary), -row))[:count] for row in logits])
    assert np.array_equal(np.asarray(ids), expected)
    assert np.array_equal(np.asarray(values), np.take_along_axis(logits, expected, axis=1))


def test_the_normalizer_stands_large_small_and_impossible_logits():
    logits = np.array([[800.0, 0.0, -800.0], [-1e4, -1e4, -np.inf], [0.0, -40.0, -np.inf]], np.float32)
    top, ids = parts.likeliest(logits, 2)
    expected = [[800.0], [-1e4 + math.log(2)], [0.0]]
    np.testing.assert_allclose(np.asarray(parts.log_normalizer(logits, top, ids)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("beam_size", 0, "between 1 and 10,000"),
        ("beam_size", 10**11, "between 1 and 10,000"),
        ("max_length", 10**11, "between 1 and 10,000"),
        ("temperature", float("inf"), "at least 0"),
        ("length_penalty", float("nan"), "at least 0"),
        ("seed", -5, "at least 0"),
        ("length_penalty", -1.0, "at least 0"),
        ("n_best", 6, "between 1 and beam_size"),
        ("top_p", 0.0, "above 0 and at most 1"),
    ],
)
def test_a_setting_out_of_range_is_named(field, value, rule):
    with pytest.raises(ValueError, match=f"{field} must be {rule}"):
        SearchOptions(**{field: value})
