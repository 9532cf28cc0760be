"""The averaged weights: when they are used, and that training never goes on from them."""

import keras
import numpy as np

from training.fit import AveragedWeights, compile_model
from training.recipe import TrainingRecipe


class Line(keras.Model):
    """y = w x, by squared error."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=(1,), initializer="ones")
        self.built = True

    def call(self, inputs):
        return inputs * self.weight

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean((y_pred - y) ** 2)


def trained(average: float, calls: int, steps: int) -> Line:
    """Trains in so many calls of `fit` of so many steps each."""
    model = Line()
    recipe = TrainingRecipe(average=average, learning_rate=0.1, schedule="constant", warmup_steps=0, weight_decay=0)
    compile_model(model, recipe, steps_per_epoch=steps)
    x = np.ones((steps, 1), np.float32)
    for _ in range(calls):
        model.fit(x, 5 * x, batch_size=1, shuffle=False, verbose=0)
    return model


def test_a_new_call_of_fit_goes_on_from_the_trained_weights_and_not_from_their_average():
    once, twice = trained(0.9, calls=1, steps=8), trained(0.9, calls=2, steps=4)
    assert float(once.weight[0]) == float(twice.weight[0])
    assert float(once.weight[0]) == float(trained(0.0, calls=1, steps=8).weight[0])


def test_the_average_is_used_once_it_has_forgotten_the_start_and_the_trained_weights_come_back():
    model = trained(0.9, calls=1, steps=40)
    before = float(model.weight[0])
    with AveragedWeights(model):
        assert float(model.weight[0]) != before
    assert float(model.weight[0]) == before


def test_an_average_that_still_remembers_the_start_is_not_used():
    model = trained(0.9, calls=1, steps=20)
    before = float(model.weight[0])
    with AveragedWeights(model):
        assert float(model.weight[0]) == before
