"""Training: the user's own table, word vectors, a start from another model, and what cannot be trained on."""

from dataclasses import replace

import numpy as np
import pytest

from apps.sentiment import corpus as corpora
from apps.sentiment import training
from apps.sentiment.recipe import RECIPES, SentimentRecipe
from apps.sentiment.task import SentimentOptions, SentimentTask
from apps.shared.errors import UserError
from data.corpora.labelled import Example
from data.tokenizers.special import EOS_ID
from data.tokenizers.words import WordTokenizer
from tests.apps.sentiment.conftest import RECIPE, made_reviews, write_table


def test_long_texts_are_cut_to_the_window_at_their_beginning():
    tokenizer = WordTokenizer.train(["a b c d"], 10)
    examples = [Example("a b c d", "x"), Example(" ", "x"), Example("d", "y")]
    texts = corpora.EncodedTexts(examples, tokenizer, ("x", "y"), 3, keep_end=True)
    assert [list(texts[n]) for n in range(len(texts))] == [
        [*tokenizer.ids("cd"), EOS_ID],
        [*tokenizer.ids("d"), EOS_ID],
    ]
    assert list(texts.classes) == [0, 1] and list(texts.lengths) == [3, 2]


def test_batches_hold_texts_of_like_length_with_classes_from_1():
    tokenizer = WordTokenizer.train(["a"], 10)
    texts = corpora.EncodedTexts([Example("a " * n, "xy"[n % 2]) for n in range(1, 9)], tokenizer, "xy", 20)
    batches = corpora.epoch_batches(texts, 4, seed=1, multiple=1)(0)
    ids, classes = batches[0]
    assert len(batches) == 2 and set(classes) == {1, 2}
    assert {ids.shape[1] for ids, _ in batches} == {5, 9}


def test_a_text_that_occurs_twice_is_on_one_side_of_the_held_out_share():
    sides = [corpora.held_out(text, 0.1) for text, _ in made_reviews(2000)]
    assert 0.05 < np.mean(sides) < 0.15 and corpora.held_out("same", 0.1) == corpora.held_out("same", 0.1)


def test_imdb_is_learnt_without_a_text_of_its_test_set(tmp_path):
    for part, texts in {"train/pos": ["fine", "seen"], "train/unsup": ["other", "seen"], "test/neg": ["seen"]}.items():
        (tmp_path / part).mkdir(parents=True)
        for number, text in enumerate(texts):
            (tmp_path / part / f"{number}_9.txt").write_text(text, encoding="utf-8")
    options = SentimentOptions(output=tmp_path / "x", data_dir=tmp_path)
    corpus = corpora.open_corpus(SentimentRecipe(corpus="imdb"), options)
    assert {*(one.text for one in corpus.train()), *(one.text for one in corpus.dev())} == {"fine"}
    assert list(corpus.unlabelled()) == ["other"]


def test_sst_phrases_are_learnt_once_and_without_the_sentences_to_score_on(tmp_path):
    (tmp_path / "trees").mkdir()
    trees = {
        "train": ["(3 (2 A) (4 joy))", "(4 (2 a) (4 joy))", "(1 (1 dull) (2 film))"],
        "dev": ["(1 dull)"],
        "test": [],
    }
    for split, lines in trees.items():
        (tmp_path / "trees" / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    options = SentimentOptions(output=tmp_path / "x", data_dir=tmp_path)
    corpus = corpora.open_corpus(SentimentRecipe(corpus="sst-2"), options)
    assert [one.text for one in corpus.train()] == ["joy", "A joy", "a joy", "dull film"]
    assert [one.label for one in corpus.dev()] == ["negative"]


def test_a_model_can_start_from_another(model_folder, table, tmp_path):
    recipe = replace(RECIPE, epochs=1, learning_rate=1e-6, start_from=str(model_folder), average=0.0)
    options = SentimentOptions(output=tmp_path / "again", train_file=table)
    critic = SentimentTask().open(SentimentTask().train(recipe, options))
    assert [verdict.label for verdict in critic.predict(["great", "awful"])] == ["positive", "negative"]


def test_vectors_learnt_from_the_training_texts_are_kept_for_a_resume(table, tmp_path):
    options = SentimentOptions(output=tmp_path / "run", train_file=table)
    recipe = replace(RECIPE, embeddings="word2vec")
    text, vectors = training.load(recipe, options, corpora.open_corpus(recipe, options))
    again, kept = training.load(recipe, options, corpora.open_corpus(recipe, options))
    assert vectors.width == 12 and "great" in vectors.words
    assert text.tokenizer.words == again.tokenizer.words and np.array_equal(kept.vectors, vectors.vectors)
    settled = training._settled(replace(recipe, embeddings="word2vec:some/file"), vectors)
    assert settled.embeddings == "word2vec" and settled.embedding_size == 12


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([("fine", "a"), ("bad", "a")], ("text", "label"), "one class only, 'a'"),
        ([("fine", "a"), ("bad", "")], ("text", "label"), "line 3: the label is empty"),
        ([("fine", "a")], ("review", "label"), "no column 'text'; it has 'review', 'label'"),
        ([("fine", "a"), ("one", "two", "three")], ("text", "label"), "line 3: 3 columns, and the header has 2"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_before_the_training(tmp_path, rows, header, message):
    table = write_table(tmp_path / "bad.csv", rows, header)
    with pytest.raises(UserError, match=message):
        SentimentTask().train(RECIPE, SentimentOptions(output=tmp_path / "x", train_file=table))


@pytest.mark.parametrize("settings", [{"pooling": "min"}, {"corpus": "films"}, {"embeddings": "glove"}, {"units": 0}])
def test_impossible_settings_are_refused(settings):
    if settings == {"embeddings": "glove"}:
        settings = {"embeddings": "glove:"}
    with pytest.raises(ValueError, match=next(iter(settings))):
        SentimentRecipe(**settings)


def test_the_shipped_recipes_are_for_imdb_and_both_kinds_of_sst():
    assert {recipe.corpus for recipe in RECIPES.values()} == {"imdb", "sst-2", "sst-5"}
