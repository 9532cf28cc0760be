import json
from dataclasses import replace

import numpy as np
import pytest

from apps.translation import training
from apps.translation.task import TranslationEvaluateOptions, TranslationOptions, TranslationTask
from data.batches import pad
from metrics.bleu import sentence_bleu
from models.decoding.options import SearchOptions
from serving import store
from tests.apps.translation.conftest import RECIPE, made_pairs


def test_it_learns_the_made_language(translator):
    pairs = made_pairs()[::5]
    answers = [result.to_line() for result in translator.predict([source for source, _ in pairs])]
    right = sum(answer == target for answer, (_, target) in zip(answers, pairs, strict=True))
    assert right >= 0.9 * len(pairs), answers


def test_answers_keep_the_order_of_the_inputs_and_blank_lines(translator):
    texts = ["Ein hund mag ein ball.", "", "Ein kind holt ein katze.", "   "]
    answers = [result.to_line() for result in translator.predict(texts)]
    assert answers[1] == answers[3] == ""
    assert answers[0] == translator.predict(texts[:1])[0].to_line()
    assert answers[2] == translator.predict(texts[2:3])[0].to_line()


def test_a_sentence_scores_alike_alone_and_beside_a_longer_one(translator):
    short, long = "Ein hund mag ein ball.", "Ein hund mag ein ball. Ein kind holt ein katze."
    alone = translator.predict([short])[0]
    beside = translator.predict([long, short])[1]
    assert alone.translation == beside.translation
    assert alone.score == pytest.approx(beside.score, abs=1e-5)


def test_the_n_best_are_sorted_and_different(translator):
    result = translator.predict(["Ein hund mag ein ball."], SearchOptions(beam_size=4, n_best=4))[0]
    scores = [hypothesis.normalized for hypothesis in result.n_best]
    assert scores == sorted(scores, reverse=True)
    assert len({hypothesis.translation for hypothesis in result.n_best}) == len(result.n_best)
    assert result.translation == result.n_best[0].translation


def test_a_prefix_is_kept(translator):
    for search in (SearchOptions(beam_size=1, prefix="A cat"), SearchOptions(beam_size=3, prefix="A cat")):
        assert translator.predict(["Ein hund mag ein ball."], search)[0].to_line().startswith("A cat")


def test_a_sentence_beyond_the_window_is_cut_with_a_notice(translator):
    result = translator.predict(["Ein hund mag ein ball. " * 20])[0]
    assert result.translation
    assert any("cut" in notice for notice in result.notices)


def test_a_script_that_the_model_has_never_seen_is_answered_with_a_notice(translator):
    assert any("nothing in it that the model knows" in notice for notice in translator.predict(["日本語"])[0].notices)
    assert not translator.predict(["Ein hund"])[0].notices


def test_sampling_with_one_seed_gives_one_answer(translator):
    search = SearchOptions(beam_size=2, n_best=2, temperature=1.5, seed=7)
    first, again = (translator.predict(["Ein hund mag ein ball."], search)[0] for _ in range(2))
    other = translator.predict(["Ein hund mag ein ball."], replace(search, seed=8))[0]
    assert first == again
    assert first.n_best != other.n_best


@pytest.mark.parametrize("search", [SearchOptions(beam_size=1), SearchOptions(beam_size=3, n_best=3)])
def test_the_trace_tells_of_the_same_search(translator, search):
    text = "Ein frau sieht ein mann."
    result = translator.predict([text], search)[0]
    trace = translator.trace(text, search)
    assert json.loads(json.dumps(trace)) == trace
    assert trace["hypotheses"][0]["text"] == result.translation
    assert trace["hypotheses"][0]["score"] == pytest.approx(result.score, abs=1e-4)
    assert "".join(token["text"] for token in trace["source"]["tokens"]) == "▁Ein▁frau▁sieht▁ein▁mann.</s>"
    assert [word["text"] for word in trace["source"]["words"]] == ["Ein", "frau", "sieht", "ein", "mann."]


def test_a_trace_of_nothing_is_refused(translator):
    with pytest.raises(ValueError, match="empty"):
        translator.trace("  ")


def test_the_report_compares_greedy_with_beam_and_draws_the_curve(translator, files, model_folder):
    options = TranslationEvaluateOptions(
        model=str(model_folder), source_file=files["dev_source_file"], target_file=files["dev_target_file"]
    )
    report = TranslationTask().evaluate(translator, options, SearchOptions(beam_size=2))
    scores = json.loads(json.dumps(report.scores))
    assert set(scores["searches"]) == {"greedy", "beam"}
    assert scores["bleu_lowercased"] > 80
    assert "tok:13a" in scores["signatures"]["bleu_lowercased"]
    assert sum(bucket["sentences"] for bucket in scores["by_source_length"]["beam"]) == scores["sentences"]
    assert report.plot.startswith("<svg") and "BLEU" in report.plot
    assert "beam 2" in report.table


def test_a_run_can_start_from_a_trained_model(files, model_folder, tmp_path):
    import keras

    keras.utils.set_random_seed(1)
    recipe = replace(RECIPE, start_from=str(model_folder), epochs=1, learning_rate=1e-6)
    folder = TranslationTask().train(recipe, TranslationOptions(output=tmp_path / "more", **files))
    metrics = json.loads((folder / "metrics.json").read_text())
    trained = json.loads((model_folder / "metrics.json").read_text())
    loss, before = (one["stages"]["1-sentences"]["dev"]["loss"] for one in (metrics, trained))
    assert loss == pytest.approx(before, abs=0.05)


def test_a_trained_model_learns_from_the_bleu_of_its_own_translations(files, model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "PENALTIES", (1.0,))  # each costs a compiled search
    stage = {"self_critical_epochs": 1, "self_critical_batch": 16, "self_critical_rate": 1e-3, "samples": 2}
    recipe = replace(RECIPE, start_from=str(model_folder), epochs=0, **stage)
    folder = TranslationTask().train(recipe, TranslationOptions(output=tmp_path / "critical", **files))
    stages = json.loads((folder / "metrics.json").read_text())["stages"]
    assert list(stages) == ["2-self-critical"] and stages["2-self-critical"]["dev"]["score"] > 80
    before, after = (store.read_weights(one / store.WEIGHTS) for one in (model_folder, folder))
    assert any(not np.array_equal(before[name], after[name]) for name in before)
    assert "2-self-critical: 1 epochs" in (folder / "card.md").read_text()


def test_the_reward_is_the_bleu_of_what_the_tokens_spell(translator):
    reward = training.bleu_reward(["A dog sees a cat.", "A man fetches a ball."], translator.target)
    right, wrong = (translator.target.encode(text) for text in ("a dog sees a cat.", "A dog sees a ball."))
    scores = reward(np.array([0, 0, 1]), pad([right, wrong, wrong]))
    assert scores[0] == pytest.approx(1.0)  # case does not count
    assert scores[0] > scores[1] > scores[2] > 0
    assert scores[2] == pytest.approx(sentence_bleu("A dog sees a ball.", "A man fetches a ball.") / 100)


def test_no_epoch_of_the_first_stage_needs_a_model_to_start_from():
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        replace(RECIPE, epochs=0)


def test_weights_stored_in_half_precision_translate_alike(translator, model_folder):
    again = TranslationTask().open(model_folder)
    text = ["Ein mann holt ein ball."]
    assert again.predict(text)[0].translation == translator.predict(text)[0].translation
    kinds = {np.asarray(weight).dtype for weight in again.model.weights if "seed" not in weight.path}
    assert kinds == {np.dtype("float32")}
