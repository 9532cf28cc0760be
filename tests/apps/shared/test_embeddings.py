"""The choice of embeddings, the same for every application that reads text."""

import numpy as np
import pytest

from apps.shared import embeddings
from apps.shared.errors import UserError
from data.word_vectors import WordVectors
from models.encoders.text import TextEncoder

WORDS = ["<pad>", "<unk>", "<s>", "</s>", "cat", "dog", "cow"]


@pytest.mark.parametrize(
    ("text", "kind", "place", "kept"),
    [
        ("learned", "learned", "", "learned"),
        ("one-hot", "one-hot", "", "one-hot"),
        ("word2vec", "word2vec", "", "word2vec"),
        ("word2vec:v.bin", "word2vec", "v.bin", "word2vec"),
        ("glove:/a:b.txt", "glove", "/a:b.txt", "glove"),
        ("glove", "glove", "", "glove"),
        ("hub:https://x/y/1", "hub", "https://x/y/1", "hub:https://x/y/1"),
    ],
)
def test_a_choice_is_read_and_a_trained_model_forgets_the_path(text, kind, place, kept):
    choice = embeddings.parse(text)
    assert (choice.kind, choice.place, choice.kept) == (kind, place, kept)


@pytest.mark.parametrize("text", ["", "bert", "glove:", "hub", "one-hot:x", "learned:x"])
def test_any_other_choice_is_refused(text):
    with pytest.raises(ValueError, match="embeddings must be learned, one-hot"):
        embeddings.parse(text)


def test_vectors_come_from_a_file_or_from_the_text(tmp_path):
    (tmp_path / "v.txt").write_text("cat 1 2\ndog 3 4\n")
    read = embeddings.read_vectors(embeddings.parse(f"glove:{tmp_path / 'v.txt'}"), [], 9, 1, wanted={"dog"})
    assert read is not None and read.words == ("dog",) and read.width == 2
    learnt = embeddings.read_vectors(embeddings.parse("word2vec"), [["cat", "dog"]] * 5, 3, 1)
    assert learnt is not None and set(learnt.words) == {"cat", "dog"} and learnt.width == 3
    assert embeddings.read_vectors(embeddings.parse("learned"), [], 3, 1) is None
    with pytest.raises(UserError, match="--embeddings glove:PATH"):
        embeddings.read_vectors(embeddings.parse("glove"), [], 3, 1)


def test_a_table_is_filled_with_the_vectors_of_its_words():
    table = embeddings.layer(embeddings.parse("glove"), WORDS, 2)
    table.build((None, None))
    vectors = WordVectors(("cat", "dog"), np.array([[1, 2], [3, 4]], np.float32))
    assert embeddings.fill(table, vectors, WORDS, seed=1) == pytest.approx(2 / 3)
    assert np.asarray(table(np.array([[4, 5]])))[0].tolist() == [[1, 2], [3, 4]]


def test_one_hot_vectors_have_one_place_a_word_and_nothing_to_train():
    one_hot = embeddings.layer(embeddings.parse("one-hot"), WORDS, 2)
    assert one_hot.output_dim == len(WORDS) and not one_hot.weights
    assert np.asarray(one_hot(np.array([[4, 1]])))[0].tolist() == [np.eye(7)[4].tolist(), np.eye(7)[1].tolist()]


def test_an_encoder_reads_through_any_of_them():
    ids = np.array([[4, 5, 0]], np.int32)
    for text in ("learned", "one-hot"):
        encoder = TextEncoder(len(WORDS), 2, units=3, embedding=embeddings.layer(embeddings.parse(text), WORDS, 2))
        longer = np.pad(ids, ((0, 0), (0, 2)))
        assert np.asarray(encoder(ids)["summary"]) == pytest.approx(np.asarray(encoder(longer)["summary"]), abs=1e-6)


def test_frozen_vectors_are_not_trained():
    table = embeddings.layer(embeddings.parse("glove"), WORDS, 2, trainable=False)
    table.build((None, None))
    assert not table.trainable_weights and len(table.weights) == 1


def test_a_hub_text_module_is_asked_word_by_word_and_trains(tmp_path):
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="table")

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, words):
            return tf.gather(self.table, tf.cast(tf.equal(words, "dog"), tf.int32))

    tf.saved_model.save(Module(), str(tmp_path / "module"))
    layer = embeddings.layer(embeddings.parse(f"hub:{tmp_path / 'module'}"), WORDS, 9)
    assert layer.output_dim == 2
    ids = tf.constant([[4, 5], [5, 0]])
    assert np.asarray(layer(ids)).tolist() == [[[1, 2], [3, 4]], [[3, 4], [1, 2]]]
    assert [tuple(variable.shape) for variable in layer.trainable_weights] == [(2, 2)]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(ids))
    (slope,) = tape.gradient(loss, [layer.trainable_weights[0].value])
    assert tf.convert_to_tensor(slope).numpy().tolist() == [[2, 2], [2, 2]]
