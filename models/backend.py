"""The one file that knows TensorFlow from JAX: what `keras.ops` does not offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np

NAME = keras.backend.backend()

if NAME == "tensorflow":
    import tensorflow as tf
elif NAME == "jax":
    import jax
else:
    raise ImportError(f"Carrousel runs on Keras' TensorFlow and JAX backends, not on {NAME!r}. Set KERAS_BACKEND.")

WIDTH_STEP = 16 if NAME == "jax" else 1
"""Widths of padded batches are rounded up to a multiple of this: JAX compiles a program for every shape."""


def scan(
    function: Callable, state: tuple, steps: tuple, like: tuple, reverse: bool = False, differentiable: bool = True
):
    """Runs `function(state, step) -> (state, outputs)` over the leading axis.

    Args:
        function: state and outputs are tuples of tensors, their shapes the same at every step.
        state: the state before the first step.
        steps: a tuple of tensors (time, …), cut along time.
        like: a tuple of tensors with the type and shape of one step's outputs.
        reverse: go from the last step to the first; outputs keep the order of `steps`.
        differentiable: False where the caller brings its own backward pass. Steps are then views of `steps`, not
            copies; a gradient through them would cost time² in TensorFlow.

    Returns:
        state: the final state, a tuple.
        outputs: a tuple of tensors (time, …).
    """
    if NAME == "jax":
        return jax.lax.scan(function, state, steps, reverse=reverse)
    count = tf.shape(steps[0])[0]
    read = _reader(steps, count) if differentiable else _viewer(steps)
    writes = tuple(tf.TensorArray(x.dtype, size=count, element_shape=x.shape) for x in like)

    def body(number, state, writes):
        at = count - 1 - number if reverse else number
        new, outputs = function(state, read(at))
        for before, after in zip(state, new, strict=True):
            after.set_shape(before.shape)
        return number + 1, new, tuple(a.write(at, x) for a, x in zip(writes, outputs, strict=True))

    _, state, writes = tf.while_loop(
        lambda number, *_: number < count, body, (0, tuple(state), writes), maximum_iterations=count
    )
    return state, tuple(array.stack() for array in writes)


def _reader(steps, count):
    arrays = [tf.TensorArray(x.dtype, size=count, element_shape=x.shape[1:]).unstack(x) for x in steps]
    return lambda at: tuple(array.read(at) for array in arrays)


def _viewer(steps):
    def read(at):
        begin, end = tf.reshape(at, (1,)), tf.reshape(at + 1, (1,))
        return tuple(tf.strided_slice(x, begin, end, shrink_axis_mask=1) for x in steps)

    return read


def custom_gradient(function: Callable) -> Callable:
    """Gives a function its own backward pass.

    Args:
        function: takes tensors and returns (outputs, gradient), where `gradient` takes the gradients at the outputs
            and returns one for each input; None means that the input has none.

    Returns:
        A function from the same tensors to `outputs`.
    """
    if _forward_only.get():
        return lambda *tensors: function(*tensors)[0]
    if NAME == "tensorflow":
        return tf.custom_gradient(function)

    def with_zeros(*tensors):
        outputs, gradient = function(*tensors)

        def zeros_for_none(upstream):
            found = gradient(*upstream) if isinstance(upstream, (tuple, list)) else gradient(upstream)
            return tuple(_jax_zero(x) if one is None else one for x, one in zip(tensors, found, strict=True))

        return outputs, zeros_for_none

    return jax.custom_gradient(with_zeros)


_forward_only: ContextVar[bool] = ContextVar("forward_only", default=False)


@contextmanager
def forward_only() -> Iterator[None]:
    """Functions traced within carry no backward pass of their own: a SavedModel has no use for it, and would warn."""
    token = _forward_only.set(True)
    try:
        yield
    finally:
        _forward_only.reset(token)


def _jax_zero(tensor):
    """The gradient of a tensor that has none: for whole numbers and booleans JAX has a type of its own."""
    if jax.numpy.issubdtype(tensor.dtype, jax.numpy.inexact):
        return jax.numpy.zeros_like(tensor)
    return np.zeros(tensor.shape, dtype=jax.dtypes.float0)


def vjp(function: Callable, *tensors):
    """A function's outputs and its backward pass.

    Args:
        function: takes `tensors` and returns a tensor or a tuple of tensors.
        tensors: where to evaluate it; floating point.

    Returns:
        outputs: what `function` returns.
        pull: takes gradients shaped as the outputs and returns a list of gradients, one for each of `tensors`.
    """
    if NAME == "jax":
        outputs, transposed = jax.vjp(function, *[jax.numpy.asarray(tensor) for tensor in tensors])
        return outputs, lambda upstream: list(transposed(upstream))
    inputs = [tf.convert_to_tensor(tensor) for tensor in tensors]
    zero = tf.UnconnectedGradients.ZERO
    if not tf.executing_eagerly():  # a tape would build, with each loop inside, the gradient of that loop: 5 x the time
        inputs = [tf.identity(tensor) for tensor in inputs]
        outputs = function(*inputs)
        return outputs, lambda upstream: tf.gradients(outputs, inputs, upstream, unconnected_gradients=zero)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = function(*inputs)

    def pull(upstream):
        return tape.gradient(outputs, inputs, output_gradients=upstream, unconnected_gradients=zero)

    return outputs, pull


def gradients(function: Callable, *tensors) -> list:
    """The gradients of a function's result, summed over its entries, with respect to each of `tensors`.

    Args:
        function: takes `tensors` and returns one tensor.
        tensors: where to evaluate it; floating point.

    Returns:
        One tensor for each of `tensors`, shaped alike; zeros where the result does not depend on it.
    """
    outputs, pull = vjp(function, *tensors)
    return pull(keras.ops.ones_like(outputs))


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
        signature: for each argument its (shape, dtype), None for sizes that vary; a dictionary of these for one of
            tensors. JAX compiles once a shape instead.

    Returns:
        A function that reads the variables as they are whenever it is called.
    """
    if NAME == "jax":
        return _jax_compiled(function)
    specs = None if signature is None else [_spec(entry) for entry in signature]
    return tf.function(function, input_signature=specs, autograph=False)


def _jax_compiled(function: Callable) -> Callable:
    """`jax.jit` takes what a function closes over for constants: here the variables that it reads become arguments."""
    known: list[Any] = []
    missed: list[Any] = []

    class Scope(keras.StatelessScope):
        def get_current_value(self, variable):
            value = super().get_current_value(variable)
            if value is None and all(variable is not one for one in missed):
                missed.append(variable)
            return value

    def pure(values, *arguments):
        with Scope(state_mapping=list(zip(known, values, strict=True))):
            return function(*arguments)

    jitted = jax.jit(pure)

    def run(*arguments):
        if not known:
            jax.eval_shape(pure, [], *arguments)
        while True:
            known.extend(missed)
            missed.clear()
            found = jitted([variable.value for variable in known], *arguments)
            if not missed:  # a new shape may have led to variables that no call before had read
                return found

    return run


def _spec(entry):
    return (
        {name: tf.TensorSpec(*one) for name, one in entry.items()} if isinstance(entry, dict) else tf.TensorSpec(*entry)
    )


def from_host(function: Callable, arguments: tuple, shape_like, dtype: str = "float32"):
    """What a Python function says of values of the graph, with no gradient.

    Args:
        function: takes NumPy arrays and gives one.
        arguments: tensors.
        shape_like: a tensor with the shape of what it gives.
        dtype: its type.
    """
    if NAME == "jax":
        like = jax.ShapeDtypeStruct(shape_like.shape, dtype)
        found = jax.pure_callback(lambda *given: np.asarray(function(*map(np.asarray, given)), dtype), like, *arguments)
        return jax.lax.stop_gradient(found)
    found = tf.numpy_function(lambda *given: np.asarray(function(*given), dtype), arguments, dtype)
    return tf.stop_gradient(tf.ensure_shape(found, shape_like.shape))


def matmul(first, second, transpose_first: bool = False):
    """A product whose first matrix is read transposed, without a transposed copy where the engine can."""
    if NAME == "tensorflow":
        return tf.matmul(first, second, transpose_a=transpose_first)
    return jax.numpy.matmul(first.T if transpose_first else first, second)


def true_places(mask):
    """Where a mask is True.

    Args:
        mask: bool (count,).

    Returns:
        places: int32 (g,), in order; under JAX, whose shapes cannot depend on values, all of them.
        numbers: int32 (count,): for each place its number within `places`; any number within where there is none.
    """
    if NAME == "jax":
        everywhere = jax.numpy.arange(mask.shape[0], dtype="int32")
        return everywhere, everywhere
    places = tf.cast(tf.reshape(tf.where(mask), (-1,)), tf.int32)
    return places, tf.maximum(tf.cumsum(tf.cast(mask, tf.int32)) - 1, 0)


def narrowed(rows, padding: int):
    """Rows that are padded on the right, (n, width), without the columns that are padding in all of them.

    JAX, whose shapes are fixed, keeps them.
    """
    if NAME == "jax":
        return rows
    return rows[:, : tf.reduce_max(tf.math.count_nonzero(tf.not_equal(rows, padding), axis=1))]


def take(tensor, rows):
    """Rows of a tensor. (count, …), int32 (g,) → (g, …); as `ops.take`, without its seven steps for negative rows."""
    if NAME == "jax":
        return jax.numpy.take(tensor, rows, axis=0, mode="clip")
    return tf.gather(tensor, rows)


def take_within(tensor, places):
    """Entries of each row. (batch, count, …), int32 (batch, k) → (batch, k, …)."""
    if NAME == "jax":
        return jax.vmap(lambda row, at: jax.numpy.take(row, at, axis=0, mode="clip"))(tensor, places)
    return tf.gather(tensor, places, batch_dims=1)
