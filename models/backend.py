"""The one file that knows TensorFlow from JAX: what `keras.ops` does not offer."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

NAME = keras.backend.backend()

if NAME == "tensorflow":
    import tensorflow as tf
elif NAME == "jax":
    import jax
else:
    raise ImportError(f"Carrousel runs on Keras' TensorFlow and JAX backends, not on {NAME!r}. Set KERAS_BACKEND.")


def scan(function: Callable, state: tuple, steps: tuple, like: tuple, reverse: bool = False):
    """Runs `function(state, step) -> (state, outputs)` over the leading axis.

    Args:
        function: state and outputs are tuples of tensors, their shapes the same at every step.
        state: the state before the first step.
        steps: a tuple of tensors (time, …), cut along time.
        like: a tuple of tensors with the type and shape of one step's outputs.
        reverse: go from the last step to the first; outputs keep the order of `steps`.

    Returns:
        state: the final state, a tuple.
        outputs: a tuple of tensors (time, …).
    """
    if NAME == "jax":
        return jax.lax.scan(function, state, steps, reverse=reverse)
    count = tf.shape(steps[0])[0]
    reads = [tf.TensorArray(x.dtype, size=count, element_shape=x.shape[1:]).unstack(x) for x in steps]
    writes = tuple(tf.TensorArray(x.dtype, size=count, element_shape=x.shape) for x in like)

    def body(number, state, writes):
        at = count - 1 - number if reverse else number
        new, outputs = function(state, tuple(array.read(at) for array in reads))
        for before, after in zip(state, new, strict=True):
            after.set_shape(before.shape)
        return number + 1, new, tuple(a.write(at, x) for a, x in zip(writes, outputs, strict=True))

    _, state, writes = tf.while_loop(
        lambda number, *_: number < count, body, (0, tuple(state), writes), maximum_iterations=count
    )
    return state, tuple(array.stack() for array in writes)


def custom_gradient(function: Callable) -> Callable:
    """Gives a function its own backward pass.

    Args:
        function: takes tensors and returns (outputs, gradient), where `gradient` takes the gradients at the outputs
            and returns one for each input; None means that the input has none.

    Returns:
        A function from the same tensors to `outputs`.
    """
    if NAME == "tensorflow":
        return tf.custom_gradient(function)

    def with_zeros(*tensors):
        outputs, gradient = function(*tensors)

        def zeros_for_none(upstream):
            found = gradient(*upstream) if isinstance(upstream, (tuple, list)) else gradient(upstream)
            return tuple(
                _jax_zero(x) if one is None else one for x, one in zip(tensors, found, strict=True)
            )

        return outputs, zeros_for_none

    return jax.custom_gradient(with_zeros)


def _jax_zero(tensor):
    """The gradient of a tensor that has none: for whole numbers and booleans JAX has a type of its own."""
    if jax.numpy.issubdtype(tensor.dtype, jax.numpy.inexact):
        return jax.numpy.zeros_like(tensor)
    return np.zeros(tensor.shape, dtype=jax.dtypes.float0)


def sigmoid_gradient(activation, upstream):
    """The gradient below y = sigmoid(x), from y: `upstream` * y * (1 - y)."""
    if NAME == "tensorflow":
        return tf.raw_ops.SigmoidGrad(y=activation, dy=upstream)
    return upstream * activation * (1 - activation)


def tanh_gradient(activation, upstream):
    """The gradient below y = tanh(x), from y: `upstream` * (1 - y²)."""
    if NAME == "tensorflow":
        return tf.raw_ops.TanhGrad(y=activation, dy=upstream)
    return upstream * (1 - activation * activation)


def compiled(function: Callable, signature: list | None = None) -> Callable:
    """Compiles a function of tensors, keeping sizes open where the backend can.

    Args:
        function: takes and gives nests of tensors.
        signature: for each argument its (shape, dtype), None for sizes that vary. JAX compiles once a shape instead.
    """
    if NAME == "jax":
        return jax.jit(function)
    specs = None if signature is None else [tf.TensorSpec(shape, dtype) for shape, dtype in signature]
    return tf.function(function, input_signature=specs)


def matmul(first, second, transpose_first: bool = False):
    """A product whose first matrix is read transposed, without a transposed copy where the engine can."""
    if NAME == "tensorflow":
        return tf.matmul(first, second, transpose_a=transpose_first)
    return jax.numpy.matmul(first.T if transpose_first else first, second)
