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

_ASSERTED = re.compile(r"assertion failed: \[(.*?)\]")
_NODE = re.compile(r"\{\{.*?\}\}\s*")
_WARMED = ("serving_default", "search")


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
        except (tf.errors.OpError, OSError, ValueError) as error:
            raise OSError(f"No SavedModel can be read from {folder}: {error}") from error
        self._functions = dict(self._model.signatures)
        self.signatures = {name: _signature(function) for name, function in self._functions.items()}

    def warm(self) -> None:
        """Asks the signatures of whole answers once: the first call of each takes seconds longer than the next."""
        for name in _WARMED:
            if name in self.signatures:
                tensors = {key: _sample(spec, key) for key, spec in self.signatures[name].inputs.items()}
                try:
                    self(name, tensors)
                except Refused:
                    pass  # a SavedModel of other inputs may not take the sample; its first client then waits

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
    message = str(error.message)
    if asserted := _ASSERTED.search(message):
        return asserted[1]
    lines = [_NODE.sub("", line).strip() for line in message.splitlines()]
    said = [
        line for line in lines if line and not line.startswith(("Graph execution error", "Detected at", "<stack", "[["))
    ]
    return said[-1][:500] if said else type(error).__name__


def _sample(spec: TensorSpec, name: str) -> np.ndarray:
    """One small value for an input."""
    shape = tuple(1 if size is None else size for size in spec.shape)
    if spec.dtype == STRING:
        return np.full(shape, b"" if name.endswith("_bytes") else b"a", object)
    return np.ones(shape, spec.dtype)


def _signature(function: Any) -> Signature:
    inputs = {name: _spec(spec) for name, spec in function.structured_input_signature[1].items()}
    return Signature(inputs=inputs, outputs={name: _spec(spec) for name, spec in function.structured_outputs.items()})


def _spec(spec: Any) -> TensorSpec:
    dtype = STRING if spec.dtype == tf.string else np.dtype(spec.dtype.as_numpy_dtype).name
    return TensorSpec(dtype=dtype, shape=tuple(spec.shape.as_list()))
