"""What every decoder keeps, whatever its cell: one suite for all."""

import keras
import numpy as np
import pytest

from models.decoder import RecurrentDecoder
from models.layers.build import CELLS

VOCABULARY, SUMMARY = 9, 5
TARGETS = np.array([[2, 5, 4, 8, 6], [2, 7, 7, 4, 5]], np.int32)


def made(cell="lstm", **settings):
    keras.utils.set_random_seed(3)
    decoder = RecurrentDecoder(VOCABULARY, 6, cell=cell, **{"units": 8, **settings})
    decoder.build((None, SUMMARY))
    return decoder


def summary(rows=2):
    return {"summary": np.random.default_rng(1).normal(size=(rows, SUMMARY)).astype(np.float32)}


def stepped(decoder, state, **arguments):
    """Logits of every step, (batch, time, vocabulary)."""
    logits = []
    for position in range(TARGETS.shape[1]):
        one, state = decoder.step(TARGETS[:, position], state, **arguments)
        logits.append(np.asarray(one))
    return np.stack(logits, axis=1)


@pytest.fixture(params=CELLS)
def cell(request):
    return request.param


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("context", ["every-step", "start"])
def test_steps_put_out_what_teacher_forcing_puts_out(cell, context, layers):
    decoder = made(cell, context=context, layers=layers)
    state = decoder.start(summary())
    np.testing.assert_allclose(stepped(decoder, state), np.asarray(decoder(TARGETS, state)), atol=1e-5)


@pytest.mark.parametrize("context", ["first-input", "inject", "merge"])
def test_steps_put_out_the_same_however_the_summary_is_seen(context):
    decoder = made("lstm", context=context, layers=2)
    state = decoder.start(summary())
    np.testing.assert_allclose(stepped(decoder, state), np.asarray(decoder(TARGETS, state)), atol=1e-5)


def test_a_first_input_is_what_a_word_before_the_first_would_be():
    decoder = made("lstm", context="first-input")
    started = decoder.start(summary())["layers"][0]
    zeros = [np.zeros((2, 8), np.float32)] * 2
    _, read = decoder.cells[0].step(decoder.cells[0].project(decoder.first_input(summary()["summary"])), zeros)
    np.testing.assert_allclose(started[1], read[1], atol=1e-6)
    assert np.abs(np.asarray(started[1])).max() > 1e-3


def test_merge_keeps_the_summary_from_the_layers_and_inject_from_the_output():
    merge, inject = (made(context=context).start(summary()) for context in ("merge", "inject"))
    assert (set(merge["context"]), set(inject["context"])) == ({"readout"}, {"gates"})
    assert max(np.abs(np.asarray(one)).max() for one in merge["layers"][0]) == 0


def test_prepared_weights_give_the_same_steps(cell):
    decoder = made(cell, layers=2)
    state = decoder.start(summary())
    prepared = decoder.prepare()
    assert prepared["inputs"].shape == (VOCABULARY, decoder.cells[0].projection_size)
    np.testing.assert_allclose(stepped(decoder, state, prepared=prepared), stepped(decoder, state), atol=1e-5)


def test_a_state_is_a_nest_of_rows_and_each_row_goes_its_own_way(cell):
    decoder = made(cell, layers=2)
    both, first = summary(), {"summary": summary()["summary"][:1]}
    for tensor in keras.tree.flatten(decoder.start(both)):
        assert tensor.shape[0] == 2
    alone, _ = decoder.step(TARGETS[:1, 0], decoder.start(first))
    together, _ = decoder.step(TARGETS[:, 0], decoder.start(both))
    np.testing.assert_allclose(np.asarray(alone)[0], np.asarray(together)[0], atol=1e-5)


def test_a_later_token_cannot_change_an_earlier_logit(cell):
    decoder = made(cell, layers=2)
    state, changed = decoder.start(summary()), TARGETS.copy()
    changed[:, 3] = 6
    before, after = (np.asarray(decoder(ids, state)) for ids in (TARGETS, changed))
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-6)
    assert np.abs(after[:, 3:] - before[:, 3:]).max() > 1e-4


def test_logits_are_float32_and_finite_in_bfloat16_too():
    keras.utils.set_random_seed(3)
    decoder = RecurrentDecoder(VOCABULARY, 6, units=8, dtype="mixed_bfloat16")
    decoder.build((None, SUMMARY))
    state = decoder.start(summary())
    logits, after = decoder.step(TARGETS[:, 0], state)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(np.asarray(logits)).all()
    assert [x.dtype for x in keras.tree.flatten(after)] == [x.dtype for x in keras.tree.flatten(state)]
    in_full = np.asarray(made()(TARGETS, made().start(summary())))
    np.testing.assert_allclose(np.asarray(decoder(TARGETS, state)), in_full, atol=0.1)


def test_without_a_context_the_summary_is_seen_at_the_start_alone():
    assert "context" not in made(context="start").start(summary())
    assert set(made().start(summary())["context"]) == {"gates", "readout"}


def test_a_context_reaches_every_step():
    # The recurrent state is the same for both; only the context differs.
    decoder = made()
    state, other = decoder.start(summary()), decoder.start({"summary": -summary()["summary"]})
    swapped = {**state, "context": other["context"]}
    difference = np.abs(stepped(decoder, swapped) - stepped(decoder, state)).max(axis=(0, 2))
    assert (difference > 1e-4).all()


def test_tied_embeddings_share_their_weights():
    tied, free = made(tie_embeddings=True), made(tie_embeddings=False)
    assert free.count_params() - tied.count_params() == VOCABULARY * 6
    assert any("output_kernel" in weight.path for weight in free.weights)


def test_residual_layers_add_their_input():
    # A second layer that puts out nothing: with the residual the first layer's output still arrives.
    outputs = {}
    for residual in (True, False):
        decoder = made("rnn", layers=2, residual=residual)
        for weight in decoder.cells[1].weights:
            weight.assign(np.zeros(weight.shape))
        state = decoder.start(summary())
        state["layers"][1] = [np.zeros((2, 8), np.float32)]
        outputs[residual] = np.asarray(decoder.run(decoder.embedding(TARGETS), state))
    assert np.abs(outputs[True]).max() > 1e-3
    assert np.abs(outputs[False]).max() == 0


def test_dropout_acts_in_training_only():
    decoder = made(dropout=0.5, recurrent_dropout=0.3, word_dropout=0.3)
    state = decoder.start(summary())
    calm = np.asarray(decoder(TARGETS, state))
    assert np.array_equal(calm, np.asarray(decoder(TARGETS, state)))
    assert np.abs(np.asarray(decoder(TARGETS, state, training=True)) - calm).max() > 1e-3


def test_an_unknown_context_or_cell_is_named():
    with pytest.raises(
        ValueError, match="context must be one of every-step, start, first-input, inject, merge, got 'never'"
    ):
        RecurrentDecoder(VOCABULARY, 6, context="never")
    with pytest.raises(ValueError, match="There is no cell 'lost'. Choose one of rnn, lstm, gru"):
        RecurrentDecoder(VOCABULARY, 6, cell="lost")


def test_it_is_rebuilt_from_its_configuration():
    decoder = made("gru", layers=2, context="start", tie_embeddings=False)
    again = RecurrentDecoder.from_config(decoder.get_config())
    again.build((None, SUMMARY))
    assert [tuple(w.shape) for w in again.weights] == [tuple(w.shape) for w in decoder.weights]
