"""All steps of an LSTM at once, with a hand-derived backward pass.

What makes it fast (measured in docs/notes/layers.md):

- Inside, every tensor is feature-major, `(time, features, batch)`. The recurrent product is then a tall matrix times
  `(units, batch)`, which CPU libraries compute near their peak forward and backward, where `(batch, units)` times the
  same matrix spends much of its time packing the weights. A gate is a contiguous block of rows.
- The activations are kept for the backward pass instead of computed again, and the gradient of the recurrent weights
  is one product over all steps, after the loop.
- Products run in the type of what is read (float32, bfloat16, …). Everything elementwise, and above all the state c
  that is carried from step to step, is at least float32.

The equations are those of `models.layers.reference`, where each has Graves' name for it; `delta` is his δ, `dc` the
part of ε_s that arrives from the step after, `dh` his ε_c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import ops

from models import backend


@dataclass(frozen=True)
class Equations:
    """One cell's step, elementwise and feature-major; what differs between the cells that run here.

    Attributes:
        forward: (arrived (P, batch), c (units, batch), peephole or None) → (h, c after the step, activations): the
            activations are a tuple of what `backward` reads.
        backward: (dh, dc, c before the step, activations, peephole or None) → (delta (P, batch), dc before the step).
        peephole_gradient: (delta (time, P, batch), c before, c after (time, units, batch)) → shaped as the peephole.
        rows: how many rows each of the activations has.
    """

    forward: Callable
    backward: Callable
    peephole_gradient: Callable
    rows: tuple[int, ...]


def lstm_sequence(
    projected, recurrent_kernel, peephole, h0, c0, mask=None, reverse=False, recurrent_mask=None, cells: int = 1
):
    """Runs an LSTM over a padded sequence; columns in the order input gates, forget gates, candidates, output gates.

    Args:
        projected: (batch, time, P), the inputs times their kernel, bias included; P = (3 / cells + 1) * units. Its
            type is that of the products and of what comes back.
        recurrent_kernel: (units, P).
        peephole: (3, units) for the input, forget and output gate (Gers & Schmidhuber 2000), or None.
        h0: (batch, units), the output before the first step.
        c0: (batch, units), the state c before the first step.
        mask: bool (batch, time), True for real steps, or None. A step that is not real carries the state through and
            puts out the carried h.
        reverse: run from the last step to the first; outputs keep the order of the inputs.
        recurrent_mask: (batch, units) that multiplies h on its way into the gates, at every step, or None. It gets
            no gradient.
        cells: how many neighbouring cells share one set of gates (Graves 2012, chapter 4).

    Returns:
        outputs: (batch, time, units).
        h: (batch, units), the output after the last step run.
        c: (batch, units), the state c after the last step run.
    """
    return run(
        lstm_equations(recurrent_kernel.shape[0], cells),
        reverse,
        projected=projected,
        recurrent_kernel=recurrent_kernel,
        peephole=peephole,
        h0=h0,
        c0=c0,
        mask=mask,
        recurrent_mask=recurrent_mask,
    )


def run(equations: Equations, reverse: bool = False, **tensors):
    """Runs the cell that `equations` describe.

    Args:
        equations: the cell's.
        reverse: run from the last step to the first; outputs keep the order of the inputs.
        tensors: by name, None for what there is not: `projected`, or `inputs` (batch, time, features) with `kernel`
            (features, P) and `bias` (P,), which saves the copies between the two layouts; `recurrent_kernel`,
            `peephole` (gates, units), `h0`, `c0`, `mask`, `recurrent_mask` as in `lstm_sequence`.

    Returns:
        outputs (batch, time, units) and the last h and c (batch, units), as in `lstm_sequence`.
    """
    tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    names, dtype = list(tensors), (tensors["projected"] if "projected" in tensors else tensors["inputs"]).dtype

    def with_gradient(*values):
        given = dict(zip(names, values, strict=True))
        outputs, final, kept = _forward(equations, given, reverse)

        def gradient(*upstream):
            found = _backward(equations, given, kept, upstream, reverse)
            return [found.get(name) for name in names]

        return (outputs, *final), gradient

    values = [ops.cast(tensor, "bool" if name == "mask" else dtype) for name, tensor in tensors.items()]
    return backend.custom_gradient(with_gradient)(*values)


def _forward(equations, given, reverse):
    """Steps through time and keeps what the backward pass reads, all feature-major."""
    kernel, dropped, peephole = ops.transpose(given["recurrent_kernel"]), _dropped(given), _peephole(given)
    dtype, wide = _dtype(given), _wide(given)
    inputs, projected = _inputs(given)
    bias = ops.expand_dims(ops.cast(given["bias"], wide), -1) if "bias" in given else None

    def step(before, read):
        h, c = before
        arrived = read[0] + ops.matmul(kernel, h if dropped is None else h * dropped)
        arrived = ops.cast(arrived, wide)
        h_new, c_new, activations = equations.forward(arrived if bias is None else arrived + bias, c, peephole)
        h_new = ops.cast(h_new, dtype)
        if len(read) > 1:
            h_new, c_new = ops.where(read[1], h_new, h), ops.where(read[1], c_new, c)
        return (h_new, c_new), (h_new, h, c, *activations)

    start = ops.transpose(given["h0"]), ops.cast(ops.transpose(given["c0"]), wide)
    reads = _with_mask([projected], given)
    units, batch = kernel.shape[1], given["h0"].shape[0]
    like = [keras.KerasTensor((units, batch), dtype) for dtype in (dtype, dtype, wide)]
    like += [keras.KerasTensor((rows, batch), wide) for rows in equations.rows]
    (h, c), (outputs, *kept) = backend.scan(step, start, reads, like, reverse=reverse, differentiable=False)
    final = ops.transpose(h), ops.cast(ops.transpose(c), dtype)
    return ops.transpose(outputs, (2, 0, 1)), final, (inputs, c, *kept)


def _backward(equations, given, kept, upstream, reverse):
    """Gradients by name, from the gradients at the outputs and at both final states."""
    inputs, c_final, h_before, c_before, *activations = kept
    kernel, dropped, peephole = given["recurrent_kernel"], _dropped(given), _peephole(given)
    dtype, wide = _dtype(given), _wide(given)

    def step(after, read):
        dh, dc = after
        dh = dh + ops.cast(read[0], wide)
        delta, dc_before = equations.backward(dh, dc, read[1], read[2 : 2 + len(activations)], peephole)
        real = read[-1] if "mask" in given else None
        if real is not None:
            delta, dc_before = ops.where(real, delta, 0), ops.where(real, dc_before, dc)
        delta = ops.cast(delta, dtype)
        dh_before = ops.cast(ops.matmul(kernel, delta), wide)
        if dropped is not None:
            dh_before = dh_before * ops.cast(dropped, wide)
        if real is not None:
            dh_before = dh_before + ops.where(real, 0, dh)
        return (dh_before, dc_before), (delta,)

    start = tuple(ops.cast(ops.transpose(tensor), wide) for tensor in upstream[1:])
    reads = _with_mask([ops.transpose(upstream[0], (1, 2, 0)), c_before, *activations], given)
    like = [keras.KerasTensor((kernel.shape[1], given["h0"].shape[0]), dtype)]
    (dh, dc), (delta,) = backend.scan(step, start, reads, like, reverse=not reverse, differentiable=False)
    sent = h_before if dropped is None else h_before * dropped
    found = _products(given, inputs, sent, delta)
    found |= {"h0": ops.cast(ops.transpose(dh), dtype), "c0": ops.cast(ops.transpose(dc), dtype)}
    if peephole is not None:
        c_final = ops.expand_dims(c_final, 0)
        parts = [c_final, c_before[:-1]] if reverse else [c_before[1:], c_final]
        gradient = equations.peephole_gradient(ops.cast(delta, wide), c_before, ops.concatenate(parts, axis=0))
        found["peephole"] = ops.cast(gradient, dtype)
    return found


def _products(given, inputs, sent, delta) -> dict:
    """The gradients that are products over all steps: what each unit sent, times the delta where it went.

    Args:
        inputs: (time, features, batch), or None where the caller did the projection.
        sent: (time, units, batch), the outputs of the step before, dropped where they are.
        delta: (time, P, batch).
    """
    if inputs is None:
        projected = ops.transpose(delta, (2, 0, 1))
        of_weights = backend.matmul(_rows(ops.transpose(sent, (2, 0, 1))), _rows(projected), True)
        return {"projected": projected, "recurrent_kernel": of_weights}
    features, deltas = inputs.shape[1], _rows(ops.transpose(delta, (0, 2, 1)))
    both = _rows(ops.transpose(ops.concatenate([inputs, sent], axis=1), (0, 2, 1)))
    of_weights = backend.matmul(both, deltas, True)
    return {
        "inputs": ops.transpose(ops.matmul(given["kernel"], delta), (2, 0, 1)),
        "kernel": of_weights[:features],
        "recurrent_kernel": of_weights[features:],
        "bias": ops.sum(deltas, axis=0),
    }


def lstm_equations(units: int, cells: int = 1) -> Equations:
    """The LSTM with forget gate, peepholes where there are any, and `cells` neighbours under one set of gates."""
    blocks = units // cells
    at_input, at_forget = slice(0, blocks), slice(blocks, 2 * blocks)
    at_both, at_cell, at_output = slice(0, 2 * blocks), slice(2 * blocks, 2 * blocks + units), slice(-blocks, None)

    def forward(arrived, c, peephole):
        at_gates, at_output_gate = arrived[at_both], arrived[at_output]
        if peephole is not None:
            seen = [sum_blocks(peephole[gate] * c, cells) for gate in (0, 1)]
            at_gates = at_gates + ops.concatenate(seen, axis=0)
        gates = ops.sigmoid(at_gates)
        candidate = ops.tanh(arrived[at_cell])
        i, f = spread(gates[at_input], cells), spread(gates[at_forget], cells)
        c_new = f * c + i * candidate
        if peephole is not None:
            at_output_gate = at_output_gate + sum_blocks(peephole[2] * c_new, cells)
        output_gate, squashed = ops.sigmoid(at_output_gate), ops.tanh(c_new)
        return spread(output_gate, cells) * squashed, c_new, (gates, candidate, output_gate, squashed)

    def backward(dh, dc, c, activations, peephole):
        gates, candidate, output_gate, squashed = activations
        i, f = gates[at_input], gates[at_forget]
        delta_output = backend.sigmoid_gradient(output_gate, sum_blocks(dh * squashed, cells))
        ds = dc + backend.tanh_gradient(squashed, dh * spread(output_gate, cells))
        if peephole is not None:
            ds = ds + peephole[2] * spread(delta_output, cells)
        delta_input = backend.sigmoid_gradient(i, sum_blocks(ds * candidate, cells))
        delta_forget = backend.sigmoid_gradient(f, sum_blocks(ds * c, cells))
        delta_cell = backend.tanh_gradient(candidate, ds * spread(i, cells))
        dc_before = ds * spread(f, cells)
        if peephole is not None:
            dc_before = dc_before + peephole[0] * spread(delta_input, cells)
            dc_before = dc_before + peephole[1] * spread(delta_forget, cells)
        return ops.concatenate([delta_input, delta_forget, delta_cell, delta_output], axis=0), dc_before

    def peephole_gradient(delta, c_before, c_after):
        deltas = delta[:, at_input], delta[:, at_forget], delta[:, at_output]
        seen = c_before, c_before, c_after
        return ops.stack([over_steps(d, c, cells) for d, c in zip(deltas, seen, strict=True)])

    return Equations(forward, backward, peephole_gradient, rows=(2 * blocks, units, blocks, units))


def spread(gate, cells: int, axis: int = 0):
    """Gives each cell its block's gate. (…, blocks, batch) → (…, blocks * cells, batch); `axis` is that of blocks."""
    if cells == 1:
        return gate
    copies = [1] * (len(gate.shape) + 1)
    copies[axis + 1] = cells
    shape = [-1, gate.shape[axis] * cells, ops.shape(gate)[-1]] if axis else [gate.shape[0] * cells, -1]
    return ops.reshape(ops.tile(ops.expand_dims(gate, axis + 1), copies), shape)


def sum_blocks(tensor, cells: int):
    """The sum over each block's cells. (blocks * cells, batch) → (blocks, batch)."""
    if cells == 1:
        return tensor
    return ops.sum(ops.reshape(tensor, (tensor.shape[0] // cells, cells, -1)), axis=1)


def over_steps(delta, c, cells: int = 1):
    """A peephole's gradient: its gate's delta times the state it saw, over time and batch. → (blocks * cells,)."""
    return ops.sum(spread(delta, cells, axis=1) * c, axis=(0, 2))


def _inputs(given):
    """The inputs, None where the caller did the projection, and the projection of all steps; feature-major."""
    if "projected" in given:
        return None, ops.transpose(given["projected"], (1, 2, 0))
    inputs = ops.transpose(given["inputs"], (1, 2, 0))
    return inputs, ops.matmul(ops.transpose(given["kernel"]), inputs)


def _dtype(given) -> str:
    """The type of the products."""
    return keras.backend.standardize_dtype(given["h0"].dtype)


def _wide(given) -> str:
    """The type of everything elementwise: float32, or wider where the inputs are."""
    return "float64" if _dtype(given) == "float64" else "float32"


def _peephole(given):
    """The peephole weights against (units, batch): (gates, units, 1), or None."""
    return ops.cast(ops.expand_dims(given["peephole"], -1), _wide(given)) if "peephole" in given else None


def _dropped(given):
    """The recurrent mask, feature-major, or None."""
    return ops.transpose(given["recurrent_mask"]) if "recurrent_mask" in given else None


def _with_mask(reads, given) -> tuple:
    """What a step reads, with bool (time, 1, batch) last where there is padding."""
    return (*reads, ops.expand_dims(ops.transpose(given["mask"]), 1)) if "mask" in given else tuple(reads)


def _rows(tensor):
    """(…, features) → (all the others, features)."""
    return ops.reshape(tensor, (-1, tensor.shape[-1]))
