"""BLEU and chrF: sacreBLEU's numbers, and the cases that are easy to get wrong."""

import pytest

from metrics.bleu import bleu_by_length, corpus_bleu, corpus_scores, sentence_bleu

HYPOTHESES = ["A dog runs on the beach .", "Two men are eating in a kitchen ."]


def test_a_perfect_translation_scores_100():
    scores = corpus_scores(HYPOTHESES, HYPOTHESES)
    assert scores.bleu == pytest.approx(100)
    assert scores.chrf == pytest.approx(100)
    assert (scores.sentences, scores.brevity_penalty, scores.length_ratio) == (2, 1, 1)


def test_bleu_by_hand():
    # Matches of orders 1 to 4: 4 of 5, 3 of 4, 2 of 3, 1 of 2; as long as the reference.
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert corpus_bleu(["a b c d x"], ["a b c d e"]) == pytest.approx(expected)


def test_case_counts_only_where_it_is_said():
    scores = corpus_scores(["A DOG RUNS HERE ."], ["a dog runs here ."])
    assert scores.bleu < 50
    assert scores.bleu_lowercased == pytest.approx(100)
    assert scores.chrf < scores.chrf_lowercased


def test_the_signatures_say_how_it_was_counted():
    signatures = corpus_scores(HYPOTHESES, HYPOTHESES).signatures
    assert "case:mixed" in signatures["bleu"] and "tok:13a" in signatures["bleu"]
    assert "case:lc" in signatures["bleu_lowercased"]
    assert "nc:6" in signatures["chrf"]


def test_the_order_of_arguments_matters():
    # A short hypothesis is punished, a short reference is not in the same way.
    assert corpus_bleu(["a b c d"], ["a b c d e f"]) != corpus_bleu(["a b c d e f"], ["a b c d"])
    assert corpus_scores(["a b c d"], ["a b c d e f"]).brevity_penalty < 1


def test_a_sentence_without_common_words_is_worse_than_one_with_some():
    reference = "a dog runs on the beach"
    assert sentence_bleu(reference, reference) == pytest.approx(100)
    assert sentence_bleu("no", "no") == pytest.approx(100)
    assert (
        0 <= sentence_bleu("x y z", reference) < sentence_bleu("a cat", reference) < sentence_bleu("a dog", reference)
    )
    assert sentence_bleu("", reference) == 0


def test_bleu_by_length_sorts_sentences_into_buckets():
    buckets = bleu_by_length(
        ["a b c d", "x x x x", "a b c d e"], ["a b c d", "a b c d", "a b c d e"], [4, 9, 5], edges=(1, 5, 20)
    )
    assert [(b.shortest, b.longest, b.sentences) for b in buckets] == [(1, 4, 1), (5, 19, 2), (20, None, 0)]
    assert buckets[0].bleu == pytest.approx(100)
    assert 0 < buckets[1].bleu < 100
    assert buckets[2].bleu is None


def test_all_sentences_in_one_bucket_give_the_corpus_score():
    hypotheses, references = ["a b c d x", "p q r s"], ["a b c d e", "p q r t"]
    assert bleu_by_length(hypotheses, references, [5, 4], edges=(1,))[0].bleu == corpus_bleu(hypotheses, references)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: corpus_scores(["a"], ["a", "b"]), "1 hypotheses and 2 references"),
        (lambda: corpus_bleu([], []), "nothing to score"),
        (lambda: bleu_by_length(["a"], ["a"], [1, 2]), "2 source lengths"),
        (lambda: bleu_by_length(["a"], ["a"], [1], edges=(5, 1)), "edges must rise"),
    ],
)
def test_what_does_not_fit_together_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
