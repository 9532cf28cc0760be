"""Saliency and what is held: derivatives, checked one by one."""

import numpy as np
import pytest
from keras import ops

from models import backend
from models.explain.carrousel import kept_within, still_held, word_norms
from models.explain.edits import Edit
from models.explain.explainer import AT_ONCE, Explainer
from models.explain.influence import by_groups, influence, shares
from models.layers.recurrence import step_cell
from tests.models.explain.test_readings import SOURCE, build

TARGET = [5, 6, 7, 3]
IN, OUT = np.array([[2, 5, 6, 7]], np.int32), np.array([TARGET], np.int32)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_saliency_is_the_gradient_times_the_input_of_each_words_log_probability(cell):
    encoder, decoder = build(cell)
    found = Explainer(encoder, decoder, bos_id=2).influence(SOURCE, TARGET)
    embedded, mask = encoder.embed(SOURCE)
    for step, token in enumerate(TARGET):

        def log_prob(embedded, step=step, token=token):
            logits = decoder(IN, decoder.start(encoder.summarise(embedded, mask)))
            return ops.log_softmax(logits, axis=-1)[:, step, token]

        (gradient,) = backend.gradients(log_prob, embedded)
        np.testing.assert_allclose(found.saliency[step], ops.sum(gradient * embedded, axis=-1)[0], atol=1e-5)


def test_shares_add_to_one_and_nothing_stays_nothing():
    found = shares(np.array([[3.0, -1.0, 0.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.75, 0.25, 0], [0, 0, 0]])
    np.testing.assert_allclose(by_groups(np.array([[1.0, 2.0, -4.0]]), [(0,), (1, 2)]), [[1, -2]])


def test_norms_are_those_of_the_whole_derivative_where_the_probes_see_every_direction():
    encoder, decoder = build(layers=1)
    probes = np.eye(8, dtype=np.float32) * np.float32(8**0.5)
    steps = np.arange(4, dtype=np.int32)
    _, source_norms, target_norms = influence(encoder, decoder, SOURCE, IN, OUT, steps, probes)
    embedded, mask = encoder.embed(SOURCE)
    for step in range(4):
        squares = np.zeros((1, 5))
        own = np.zeros((1, 4))
        for unit in range(8):

            def cell(embedded, target, step=step, unit=unit):
                final = []

                def run(*arguments, **named):
                    outputs, state = step_cell(*arguments, **named)
                    final.append(state[1])
                    return outputs, state

                decoder.run(target[:, : step + 1], decoder.start(encoder.summarise(embedded, mask)), run=run)
                return final[0][:, unit]

            at_source, at_target = backend.gradients(cell, embedded, decoder.embedding(IN))
            squares += np.square(np.asarray(at_source)).sum(-1)
            own += np.square(np.asarray(at_target)).sum(-1)
        np.testing.assert_allclose(source_norms[step], np.sqrt(squares)[0], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(target_norms[step], np.sqrt(own)[0], rtol=1e-3, atol=1e-6)


def test_a_long_sentence_is_done_in_parts_with_the_same_result():
    encoder, decoder = build(layers=1)
    explainer = Explainer(encoder, decoder, bos_id=2)
    target_ids = [4 + n % 8 for n in range(AT_ONCE + 3)]
    whole = explainer.influence(SOURCE, target_ids)
    short = explainer.influence(SOURCE, target_ids[:AT_ONCE])
    assert whole.saliency.shape == (AT_ONCE + 3, 5) and whole.target_norms.shape == (AT_ONCE + 3, AT_ONCE + 3)
    np.testing.assert_allclose(whole.source_norms[:AT_ONCE], short.source_norms, rtol=1e-4)
    assert np.all(np.triu(whole.target_norms, 1) == 0)


def test_the_derivatives_of_an_edited_path_agree_where_the_edit_comes_too_late_to_matter():
    encoder, decoder = build()
    explainer = Explainer(encoder, decoder, bos_id=2)
    late = [Edit(stream="decoder 1", unit=2, action="zero", from_step=50)]
    for name in ("saliency", "source_norms", "target_norms"):
        plain, edited = (getattr(explainer.influence(SOURCE, TARGET, edits), name) for edits in ([], late))
        np.testing.assert_allclose(edited, plain, atol=1e-5)


def test_a_frozen_unit_no_longer_listens():
    encoder, decoder = build(layers=1)
    explainer = Explainer(encoder, decoder, bos_id=2)
    explainer.probes = np.eye(8, dtype=np.float32)[2:3]  # looks at unit 2 alone
    frozen = [Edit(stream="decoder 1", unit=2, action="freeze", from_step=2)]
    found = explainer.influence(SOURCE, TARGET, frozen)
    assert np.all(found.target_norms[2:, 2:] == 0)
    np.testing.assert_allclose(found.source_norms[3], found.source_norms[1], rtol=1e-5)


def test_what_is_held_is_a_share_of_the_greatest_value_over_time():
    held, written = still_held(np.array([[2.0, 0.0], [4.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(held, [[0.5, 1, 0.25], [0, 0, 0]])
    np.testing.assert_allclose(written, [1, 0])
    np.testing.assert_allclose(word_norms(np.array([[3.0, 4.0, 1.0]]), [(0, 1), (2,)]), [[5, 1]])


def test_within_a_layer_the_product_of_the_forget_gates_is_what_is_kept():
    kept = kept_within(np.array([[0.9], [0.5], [0.2]]))
    np.testing.assert_allclose(kept[:, :, 0], [[1, 0.5, 0.1], [0, 1, 0.2], [0, 0, 1]])


def test_compiled_functions_give_what_they_give_uncompiled(compiled, monkeypatch):
    encoder, decoder = build(layers=1)
    fast = Explainer(encoder, decoder, bos_id=2)
    found, readings = fast.influence(SOURCE, TARGET), fast.read(SOURCE, TARGET)
    monkeypatch.setattr(backend, "compiled", lambda function, signature=None: function)
    slow = Explainer(encoder, decoder, bos_id=2)
    for name in ("saliency", "source_norms", "target_norms"):
        np.testing.assert_allclose(getattr(found, name), getattr(slow.influence(SOURCE, TARGET), name), atol=1e-4)
    for one, other in zip(readings, slow.read(SOURCE, TARGET), strict=True):
        np.testing.assert_allclose(one.series["cell"], other.series["cell"], atol=1e-5)
