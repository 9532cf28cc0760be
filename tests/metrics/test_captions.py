"""BLEU, ROUGE-L and CIDEr-D as the COCO evaluation counts them: its own values, and cases to check by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from metrics.captions import SentenceBleu, caption_scores, corpus_bleu_n, rouge_l, tokens_of
from metrics.cider import CiderD, DocumentFrequencies

COCO = json.loads((Path(__file__).parent / "fixtures" / "coco_scores.json").read_text())
THEIRS = COCO["pycocoevalcap 1.2"]


def words(*captions):
    return [caption.split() for caption in captions]


def test_all_scores_are_those_of_the_coco_evaluation():
    scores = caption_scores(COCO["hypotheses"], COCO["references"])
    assert scores.cider_d == pytest.approx(100 * THEIRS["cider_d"], abs=1e-6)
    bleu = [scores.bleu_1, scores.bleu_2, scores.bleu_3, scores.bleu_4]
    assert bleu == pytest.approx([100 * value for value in THEIRS["bleu"]], abs=1e-4)
    assert scores.rouge_l == pytest.approx(100 * THEIRS["rouge_l"], abs=1e-6)
    assert (scores.captions, scores.references) == (8, 19 / 8)


def test_so_is_the_cider_of_every_caption():
    cider = CiderD([words(*item) for item in COCO["references"]])
    found = cider.scores(range(8), words(*COCO["hypotheses"]))
    assert found == pytest.approx(THEIRS["cider_d_each"], abs=1e-9)


def test_and_the_rouge_of_every_caption():
    pairs = zip(COCO["hypotheses"], COCO["references"], strict=True)
    found = [rouge_l(one.split(), words(*item)) for one, item in pairs]
    assert found == pytest.approx(THEIRS["rouge_l_each"], abs=1e-9)


def test_bleu_by_hand():
    # Of "a a b": "a" counts once only; one of two pairs is there; the closest reference has two words, so no penalty.
    bleu_1, bleu_2, bleu_3, _ = corpus_bleu_n([["a", "a", "b"]], [words("a b", "c b x y z")])
    assert bleu_1 == pytest.approx(100 * 2 / 3)
    assert bleu_2 == pytest.approx(100 * math.sqrt(2 / 3 * 1 / 2))
    assert bleu_3 == 0


def test_short_captions_pay_for_their_brevity_against_the_closest_reference():
    bleu_1, *_ = corpus_bleu_n([["a", "b"]], [words("a b c", "a b c d e f g")])
    assert bleu_1 == pytest.approx(100 * math.exp(1 - 3 / 2))


REFERENCES = ["a dog runs on the wet sand", "the brown dog is running", "dog dog"]


@pytest.mark.parametrize(
    "said", ["a brown dog runs on the sand", "a dog dog dog dog dog dog dog", "a cat sleeps here", "the dog is running"]
)
def test_the_bleu_of_a_single_caption_is_sacrebleus_with_one_added(said):
    judge = BLEU(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=True)
    ours = SentenceBleu([words("another picture"), words(*REFERENCES)])
    assert ours.score(1, said.split()) == pytest.approx(judge.sentence_score(said, REFERENCES).score / 100, abs=1e-12)


def test_orders_that_a_short_caption_does_not_have_are_left_out_of_its_bleu():
    bleu = SentenceBleu([words(*REFERENCES)])
    assert bleu.score(0, ["the", "dog"]) == pytest.approx(math.sqrt(2 / 2 * 1 / 2))  # sacreBLEU: missing ones are right
    assert bleu.score(0, ["cat"]) == bleu.score(0, []) == 0


def test_rouge_takes_precision_and_recall_from_the_best_reference_of_each():
    # Precision 1 (both words are in the first), recall 1 (the second is all there).
    assert rouge_l(["a", "b"], words("a x b y", "b")) == pytest.approx(1)
    assert rouge_l([], words("a")) == rouge_l(["z"], words("a")) == 0


def test_cider_is_ten_for_the_reference_itself_and_nothing_for_what_every_item_has():
    references = [words("one two three four five"), words("six seven eight nine ten")]
    cider = CiderD(references)
    assert cider.score(0, references[0][0]) == pytest.approx(10)
    assert cider.score(0, references[1][0]) == 0
    everywhere = CiderD([words("a dog"), words("a dog")])
    assert everywhere.score(0, ["a", "dog"]) == 0


def test_repeating_a_rare_word_does_not_pay():
    cider = CiderD([words("rare bird here now"), words("other thing there then")])
    assert cider.score(0, ["rare"] * 12) < cider.score(0, ["rare"])


def test_document_frequencies_can_come_from_elsewhere():
    references = [words("a dog runs fast")]
    assert CiderD(references).score(0, ["a", "dog"]) == 0  # one item: everything is in every document
    corpus = DocumentFrequencies.of([words("a dog"), words("a cat", "a cat"), words("a cow runs")])
    assert corpus.counts[("a",)] == 3 and corpus.counts[("a", "cat")] == 1 and corpus.documents == 3
    assert CiderD(references, corpus).score(0, ["a", "dog"]) > 0


def test_ids_serve_as_tokens_and_equal_captions_are_scored_alike():
    cider = CiderD([[[5, 6, 7]], [[8, 9]]])
    found = cider.scores([0, 0, 1], [np.array([5, 6, 7]), (5, 6, 7), [8, 9]])
    assert found[0] == found[1] > 0 and found[2] > 0


def test_tokens_are_lower_case_words_without_punctuation():
    assert tokens_of("A dog's T-shirt, 2 “men” -- über_alles!") == (
        "a",
        "dog's",
        "t-shirt",
        "2",
        "men",
        "über",
        "alles",
    )


@pytest.mark.parametrize("hypotheses, references", [([], []), (["a"], []), (["a"], [[]])])
def test_what_cannot_be_scored_is_refused(hypotheses, references):
    with pytest.raises(ValueError):
        caption_scores(hypotheses, references)
