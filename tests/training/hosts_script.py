"""Trains a small model and writes its weights: run by `test_hosts.py`, one process a host."""

import sys
from pathlib import Path

import keras
import numpy as np

from training import fit, hosts
from training.recipe import TrainingRecipe


class Small(keras.Model):
    """Classifies rows; a label of 0 is padding."""

    def __init__(self):
        super().__init__()
        self.dense, self.dropout = keras.layers.Dense(3), keras.layers.Dropout(0.3)
        self.nats = keras.metrics.Mean(name="nats")

    def call(self, x, training=None):
        """Logits of rows."""
        return self.dense(self.dropout(x, training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The mean over real rows."""
        real = keras.ops.cast(y > 0, "float32")
        each = keras.losses.sparse_categorical_crossentropy(keras.ops.maximum(y - 1, 0), y_pred, from_logits=True)
        loss = keras.ops.sum(each * real) / keras.ops.sum(real)
        self.nats.update_state(loss)
        return loss


def main(folder: str, addresses: str, index: str, epochs: str) -> None:
    """Trains for some epochs in a folder, and writes `weights.npy`."""
    keras.utils.set_random_seed(3)
    hosts.join(addresses, int(index))
    random = np.random.default_rng(0)
    rows, labels = random.normal(size=(37, 5)).astype(np.float32), random.integers(1, 4, size=37).astype(np.int32)
    batches = [(rows[start : start + 8], labels[start : start + 8]) for start in range(0, 37, 8)]
    model = Small()
    model(rows[:1])
    recipe = TrainingRecipe(epochs=int(epochs), learning_rate=0.05, warmup_steps=1, average=0.5, stop_by="loss")
    fit.compile_model(model, recipe, len(batches))
    evaluate = lambda trained: {"loss": float(np.square(np.asarray(trained(rows))).mean())}  # noqa: E731
    fit.Run(model, recipe, lambda epoch: batches, evaluate, Path(folder) / "run").train()
    np.save(Path(folder) / "weights.npy", np.concatenate([np.ravel(weight) for weight in model.get_weights()]))


main(*sys.argv[1:])
