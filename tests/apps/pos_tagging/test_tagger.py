"""The tagger end to end: what it learns, what it says of raw text, and that padding and company change nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from apps.pos_tagging.batches import TrainingBatches
from apps.pos_tagging.corpus import read_split
from apps.pos_tagging.task import TaggingEvaluateOptions, TaggingOptions, TaggingTask
from apps.pos_tagging.vocabulary import Vocabulary
from apps.shared.commands import main
from apps.shared.errors import UserError
from data.corpora import conllu
from data.word_vectors import WordVectors
from tests.apps.pos_tagging.conftest import RECIPE, SENTENCES, as_conllu


def test_later_words_decide_and_only_the_reader_from_the_left_cannot_know(tagger):
    noun, verb = tagger.predict(["the fish swim .", "the fish well !"])
    assert noun.tags == ("DET", "NOUN", "VERB", "PUNCT") and verb.tags == ("DET", "VERB", "ADV", "PUNCT")
    assert noun.backward_tags[1] == "NOUN" and verb.backward_tags[1] == "VERB"
    # Up to "fish" both sentences are the same, so the forward verdict must be the same.
    assert noun.forward_tags[:2] == verb.forward_tags[:2]


def test_the_forward_reader_sees_no_later_word_and_the_backward_reader_no_earlier_one(tagger):
    whole, begun, ended = tagger.score([["the", "fish", "swim", "."], ["the", "fish", "well"], ["sing", "swim", "."]])
    assert whole["forward"][:2] == pytest.approx(begun["forward"][:2], abs=1e-5)
    assert whole["backward"][2:] == pytest.approx(ended["backward"][1:], abs=1e-5)
    assert whole["joint"][1] != pytest.approx(begun["joint"][1], abs=1e-3)


def test_a_sentence_alone_in_a_batch_and_padded_gets_the_same(tagger):
    short, long = ["dogs", "swim"], ["the", "fish", "swim", "the", "walk", "well", "incomprehensibilities", "!"]
    (alone,), both = tagger.score([short]), tagger.score([long, short, ["."]])
    for verdict in alone:
        assert both[1][verdict] == pytest.approx(alone[verdict], abs=1e-5)
        assert alone[verdict].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_text_beyond_the_window_is_cut_behind_a_sentence_and_every_word_gets_a_tag(tagger):
    words = "the fish swim . the walk well ! the dogs swim .".split()
    assert [len(part) for part in tagger.parts(words)] == [8, 4]
    assert [len(part) for part in tagger.parts(["dogs"] * 23)] == [10, 10, 3]
    (result,) = tagger.predict([" ".join(words)])
    assert result.words == tuple(words) and len(result.tags) == 12
    assert "12 words and the model reads 10 at once" in result.notices[0]


def test_raw_text_is_cut_into_words_and_blank_and_strange_text_is_answered(tagger):
    results = tagger.predict(["the fish swim.", "", "   ", "日本", "a\x00b"])
    assert results[0].words == ("the", "fish", "swim", ".")
    assert results[0].to_line() == "the_DET fish_NOUN swim_VERB ._PUNCT"
    assert results[1].to_line() == results[2].to_line() == ""
    assert len(results[3].tags) == 1 and "nothing in it that the model knows" in results[3].notices[0]
    assert "1 control character was removed." in results[4].notices


def test_unknown_words_are_scored_apart(tagger, tmp_path):
    path = tmp_path / "own.conllu"
    path.write_text(as_conllu([*SENTENCES, [("the", "DET"), ("birds", "NOUN"), ("swim", "VERB"), (".", "PUNCT")]]))
    report = TaggingTask().evaluate(tagger, TaggingEvaluateOptions(model="", split="own", conllu_file=path), None)
    assert report.scores["unknown_words"] == 1 and report.scores["words"] == 36
    assert report.scores["known_accuracy"] == 100
    assert report.scores["by_verdict"]["forward"]["known"] < 100
    assert "unknown" in report.table and "sentences/s" in report.table
    json.dumps(report.scores, allow_nan=False)


def test_the_command_line_answers_in_order(model_folder, tmp_path, capsys):
    (tmp_path / "in.txt").write_text("the fish swim .\n\nthe fish well !\n")
    words = ["predict", "--model", str(model_folder), "--input", str(tmp_path / "in.txt"), "--json"]
    assert main(TaggingTask(), words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["tags"] for line in lines] == [["DET", "NOUN", "VERB", "PUNCT"], [], ["DET", "VERB", "ADV", "PUNCT"]]


def test_pretrained_vectors_stay_and_their_words_need_no_treebank(treebank, tmp_path):
    words = ("dogs", "birds", "the")
    (tmp_path / "v.txt").write_text("".join(f"{word} {n} 1 -1\n" for n, word in enumerate(words)))
    recipe = replace(RECIPE, embeddings=f"glove:{tmp_path / 'v.txt'}", epochs=1, evaluate_every=1)
    folder = TaggingTask().train(recipe, TaggingOptions(output=tmp_path / "m", train_file=treebank, dev_file=treebank))
    tagger = TaggingTask().open(folder)
    assert tagger.recipe.embeddings == "glove" and tagger.recipe.embedding_size == 3
    table = np.asarray(tagger.model.pretrained.embeddings)
    assert table[tagger.vocabulary.words.numbers["birds"]].tolist() == [1, 1, -1]
    assert not table[tagger.vocabulary.words.numbers["fish"]].any()
    assert tagger.model.embedding.input_dim == tagger.vocabulary.trained_words < tagger.vocabulary.words.size
    assert str(tmp_path) not in (folder / "card.md").read_text() + (folder / "recipe.json").read_text()


def test_one_hot_words_are_read_too(treebank, tmp_path):
    recipe = replace(RECIPE, embeddings="one-hot", epochs=1, evaluate_every=1)
    options = TaggingOptions(output=tmp_path / "m", train_file=treebank, dev_file=treebank)
    tagger = TaggingTask().open(TaggingTask().train(recipe, options))
    assert len(tagger.predict(["the fish swim ."])[0].tags) == 4


def test_neighbouring_batches_differ_in_every_size_and_hold_every_word(treebank):
    sentences = conllu.read(treebank)
    vocabulary = Vocabulary.learn(sentences, RECIPE, None)
    batches = TrainingBatches(sentences, vocabulary, 8, seed=1)(0)
    shapes = [(inputs["words"].shape[1], *inputs["characters"].shape) for inputs, _ in batches]
    assert all(
        a != b for before, after in zip(shapes, shapes[1:], strict=False) for a, b in zip(before, after, strict=True)
    )
    assert sum(int((tags > 0).sum()) for _, tags in batches) == sum(len(sentence.words) for sentence in sentences)
    assert all((inputs["characters"][:, 0] > 0).all() for inputs, _ in batches)  # no row is all padding


def test_the_vocabulary_keeps_treebank_words_before_those_of_vectors():
    sentences = [conllu.TaggedSentence(("Cat", "cat", "dog"), ("NOUN", "NOUN", "NOUN"))]
    vectors = WordVectors(("dog", "cat", "x y", "Cow", "cow"), np.zeros((5, 2), np.float32))
    found = Vocabulary.learn(sentences, RECIPE, vectors)
    assert found.words.words[4:] == ["cat", "dog", "cow"] and found.trained_words == 5
    assert found.knows("DOG") and not found.knows("cow")


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "--data-dir"), ({"train_file": "x"}, "both --train-file and --dev-file")],
)
def test_missing_data_is_named(options, said, tmp_path):
    with pytest.raises(UserError, match=said):
        read_split(RECIPE, "train", TaggingOptions(output=tmp_path, **{"data_dir": None, **options}))


def test_the_savedmodel_answers_as_predict_does(tagger, tmp_path):
    import tensorflow as tf

    TaggingTask().export(tagger, tmp_path / "saved")
    answer = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    texts = ["the fish swim.", "", "Dogs swim, the “walk” well!", "z" * 40 + " ab", "日本 naïve"]
    found = {name: value.numpy() for name, value in answer(text=tf.constant(texts)).items()}
    for row, result in enumerate(tagger.predict(texts)):
        count = int(found["count"][row])
        assert tuple(word.decode() for word in found["words"][row, :count]) == result.words
        assert tuple(tag.decode() for tag in found["tags"][row, :count]) == result.tags
        assert found["probabilities"][row, :count] == pytest.approx(result.probabilities, abs=1e-4)
        assert not any(found["tags"][row, count:])
    assert "`tags`" in (tmp_path / "saved" / "signatures.md").read_text()
