"""Self-critical training: answers that are rewarded become likelier, and a stage resumes as any other run."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from models.decoder import RecurrentDecoder
from models.encoder_decoder import EncoderDecoder
from models.encoders.text import TextEncoder
from training import fit
from training.recipe import TrainingRecipe
from training.self_critical import SelfCritical, words_said

STEPS = 2
IDS = {"bos": 2, "eos": 3, "pad": 0}
SOURCES = np.array([[4, 3], [5, 3], [6, 3], [7, 3]], np.int32)
RECIPE = TrainingRecipe(
    epochs=2, batch_size=4, learning_rate=0.03, warmup_steps=1, schedule="constant", average=0.0, weight_decay=0.0
)


def echo(items, tokens):
    """Rewards saying the item's own token first."""
    return (tokens[:, 0] == items + 4).astype(np.float32)


def made(reward=echo, **settings):
    keras.utils.set_random_seed(1)
    inner = EncoderDecoder(TextEncoder(9, 6, units=5), RecurrentDecoder(9, 6, units=8, dropout=0.2))
    inner.build_weights()
    model = SelfCritical(inner, reward, IDS, max_length=4, **{"samples": 4, **settings})
    model.build_weights(SOURCES)
    return model


def batches(epoch):
    items = np.random.default_rng(epoch).permutation(4).astype(np.int32)
    return [({"source": SOURCES[items], "item": items}, items)] * STEPS


def expected_reward(model) -> float:
    """The probability of the rewarded first token, averaged over the items."""
    state = model.model.decoder.start(model.model.encoder(SOURCES))
    logits, _ = model.model.decoder.step(np.full(4, 2, np.int32), state)
    return float(np.mean(np.asarray(keras.ops.softmax(logits))[range(4), range(4, 8)]))


def weights(model):
    return [np.asarray(variable) for variable in model.trainable_variables]


def train(model, directory, epochs=2, eager=True, **options):
    recipe = replace(RECIPE, epochs=epochs)
    fit.compile_model(model, recipe, STEPS)
    model.run_eagerly = eager  # tracing would take most of the time
    run = fit.Run(model, recipe, batches, lambda m: {"score": expected_reward(m)}, directory, **options)
    return run.train()


def test_what_is_rewarded_becomes_likelier(tmp_path):
    model = made()
    before = expected_reward(model)
    train(model, tmp_path, epochs=14, eager=False)
    assert expected_reward(model) > 2 * before


def test_the_baseline_can_be_the_greedy_answer():
    model = made(lambda items, tokens: tokens[:, 0].astype(np.float32), baseline="greedy", samples=2)
    found = model({"source": SOURCES, "item": np.arange(4, dtype=np.int32)})
    state = model.model.decoder.start(model.model.encoder(SOURCES))
    logits, _ = model.model.decoder.step(np.full(4, 2, np.int32), state)
    greedy = np.repeat(np.argmax(np.asarray(logits), axis=-1), 2)
    assert np.asarray(found["advantages"]) == pytest.approx(np.asarray(found["rewards"]) - greedy)


def test_equal_rewards_teach_nothing(tmp_path):
    model = made(lambda items, tokens: np.ones(len(items), np.float32))
    before = weights(model)
    train(model, tmp_path, epochs=1)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))


def test_the_reward_meets_each_items_samples_with_the_items_number():
    met = []
    model = made(lambda items, tokens: met.append((items, tokens)) or np.zeros(len(items)), samples=3)
    model({"source": SOURCES, "item": np.arange(4, dtype=np.int32)})
    items, tokens = met[0]
    assert items.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert tokens.shape == (12, 4)


def test_probabilities_and_baseline_by_hand():
    rewards = np.array([1, 0, 0, 0.5] * 4, np.float32)
    model = made(lambda items, tokens: rewards)
    found = {k: np.asarray(v) for k, v in model({"source": SOURCES, "item": np.arange(4, dtype=np.int32)}).items()}
    assert found["advantages"][:4] == pytest.approx([1 - 0.5 / 3, -0.5, -0.5, 0.5 - 1 / 3])
    assert (found["log_probs"] < 0).all()
    loss = float(model.compute_loss(y_pred=found))
    product = found["advantages"][:, None] * found["log_probs"] * found["real"]
    assert loss == pytest.approx(-product.sum() / found["real"].sum(), rel=1e-5)


@pytest.mark.slow
def test_a_stage_that_was_stopped_goes_on_as_if_it_had_not(tmp_path):
    whole = made()
    train(whole, tmp_path / "whole")
    stopped = made()
    with pytest.raises(fit.Interrupted):
        train(stopped, tmp_path / "parts", time_limit=0)
    resumed = made()
    keras.utils.set_random_seed(99)
    train(resumed, tmp_path / "parts")
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_special_tokens_are_no_words():
    assert words_said(np.array([[4, 5, 3, 0], [3, 0, 0, 0]]), IDS) == [[4, 5], []]


def test_too_few_samples_and_unknown_baselines_are_refused():
    with pytest.raises(ValueError, match="more samples"):
        made(samples=1)
    with pytest.raises(ValueError, match="others, greedy"):
        made(baseline="median")
