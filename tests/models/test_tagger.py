"""The tagger: who sees what, masks, and a treebank of two words learnt."""

import keras
import numpy as np
import pytest

from models.layers.token_embedding import build_embedding
from models.tagger import VERDICTS, CharacterEncoder, Tagger


def make(**settings):
    keras.utils.set_random_seed(1)
    model = Tagger(3, build_embedding(9, 4), CharacterEncoder(7, 3, units=2, name="characters"), units=5, **settings)
    model.build_weights()
    return model


def inputs(words, characters=((4,), (5,), (6,)), places=None):
    words = np.asarray(words, np.int32)
    places = np.zeros_like(words) if places is None else np.asarray(places, np.int32)
    return {"words": words, "characters": np.asarray(characters, np.int32), "places": places}


def scores(model, batch):
    return {name: np.asarray(values) for name, values in model(batch).items()}


@pytest.mark.parametrize("layers", [1, 2])
def test_the_forward_verdict_knows_no_later_word_and_the_backward_one_no_earlier_word(layers):
    model = make(layers=layers)
    told, other = scores(model, inputs([[4, 5, 6]])), scores(model, inputs([[4, 5, 7]]))
    np.testing.assert_array_equal(told["forward"][:, :2], other["forward"][:, :2])
    assert np.abs(told["backward"][:, 0] - other["backward"][:, 0]).max() > 1e-6
    assert np.abs(told["joint"][:, 0] - other["joint"][:, 0]).max() > 1e-6
    other = scores(model, inputs([[7, 5, 6]]))
    np.testing.assert_array_equal(told["backward"][:, 1:], other["backward"][:, 1:])
    assert np.abs(told["forward"][:, 2] - other["forward"][:, 2]).max() > 1e-6


def test_a_sentence_gets_the_same_scores_alone_in_a_batch_and_padded():
    model = make()
    alone = scores(model, inputs([[4, 5]], [[4, 5], [6, 0]], [[0, 1]]))
    words, places = [[4, 5, 0, 0], [6, 7, 8, 4]], [[0, 1, 0, 0], [1, 0, 1, 1]]
    batch = scores(model, inputs(words, [[4, 5, 0], [6, 0, 0]], places))
    for name in VERDICTS:
        np.testing.assert_allclose(batch[name][0, :2], alone[name][0], atol=1e-6)


def test_words_beyond_the_trained_ones_are_told_apart_by_their_pretrained_vectors_alone():
    model = make(pretrained=build_embedding(9, 4, trainable=False, name="pretrained"), trained_words=5)
    model.pretrained.embeddings.assign(np.zeros((9, 4)))
    told = scores(model, inputs([[6, 7, 1]]))["joint"]
    np.testing.assert_allclose(told, scores(model, inputs([[7, 6, 1]]))["joint"], atol=1e-6)
    model.pretrained.embeddings.assign(np.eye(9, 4))
    model.pretrained.embeddings.assign(np.arange(36).reshape(9, 4) / 10)
    assert (
        np.abs(scores(model, inputs([[6, 7, 1]]))["joint"] - scores(model, inputs([[7, 6, 1]]))["joint"]).max() > 1e-4
    )
    assert not any(weight.path.startswith("pretrained") for weight in model.trainable_weights)


def test_the_loss_is_that_of_the_real_words_and_of_each_direction_by_its_weight():
    model = make(direction_loss=0.5)
    batch, tags = inputs([[4, 5, 0]]), np.array([[2, 3, 0]])
    logits = model(batch)

    def nats(name):
        values = np.asarray(logits[name], np.float64)[0, :2]
        logs = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
        return -(logs[0, 1] + logs[1, 2]) / 2

    expected = nats("joint") + 0.5 * (nats("forward") + nats("backward"))
    assert float(model.compute_loss(batch, tags, logits, training=True)) == pytest.approx(expected, abs=1e-5)
    assert float(model.compute_loss(batch, tags, logits, training=False)) == pytest.approx(nats("joint"), abs=1e-5)
