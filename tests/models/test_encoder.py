"""What the text encoder keeps: one summary a sentence, whatever stands beside it and behind it."""

import keras
import numpy as np
import pytest

from models.encoders.text import RecurrentStack, TextEncoder, reverse_sequences
from models.layers.build import CELLS

SENTENCES = np.array([[4, 5, 6, 7, 3], [6, 3, 0, 0, 0], [5, 5, 3, 0, 0]], np.int32)


def made(**settings):
    keras.utils.set_random_seed(5)
    encoder = TextEncoder(9, 4, **{"units": 3, **settings})
    encoder(SENTENCES)
    return encoder


def read(encoder, source_ids, **arguments):
    return np.asarray(encoder(source_ids, **arguments)["summary"])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"layers": 2}, {"bidirectional": False}, {"summary": "last"}, {"reverse": True}],
    ids=["pooled", "two layers", "one direction", "last", "reversed"],
)
def test_a_sentence_has_one_summary_alone_in_a_batch_and_padded_further(cell, settings):
    if cell == "block":
        settings = {**settings, "units": 4}
    encoder = made(cell=cell, **settings)
    together = read(encoder, SENTENCES)
    further = read(encoder, np.pad(SENTENCES, ((0, 0), (0, 4))))
    np.testing.assert_allclose(further, together, atol=1e-5)
    for row, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(read(encoder, sentence[None, sentence > 0])[0], together[row], atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "width"),
    [
        ({"summary": "last"}, 2 * 2 * 3),  # h and c of both directions
        ({"summary": "last", "cell": "gru"}, 2 * 3),
        ({"summary": "pooled"}, 2 * 3 + 2 * 3),  # h of both, the maximum over time of both
        ({"summary": "pooled", "bidirectional": False}, 3 + 3),
    ],
)
def test_the_summarys_width_is_as_documented(settings, width):
    assert read(made(**settings), SENTENCES).shape == (3, width)


def test_the_last_summary_is_the_state_after_the_last_real_token():
    encoder = made(summary="last", bidirectional=False)
    inputs, cell = np.asarray(encoder.embedding(SENTENCES)), encoder.stack.cells[0][0]
    for row, length in enumerate((5, 2, 3)):
        state = [np.zeros((1, 3), np.float32)] * 2
        for position in range(length):
            _, state = cell.step(cell.project(inputs[row : row + 1, position]), state)
        expected = np.concatenate([np.asarray(tensor) for tensor in state], axis=-1)[0]
        np.testing.assert_allclose(read(encoder, SENTENCES)[row], expected, atol=1e-5)


def test_the_pooled_summary_is_the_maximum_over_real_tokens():
    encoder = made(bidirectional=False)
    outputs, _ = encoder.stack(encoder.embedding(SENTENCES), mask=SENTENCES > 0)
    for row, length in enumerate((5, 2, 3)):
        expected = np.asarray(outputs)[row, :length].max(axis=0)
        np.testing.assert_allclose(read(encoder, SENTENCES)[row, 3:], expected, atol=1e-6)


def test_reversal_turns_the_tokens_and_leaves_the_padding_on_the_right():
    turned = np.asarray(reverse_sequences(SENTENCES, SENTENCES > 0))
    assert turned.tolist() == [[3, 7, 6, 5, 4], [3, 6, 0, 0, 0], [3, 5, 5, 0, 0]]


def test_reading_in_reverse_is_reading_the_reversed_sentence():
    plain, reversing = made(bidirectional=False), made(bidirectional=False, reverse=True)
    turned = np.asarray(reverse_sequences(SENTENCES, SENTENCES > 0))
    np.testing.assert_allclose(read(reversing, SENTENCES), read(plain, turned), atol=1e-6)


def test_the_backward_direction_reads_from_the_end():
    # Changing the last token changes the backward output at the first; the forward one knows nothing of it yet.
    stack = RecurrentStack("lstm", 3)
    inputs = np.random.default_rng(0).normal(size=(1, 4, 2)).astype(np.float32)
    changed = inputs.copy()
    changed[0, 3] += 1
    before, after = (np.asarray(stack(x)[0])[0, 0] for x in (inputs, changed))
    assert np.array_equal(before[:3], after[:3])
    assert np.abs(before[3:] - after[3:]).max() > 1e-4


def test_residuals_join_layers_of_equal_width():
    silent = made(layers=2)
    for cell in silent.stack.cells[1]:
        for weight in cell.weights:
            weight.assign(np.zeros(weight.shape))
    outputs, _ = silent.stack(silent.embedding(SENTENCES), mask=SENTENCES > 0)
    below = RecurrentStack("lstm", 3)
    below.cells = silent.stack.cells[:1]
    below.built = True
    expected, _ = below(silent.embedding(SENTENCES), mask=SENTENCES > 0)
    np.testing.assert_allclose(np.asarray(outputs), np.asarray(expected), atol=1e-6)


def test_dropout_acts_in_training_only():
    encoder = made(dropout=0.5, recurrent_dropout=0.3, word_dropout=0.5)
    assert np.array_equal(read(encoder, SENTENCES), read(encoder, SENTENCES))
    assert np.abs(read(encoder, SENTENCES, training=True) - read(encoder, SENTENCES)).max() > 1e-4


def test_an_unknown_summary_is_named():
    with pytest.raises(ValueError, match="summary must be one of last, pooled, got 'mean'"):
        TextEncoder(9, 4, summary="mean")


def test_in_bfloat16_every_layer_computes_in_it():
    keras.utils.set_random_seed(5)
    encoder = TextEncoder(9, 4, units=3, layers=2, dtype="mixed_bfloat16")
    summary = encoder(SENTENCES)["summary"]
    assert keras.backend.standardize_dtype(summary.dtype) == "bfloat16"
    np.testing.assert_allclose(np.asarray(summary, np.float32), read(made(layers=2), SENTENCES), atol=0.05)
