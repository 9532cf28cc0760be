"""A SavedModel in this process, asked with NumPy arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizer's operations)

from serving.engines.rest import STRING, Refused, Signature, TensorSpec

_NODE = re.compile(r"^\{\{.*?\}\}\s*")


class ServedModel:
    """The signatures of a SavedModel.

    Args:
        folder: of the SavedModel.

    Raises:
        OSError: there is none in it, or it is damaged.
    """

    def __init__(self, folder: str | Path):
        try:
            self._model = tf.saved_model.load(str(folder))
        except tf.errors.OpError as error:
            raise OSError(f"No SavedModel can be read from {folder}: {error.message}") from error
        self._functions = dict(self._model.signatures)
        self.signatures = {name: _signature(function) for name, function in self._functions.items()}

    def __call__(self, signature: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Asks one signature.

        Raises:
            Refused: the model does not take these values; or the memory does not suffice for them (503).
        """
        function = self._functions[signature]
        specs = function.structured_input_signature[1]
        try:
            found = function(**{name: tf.constant(value, specs[name].dtype) for name, value in tensors.items()})
            return {name: np.asarray(value) for name, value in found.items()}
        except (
            tf.errors.InvalidArgumentError,
            tf.errors.UnimplementedError,
            tf.errors.FailedPreconditionError,
        ) as error:
            raise Refused(_said(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise Refused("The memory does not suffice for this request.", 503) from error


def _said(error: Any) -> str:
    """What TensorFlow says, without where in its graph it says it."""
    lines = [_NODE.sub("", line).strip() for line in str(error.message).splitlines()]
    return next((line for line in lines if line), type(error).__name__)[:500]


def _signature(function: Any) -> Signature:
    inputs = {name: _spec(spec) for name, spec in function.structured_input_signature[1].items()}
    return Signature(inputs=inputs, outputs={name: _spec(spec) for name, spec in function.structured_outputs.items()})


def _spec(spec: Any) -> TensorSpec:
    dtype = STRING if spec.dtype == tf.string else np.dtype(spec.dtype.as_numpy_dtype).name
    return TensorSpec(dtype=dtype, shape=tuple(spec.shape.as_list()))
