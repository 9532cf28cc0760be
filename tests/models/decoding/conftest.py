"""A small encoder and decoder with random weights that have been spread, so that no two scores are alike."""

import keras
import numpy as np
import pytest

from models.decoder import RecurrentDecoder
from models.encoders.text import TextEncoder

VOCABULARY = 11


def spread(layer, scale: float, seed: int = 0):
    """Random weights, large enough that probabilities differ."""
    generator = np.random.default_rng(seed)
    for variable in layer.weights:
        if "seed" not in variable.path:
            variable.assign(generator.normal(0, scale, variable.shape))
    return layer


@pytest.fixture(scope="session")
def encoder():
    keras.utils.set_random_seed(0)
    layer = TextEncoder(VOCABULARY, 5, units=4)
    layer(np.ones((1, 3), np.int32))
    return spread(layer, 0.6)


@pytest.fixture(scope="session")
def decoder(encoder):
    layer = RecurrentDecoder(VOCABULARY, 6, units=7, layers=2)
    layer.build(encoder(np.ones((1, 3), np.int32))["summary"].shape)
    spread(layer, 0.7, seed=1)
    layer.output_bias.assign(np.array([-9, -9, -9, 0.5, *[0.0] * (VOCABULARY - 4)]))  # no <pad>, <unk>, <s>
    return layer


@pytest.fixture(scope="session")
def sources():
    return [[4, 5, 6, 3], [7, 3], [9, 8, 7, 6, 5, 4, 3], [10, 10, 4, 3]]
