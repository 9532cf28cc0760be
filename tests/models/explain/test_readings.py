"""What is drawn is what is computed: readings equal what the layers put out."""

import keras
import numpy as np
import pytest
from keras import ops

from models.decoder import RecurrentDecoder
from models.encoders.text import TextEncoder
from models.explain.explainer import Explainer
from models.explain.readings import read, streams_of
from models.layers.build import CELLS

SOURCE = np.array([[4, 5, 6, 7, 3]], np.int32)
PADDED = np.array([[4, 5, 6, 7, 3], [8, 9, 3, 0, 0]], np.int32)
TARGET_IN = np.array([[2, 5, 6, 7], [2, 8, 4, 4]], np.int32)


def build(cell="lstm", layers=2, **options):
    """An encoder and a decoder of a few units, with every weight away from zero."""
    keras.utils.set_random_seed(3)
    encoder = TextEncoder(12, 6, cell=cell, units=8, layers=layers, **options)
    decoder = RecurrentDecoder(12, 6, cell=cell, units=8, layers=layers)
    decoder.build(encoder(SOURCE)["summary"].shape)
    decoder(TARGET_IN[:1], decoder.start(encoder(SOURCE)))
    rng = np.random.default_rng(0)
    for weight in [*encoder.weights, *decoder.weights]:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return encoder, decoder


@pytest.mark.parametrize("cell", CELLS)
def test_encoder_readings_are_what_the_layers_put_out_in_both_directions_with_padding(cell):
    encoder, decoder = build(cell)
    kept, _, _ = read(encoder, decoder, PADDED, TARGET_IN)
    embedded, mask = encoder.embed(PADDED)
    outputs, states = encoder.stack(embedded, mask=mask)
    below = ops.concatenate([kept[0]["hidden"], kept[1]["hidden"]], axis=-1)
    top = ops.concatenate([kept[2]["hidden"], kept[3]["hidden"]], axis=-1) + below
    np.testing.assert_allclose(top, outputs, atol=1e-6)
    for number, readings in enumerate(kept[:4]):
        last = -1 if number % 2 == 0 else 0  # a backward layer ends at the first word
        for name, state in zip(("hidden", "cell"), states[number // 2][number % 2], strict=False):
            np.testing.assert_allclose(readings[name][:, last], state, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_decoder_readings_are_what_stepping_gives(cell):
    encoder, decoder = build(cell)
    kept, starts, state = read(encoder, decoder, SOURCE, TARGET_IN[:1])
    for position in range(TARGET_IN.shape[1]):
        _, state = decoder.step(TARGET_IN[:1, position], state)
        for readings, layer in zip(kept[4:], state["layers"], strict=True):
            for name, value in zip(("hidden", "cell"), layer, strict=False):
                np.testing.assert_allclose(readings[name][:, position], value, atol=1e-6)
    assert len(starts) == len(kept) == 6


def test_the_gates_of_an_lstm_add_up_to_its_cell():
    encoder, decoder = build()
    for reading in Explainer(encoder, decoder, bos_id=2).read(SOURCE, [5, 6, 3]):
        series, before = reading.series, reading.start["cell"]
        order = range(len(series["cell"]))
        for step in reversed(order) if reading.stream.reverse else order:
            before = series["forget"][step] * before + series["input"][step] * series["candidate"][step]
            np.testing.assert_allclose(series["cell"][step], before, atol=1e-6)
            np.testing.assert_allclose(series["hidden"][step], series["output"][step] * np.tanh(before), atol=1e-6)


def test_a_cell_without_a_gate_lacks_that_row():
    for cell, names in {"rnn": {"hidden"}, "gru": {"update", "reset", "candidate", "hidden"}}.items():
        readings = Explainer(*build(cell), bos_id=2).read(SOURCE, [5, 3])
        assert {frozenset(reading.series) for reading in readings} == {frozenset(names)}


def test_a_source_that_is_read_from_its_end_is_still_shown_in_its_own_order():
    plain, decoder = build(layers=1, bidirectional=False)
    turned, _ = build(layers=1, bidirectional=False, reverse=True)
    turned.set_weights(plain.get_weights())
    explainer = Explainer(turned, decoder, bos_id=2)
    there = explainer.read(SOURCE, [5, 3])[0]
    here = Explainer(plain, decoder, bos_id=2).read(SOURCE[:, ::-1], [5, 3])[0]
    np.testing.assert_allclose(there.series["cell"], here.series["cell"][::-1], atol=1e-6)
    assert there.stream.reverse and not here.stream.reverse


def test_streams_say_which_layer_and_direction_they_are():
    names = [stream.name for stream in streams_of(*build())]
    assert names == [
        "encoder 1 forward",
        "encoder 1 backward",
        "encoder 2 forward",
        "encoder 2 backward",
        "decoder 1",
        "decoder 2",
    ]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_gradient_is_how_the_written_words_logit_moves_with_the_state(cell):
    encoder, decoder = build(cell)
    target_ids = [5, 6, 3]
    explainer = Explainer(encoder, decoder, bos_id=2)
    readings = explainer.read(SOURCE, target_ids)
    state = explainer.start(SOURCE)
    for position, (token, written) in enumerate(zip([2, 5, 6], target_ids, strict=True)):
        for level, unit in ((0, 3), (1, 6)):

            def logit(nudge, level=level, unit=unit, token=token, written=written, state=state):
                held = [np.stack([np.ones(8), np.zeros(8), np.zeros(8)]).astype(np.float32) for _ in range(2)]
                held[level][2, unit] = nudge
                logits, _ = explainer.step(np.array([token], np.int32), state, held)
                return float(logits[0, written])

            slope = (logit(1e-2) - logit(-1e-2)) / 2e-2
            np.testing.assert_allclose(readings[4 + level].gradient[position, unit], slope, rtol=2e-2, atol=2e-3)
        _, state = explainer.step(np.array([token], np.int32), state)
