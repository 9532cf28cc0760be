"""Scheduled sampling: the model reads its own words, more of them the longer it was trained."""

import keras
import numpy as np
import pytest

from models.decoder import RecurrentDecoder
from models.encoder_decoder import EncoderDecoder, disagreement
from models.encoders.text import TextEncoder

SOURCE = np.array([[4, 5, 3], [6, 3, 0]], np.int32)
TARGET_IN = np.array([[2, 4, 5, 6], [2, 5, 0, 0]], np.int32)
TARGET_OUT = np.array([[4, 5, 6, 3], [5, 3, 0, 0]], np.int32)


def made(**settings):
    keras.utils.set_random_seed(2)
    model = EncoderDecoder(TextEncoder(9, 4, units=3), RecurrentDecoder(9, 4, units=5), **settings)
    model.build_weights()
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    return model


def surely(token):
    return keras.ops.one_hot(keras.ops.full(TARGET_IN.shape, token), 9) * 100.0


def test_the_share_rises_evenly_and_stays():
    model = made(scheduled_sampling=0.4)
    model.sampling_steps = 10
    shares = []
    for step in (0, 5, 10, 30):
        model.optimizer.iterations.assign(step)
        shares.append(float(model.sampling_share()))
    assert shares == pytest.approx([0.0, 0.2, 0.4, 0.4])


def test_words_are_replaced_by_what_the_model_says_there_but_neither_the_start_nor_padding():
    model = made(scheduled_sampling=0.9999)
    assert np.array_equal(model._with_own_words(TARGET_IN, surely(7)), TARGET_IN)  # at the first step: none
    model.optimizer.iterations.assign(1)
    assert np.asarray(model._with_own_words(TARGET_IN, surely(7))).tolist() == [[2, 7, 7, 7], [2, 7, 0, 0]]


def test_it_trains_and_answers_as_ever():
    model = made(scheduled_sampling=0.5, seed=1)
    model.sampling_steps = 4
    inputs = {"source": SOURCE, "target_in": TARGET_IN}
    before = np.asarray(model(inputs))
    assert np.array_equal(before, np.asarray(model(inputs)))  # nothing is drawn outside of training
    losses = model.fit(inputs, TARGET_OUT, epochs=12, batch_size=2, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and int(model.optimizer.iterations) == 12


def test_without_it_nothing_is_added_to_a_model():
    assert len(made().variables) + 1 == len(made(scheduled_sampling=0.5).variables)  # the draws' state


def test_two_passes_with_different_dropout_are_pulled_together():
    p, q = [[[0.0, np.log(3.0)]]], [[[np.log(3.0), 0.0]]]  # p = (1/4, 3/4), q = (3/4, 1/4)
    apart = disagreement(np.array(p, np.float32), np.array(q, np.float32), np.array([[1]], np.int32))
    assert float(apart) == pytest.approx(np.log(3.0))  # 2 · (3/4 - 1/4) · log 3
    inputs = {"source": SOURCE, "target_in": TARGET_IN}

    def distance(consistency):
        keras.utils.set_random_seed(2)
        encoder = TextEncoder(9, 4, units=3)
        model = EncoderDecoder(encoder, RecurrentDecoder(9, 4, units=5, dropout=0.4), consistency=consistency)
        model.build_weights()
        model.compile(optimizer=keras.optimizers.Adam(0.02))
        model.fit(inputs, TARGET_OUT, epochs=60, batch_size=2, verbose=0)
        assert model(inputs).shape == (2, 4, 9)  # twice the batch in training alone
        model.consistency = 1.0
        halves = keras.ops.split(model(inputs, training=True), 2)
        return float(disagreement(*halves, TARGET_OUT))

    assert distance(5.0) < distance(0.0) / 2


def test_padding_has_no_part_in_how_far_two_passes_are_apart():
    ones = np.random.default_rng(0).normal(size=(2, 1, 4, 5)).astype(np.float32)
    target = np.array([[1, 2, 0, 0]], np.int32)
    before = float(disagreement(*ones, target))
    ones[:, :, 2:] = 7.0 * ones[:, :, 2:]
    assert float(disagreement(*ones, target)) == before
