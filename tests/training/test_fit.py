"""A training run can be stopped anywhere and goes on as if it had not been."""

import csv
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from models.decoder import RecurrentDecoder
from models.encoder_decoder import EncoderDecoder, token_loss
from models.encoders.text import TextEncoder
from models.layers.word_dropout import WordDropout
from training import checkpoint, fit
from training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    epochs=3,
    batch_size=2,
    learning_rate=0.02,
    warmup_steps=2,
    dropout=0.2,
    word_dropout=0.2,
    average=0.7,
)


def batches(epoch: int):
    """Four batches an epoch, of different widths, that the epoch's number decides."""
    generator = np.random.default_rng(epoch)
    made = []
    for width in (3, 4, 6, 5):
        ids = generator.integers(4, 9, (2, width)).astype(np.int32)
        ids[1, -1] = 0
        target_in = np.concatenate([np.full((2, 1), 2, np.int32), ids[:, :-1]], axis=1)
        made.append(({"source": ids, "target_in": target_in}, ids))
    return made


class NextWord(keras.Model):
    """Says the next word from the last: small, with both kinds of dropout, whose draws a resumed run must repeat."""

    def __init__(self, recipe):
        super().__init__()
        self.smoothing = recipe.label_smoothing
        self.word_dropout = WordDropout(recipe.word_dropout, 1)
        self.embedding = keras.layers.Embedding(9, 4)
        self.dropout = keras.layers.Dropout(recipe.dropout)
        self.readout = keras.layers.Dense(9, name="readout")
        self.nats = keras.metrics.Mean(name="nats")

    def call(self, inputs, training=False):
        embedded = self.embedding(self.word_dropout(inputs["target_in"], training=training))
        return self.readout(self.dropout(embedded, training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        smoothed, plain, tokens = token_loss(y_pred, y, 0, self.smoothing)
        self.nats.update_state(plain, sample_weight=tokens)
        return smoothed


def model_of(recipe=RECIPE):
    keras.utils.set_random_seed(11)
    model = NextWord(recipe)
    model({"target_in": np.ones((1, 2), np.int32)})
    fit.compile_model(model, recipe, steps_per_epoch=4)
    return model


def translator_of(recipe=RECIPE):
    keras.utils.set_random_seed(11)
    encoder = TextEncoder(9, 4, units=3, dropout=0.2, recurrent_dropout=0.1, word_dropout=0.2)
    decoder = RecurrentDecoder(9, 4, units=5, dropout=0.2, recurrent_dropout=0.1, word_dropout=0.2)
    model = EncoderDecoder(encoder, decoder, recipe.label_smoothing)
    model.build_weights()
    fit.compile_model(model, recipe, steps_per_epoch=4)
    return model


class WatchedRun(fit.Run):
    """A run that remembers what it said, and in which something happens after a given number of steps."""

    happens_at: int | None = None
    happening: Callable = staticmethod(lambda run: None)

    def reason_to_stop(self) -> str:
        if self.happens_at == 4 * self.progress.epoch + self.progress.step:
            self.happens_at = None
            self.happening(self)
        return super().reason_to_stop()


def run_of(directory, recipe=RECIPE, evaluate=None, made=model_of, **arguments):
    lines: list[str] = []
    evaluate = evaluate or (lambda model: {"score": 1.0})
    run = WatchedRun(made(recipe), recipe, batches, evaluate, directory, say=lines.append, **arguments)
    run.lines = lines
    return run


def press_ctrl_c(run) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def deterministic():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


@pytest.fixture(scope="module")
def uninterrupted(deterministic, tmp_path_factory):
    run = run_of(tmp_path_factory.mktemp("whole"))
    run.train()
    return run


def last_of(run):
    with np.load(run.directory / "last.npz") as stored:
        return {name: stored[name] for name in stored.files if name != "position"}


def differences(run, whole) -> list[str]:
    """Which variables of model and optimizer differ after both runs."""
    mine, other = last_of(run), last_of(whole)
    assert mine.keys() == other.keys()
    return [name for name in other if not np.array_equal(mine[name], other[name])]


def stop_and_resume(directory, steps, **arguments):
    """Ends a run by ctrl-C after some steps, and lets a fresh process' run go on in its folder."""
    first = run_of(directory, **arguments)
    first.happens_at, first.happening = steps, press_ctrl_c
    with pytest.raises(fit.Interrupted, match="stopped by interrupt") as stopped:
        first.train()
    assert (stopped.value.epoch, stopped.value.step) == divmod(steps, 4)
    second = run_of(directory, **arguments)
    second.train()
    return second


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_run_stopped_inside_an_epoch_or_at_its_end_resumes_bit_for_bit(uninterrupted, tmp_path, steps):
    resumed = stop_and_resume(tmp_path, steps)
    assert differences(resumed, uninterrupted) == []
    nats = [row["train_nats"] for row in resumed.progress.history]
    assert nats == pytest.approx([row["train_nats"] for row in uninterrupted.progress.history], abs=2e-4)


def test_an_encoder_decoder_with_every_dropout_resumes_bit_for_bit(deterministic, tmp_path):
    recipe = replace(RECIPE, epochs=2)
    whole = run_of(tmp_path / "whole", recipe, made=translator_of)
    whole.train()
    assert differences(stop_and_resume(tmp_path / "stopped", 6, recipe=recipe, made=translator_of), whole) == []


def test_a_second_ctrl_c_acts_as_usual_and_the_handler_is_put_back(tmp_path):
    run = run_of(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    try:
        with fit._StopOnInterrupt(run):
            os.kill(os.getpid(), signal.SIGINT)
            assert run.reason_to_stop() == "interrupt"
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_time_limit_stops_after_a_step_with_all_saved(tmp_path):
    run = run_of(tmp_path, time_limit=0.0)
    with pytest.raises(fit.Interrupted, match="time limit in epoch 1 after step 1; the work is saved"):
        run.train()
    assert (tmp_path / "last.npz").exists()
    again = run_of(tmp_path)
    again.train()
    assert again.progress.epoch == 3
    assert any("going on from epoch 1, step 1" in line for line in again.lines)


def test_a_limit_that_passes_at_the_very_end_is_no_interruption(tmp_path):
    run = run_of(tmp_path)
    run.happens_at, run.happening = 12, lambda run: setattr(run, "deadline", 0.0)
    assert run.train().epoch == 3


def test_the_best_evaluation_is_kept_and_given_back(tmp_path):
    scores, weights = iter([1.0, 5.0, 2.0]), []

    def evaluate(model):
        weights.append(np.asarray(model.readout.kernel))
        return {"score": next(scores)}

    run = run_of(tmp_path, evaluate=evaluate)
    progress = run.train()
    assert (progress.best, progress.best_epoch) == (5.0, 2)
    assert np.array_equal(np.asarray(run.model.readout.kernel), weights[1])
    fresh = model_of()
    fit.load_weights(tmp_path / "best.npz", fresh)
    assert np.array_equal(np.asarray(fresh.readout.kernel), weights[1])


def test_what_is_evaluated_is_the_average_and_training_goes_on_from_the_rest(tmp_path):
    seen = []
    run = run_of(tmp_path, evaluate=lambda model: seen.append(np.asarray(model.readout.kernel)) or {"score": 0})
    run.train()
    averages = run.model.optimizer._model_variables_moving_average
    names = [variable.path for variable in run.model.trainable_variables]
    at = next(number for number, name in enumerate(names) if name.endswith("readout/kernel"))
    assert np.array_equal(seen[-1], np.asarray(averages[at]))
    trained = last_of(run)
    assert not any(np.array_equal(seen[-1], value) for value in list(trained.values())[: len(names)])


def test_early_stopping_counts_evaluations_without_a_better_one(tmp_path):
    recipe = TrainingRecipe(epochs=9, batch_size=2, patience=2, stop_by="loss", average=0.0)
    losses = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    progress = run_of(tmp_path, recipe, evaluate=lambda model: {"loss": next(losses)}).train()
    assert (progress.epoch, progress.best_epoch, progress.best) == (4, 2, -2.0)


def test_the_history_has_a_row_an_epoch(uninterrupted):
    with open(uninterrupted.directory / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["train_nats"]) < float(rows[0]["train_nats"])
    assert float(rows[0]["score"]) == 1.0
    assert [path.name for path in uninterrupted.directory.glob(".*")] == []


@pytest.mark.parametrize("damage", ["cut", "empty", "other bytes", "no position", "another model"])
def test_a_damaged_or_foreign_checkpoint_is_refused_by_name(uninterrupted, tmp_path, damage):
    path, whole = tmp_path / "last.npz", (uninterrupted.directory / "last.npz").read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other bytes":
        path.write_bytes(b"x" * 1000)
    elif damage == "no position":
        arrays = last_of(uninterrupted)
        np.savez(path, **arrays, place=np.zeros(1))
    else:
        path.write_bytes(whole)
    recipe = TrainingRecipe(optimizer="sgd") if damage == "another model" else RECIPE
    with pytest.raises(checkpoint.DamagedCheckpoint, match=r"last\.npz"):
        checkpoint.load(path, model_of(recipe))


def test_a_bit_that_flipped_is_noticed(uninterrupted, tmp_path):
    whole = bytearray((uninterrupted.directory / "last.npz").read_bytes())
    whole[len(whole) // 3] ^= 1
    (tmp_path / "last.npz").write_bytes(whole)
    with pytest.raises(checkpoint.DamagedCheckpoint, match=r"last\.npz"):
        checkpoint.load(tmp_path / "last.npz", model_of())


def test_damaged_best_weights_are_refused_by_name(uninterrupted, tmp_path):
    whole = (uninterrupted.directory / "best.npz").read_bytes()
    (tmp_path / "best.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(checkpoint.DamagedCheckpoint, match=r"best\.npz"):
        fit.load_weights(tmp_path / "best.npz", model_of())


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(uninterrupted, tmp_path, monkeypatch):
    path = tmp_path / "last.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(np, "savez", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, uninterrupted.model, {})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("epochs", 0, "epochs must be at least 1"),
        ("schedule", "zigzag", "schedule must be one of cosine, linear, inverse-sqrt, constant"),
        ("dropout", 1.0, "dropout must be at least 0 and below 1"),
        ("stop_by", "luck", "stop_by must be score or loss"),
    ],
)
def test_a_recipe_out_of_range_is_named(field, value, rule):
    with pytest.raises(ValueError, match=rule):
        TrainingRecipe(**{field: value})


def test_a_run_cut_short_before_its_first_evaluation_is_evaluated_once(tmp_path):
    recipe = replace(RECIPE, epochs=3, evaluate_every=3)
    run = run_of(tmp_path, recipe)
    run.happens_at, run.happening = 4, press_ctrl_c
    with pytest.raises(fit.Interrupted):
        run.train()
    shorter = run_of(tmp_path, replace(recipe, epochs=1))
    assert shorter.train().best_epoch == 1
    assert (tmp_path / "best.npz").exists()


def test_a_run_knows_whether_anything_is_left_to_do(uninterrupted, tmp_path):
    assert uninterrupted.is_done()
    assert not run_of(uninterrupted.directory, replace(RECIPE, epochs=4)).is_done()
    assert not run_of(tmp_path).is_done()
