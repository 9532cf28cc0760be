"""Why a classifier decided: contributions that add up, verdicts on beginnings, readings that are what it computed."""

import keras
import numpy as np
import pytest

from models.classifier import POOLINGS, RecurrentClassifier
from models.explain.classifier import ClassifierExplainer, points

EOS, UNK = 3, 1
TEXT = [5, 6, 7, 8, 9, 5, EOS]


def made(pooling="max", cell="lstm", layers=1, bidirectional=True, classes=3):
    keras.utils.set_random_seed(1)
    embedding = keras.layers.Embedding(10, 4, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0))
    model = RecurrentClassifier(
        embedding, classes, cell=cell, units=5, layers=layers, bidirectional=bidirectional, pooling=pooling
    )
    model.build_weights()
    return model, ClassifierExplainer(model, EOS, UNK)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_contributions_add_up_to_the_change_of_the_log_odds(pooling):
    model, explainer = made(pooling)
    found = explainer.attribute(TEXT, target=1)
    p = np.asarray(keras.ops.softmax(model(np.array([TEXT])), axis=-1))[0, 1]
    assert found.log_odds == pytest.approx(np.log(p / (1 - p)), abs=1e-4)
    assert abs(found.gap) < 0.02 * max(1, abs(found.log_odds - found.baseline))
    assert found.contributions.shape == (7,) and found.contributions[-1] == 0


def test_points_are_dense_where_the_log_odds_change_and_count_less_there():
    places, weights = points(np.array([0.0, 0.0, 0.0, 4.0, 4.0]), 8)
    assert weights.sum() == pytest.approx(1) and len(places) == 8
    assert sum((places > 0.5) & (places < 0.75)) == 5  # an eighth of the even half, and all of the other
    np.testing.assert_allclose(points(np.zeros(5), 4)[0], [0.125, 0.375, 0.625, 0.875])


def test_a_text_of_unknown_words_has_nothing_to_attribute():
    found = made()[1].attribute([UNK, UNK, EOS], target=0)
    assert not found.contributions.any() and found.log_odds == pytest.approx(found.baseline, abs=1e-6)


def test_the_verdict_on_a_beginning_is_that_on_a_text_that_ends_there():
    model, explainer = made()
    found = explainer.prefixes(TEXT, [1, 3, 6])
    for row, length in zip(found, [1, 3, 6], strict=True):
        np.testing.assert_allclose(row, np.asarray(model(np.array([[*TEXT[:length], EOS]])))[0], atol=1e-5)


@pytest.mark.parametrize(("cell", "names"), [("lstm", {"input", "forget", "cell"}), ("gru", {"update", "reset"})])
def test_readings_are_of_every_layer_in_both_directions(cell, names):
    model, explainer = made(cell=cell, layers=2)
    readings = explainer.read(TEXT)
    called = ["layer 1 forward", "layer 1 backward", "layer 2 forward", "layer 2 backward"]
    assert [reading.stream.name for reading in readings] == called
    assert names <= set(readings[0].series) and readings[0].series["hidden"].shape == (7, 5)
    outputs, _ = model.stack(*[model.embed(np.array([TEXT]))[0]])
    joined = np.concatenate([readings[2].series["hidden"], readings[3].series["hidden"]], axis=1)
    below = np.concatenate([readings[0].series["hidden"], readings[1].series["hidden"]], axis=1)
    np.testing.assert_allclose(np.asarray(outputs)[0], joined + below, atol=1e-5)


def test_padding_and_the_classes_of_padding_count_for_nothing():
    model, _ = made("mean", bidirectional=False)
    text = np.array([[5, 6, EOS]])
    padded = np.array([[5, 6, EOS, 0, 0]])
    np.testing.assert_allclose(np.asarray(model(padded)), np.asarray(model(text)), atol=1e-6)
    logits = model(np.array([[5, EOS], [6, EOS]]))
    alone = model.compute_loss(y=np.array([2]), y_pred=logits[:1])
    both = model.compute_loss(y=np.array([2, 0]), y_pred=logits)
    assert float(alone) == pytest.approx(float(both), abs=1e-6)


def test_an_adversarial_step_raises_the_loss_and_keeps_its_length():
    model, _ = made("mean")
    texts, classes = np.array([TEXT, [*TEXT[:3], EOS, 0, 0, 0]]), np.array([1, 3])
    usual = float(model.compute_loss(y=classes, y_pred=model(texts)))
    moved = []
    for length in (0.1, 0.5):
        model.adversarial = length
        moved.append(float(model.compute_loss(x=texts, y=classes, training=True)))
    assert usual < moved[0] < moved[1]


def test_last_pooling_is_the_state_at_the_end_alone():
    model, explainer = made("last", bidirectional=False)
    last = explainer.read(TEXT)[0].series["hidden"][-1]
    expected = last @ np.asarray(model.head.kernel) + np.asarray(model.head.bias)
    np.testing.assert_allclose(np.asarray(model(np.array([TEXT])))[0], expected, atol=1e-5)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="pooling must be one of last, max, mean, got 'min'"):
        RecurrentClassifier(None, 2, pooling="min")
