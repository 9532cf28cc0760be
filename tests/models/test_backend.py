"""Compiled functions read the variables as they are, on both backends."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from models import backend

ROOT = Path(__file__).parents[2]


def test_a_compiled_function_follows_the_weights():
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    layer.build((None, 2))
    function = backend.compiled(lambda x: layer(x), [((None, 2), "float32")])
    ones = np.ones((1, 2), "float32")
    assert np.asarray(function(ones)).item() == 2
    layer.kernel.assign([[3.0], [4.0]])
    assert np.asarray(function(ones)).item() == 7
    assert np.asarray(function(np.ones((3, 2), "float32"))).ravel().tolist() == [7, 7, 7]


def test_a_variable_that_only_another_shape_reads_is_followed_too():
    first, second = keras.Variable(1.0), keras.Variable(10.0)

    def function(x):
        # Under JAX a size is known while a function is traced, and may decide what it reads.
        return keras.ops.sum(x) * (first if x.shape[0] == 1 else second)

    compiled = backend.compiled(function)
    assert float(compiled(np.ones(1, "float32"))) == 1
    assert float(compiled(np.ones(2, "float32"))) == 20
    second.assign(100.0)
    assert float(compiled(np.ones(2, "float32"))) == 200
    assert float(compiled(np.ones(1, "float32"))) == 1


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "jax", reason="this is the run on JAX")
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="pip install -r requirements-scale.txt")
def test_the_same_on_jax():
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_columns_that_are_padding_in_all_rows_are_cut_off():
    rows = np.array([[5, 6, 0, 0], [7, 0, 0, 0]], np.int32)
    found = np.asarray(backend.narrowed(rows, padding=0))
    assert found.shape[1] == (4 if backend.NAME == "jax" else 2)
    assert (found == rows[:, : found.shape[1]]).all()
