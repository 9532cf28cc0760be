"""The classifier: right answers, the same alone, in a batch or padded; calibrated; scored; and exported."""

import json
import subprocess
import sys

import numpy as np
import pytest

from apps.sentiment.task import SentimentEvaluateOptions, SentimentTask
from data.batches import pad
from tests.apps.sentiment.conftest import made_reviews

TEXTS = ["The film was great.", "an awful story", "<br />music, in town?", "GOOD", "dull " * 30]


def test_it_tells_good_from_bad(critic):
    verdicts = critic.predict(["the film was great", "a dull story with music"])
    assert [verdict.label for verdict in verdicts] == ["positive", "negative"]
    assert verdicts[0].to_line().startswith("positive\t")
    assert verdicts[0].to_json()["probabilities"]["positive"] == verdicts[0].probability


def test_a_text_gets_the_same_answer_alone_in_a_batch_and_padded_further(critic):
    ids = [critic.read(text)[0] for text in TEXTS]
    together = critic.logits(ids)
    alone = np.concatenate([critic.logits([one]) for one in ids])
    padded = np.asarray(critic.model(pad(ids, 60)))
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(padded, alone, atol=1e-5)


def test_blank_texts_get_an_empty_answer_and_refused_ones_an_error(critic):
    blank, refused, answered = critic.predict(["  <br />", "word " * 10_001, "fine"])
    assert blank.label == "" and blank.to_line() == ""
    assert "10,001 words" in refused.error and answered.label == "positive"


def test_a_text_longer_than_the_window_is_cut_behind_a_sentence_with_a_notice(critic):
    words, notices = critic.words("The film was great. " * 12)
    assert len(words) == 35 and words[-1] == "." and "the end was left out" in notices[0]
    assert critic.read("word " * 80)[0][-1] == 3 and len(critic.read("word " * 80)[0]) == 40


def test_a_text_of_unknown_words_is_answered_with_a_notice(critic):
    (verdict,) = critic.predict(["Quixotry"])
    assert verdict.label and "nothing in it that the model knows" in verdict.notices[0]


def test_evaluation_reports_accuracy_calibration_and_f1(critic, table):
    report = SentimentTask().evaluate(critic, SentimentEvaluateOptions(model="made", file=table), None)
    assert report.scores["accuracy"] > 95 and set(report.scores["f1"]) == {"negative", "positive"}
    assert report.scores["texts"] == len(made_reviews()) and report.scores["calibration_error"] < 10
    assert json.dumps(report.scores) and "expected calibration error" in report.table and "<svg" in report.plot


@pytest.fixture(scope="module")
def exported(critic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "saved"
    folder.mkdir()
    SentimentTask().export(critic, folder)
    return folder


def test_the_saved_model_answers_as_predict_does_without_a_line_of_this_project(exported, critic):
    texts = [*TEXTS, "  ", "It's “fine”, isn't it? 8/10 … Ünïcode\u00a0ΣΑΣ İ", "don't -- can't :-)"]
    program = """
import json, sys
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["serving_default"](text=tf.constant(json.loads(sys.argv[2])))
print(json.dumps([[label.decode() for label in answer["label"].numpy()], answer["probability"].numpy().tolist()]))
"""
    words = [sys.executable, "-c", program, str(exported), json.dumps(texts)]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=exported)
    assert ended.returncode == 0, ended.stderr
    labels, probabilities = json.loads(ended.stdout)
    expected = critic.predict(texts)
    assert labels == [verdict.label for verdict in expected]
    np.testing.assert_allclose(probabilities, [verdict.probability for verdict in expected], atol=1e-5)
    page = (exported / "signatures.md").read_text(encoding="utf-8")
    assert "`label`" in page and "negative, positive" in page


def test_words_are_cut_in_the_graph_as_in_python(critic):
    from data.text import clean
    from data.tokenizers.words import tokenize
    from serving.signatures.words import WordReader

    reader = WordReader(critic.tokenizer.words, 40, lowercase=True)
    texts = [
        "I don't think it's O'Brien's 'film' -- “really”… 3.5/5, or 1,000:1?!",
        "he'd've y'all ``quoted'' <br/>rock'n'roll l'été ;-) (a)b[c]{d}",
        "ÀÉÎ ΣΊΣΥΦΟΣ İstanbul ǅ ｆｕｌｌ　ｗｉｄｔｈ 映画。良い！",
    ]
    found = [[word.decode() for word in row] for row in reader.words(texts).to_list()]
    assert found == [tokenize(clean(text).text, lowercase=True) for text in texts]
