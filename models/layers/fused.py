"""All steps of an LSTM at once, with a hand-derived backward pass.

What makes it fast (measured in docs/notes/layers.md):

- Inside, every tensor is feature-major, `(time, features, batch)`. The recurrent product is then a wide matrix times
  `(units, batch)`, which CPU libraries compute near their peak in both directions, where `(batch, units)` times the
  same matrix spends more time packing the weights than multiplying. A gate is a contiguous block of rows.
- Activations are kept for the backward pass instead of computed again, and the weight gradient is one product over all
  steps after the loop.
- Products run in the type of `projected` (float32 or bfloat16); everything elementwise, the carried cell state above
  all, runs in float32.

The equations are those of `models.layers.reference`, where each has its name.
"""

from __future__ import annotations

from keras import ops

from models import backend


def lstm_sequence(
    projected, recurrent_kernel, peephole, h0, c0, mask=None, reverse: bool = False, recurrent_mask=None
):
    """Runs an LSTM over a padded sequence; gates in the order input, forget, candidate, output.

    Args:
        projected: (batch, time, 4 * units), the inputs times their kernel, bias included. Its type is that of the
            products and of what comes back.
        recurrent_kernel: (units, 4 * units).
        peephole: (3, units) for the input, forget and output gate (Gers & Schmidhuber 2000), or None.
        h0: (batch, units), the output before the first step.
        c0: (batch, units), the cell state before the first step.
        mask: bool (batch, time), True for real steps, or None. A step that is not real carries the state through and
            puts out the carried h.
        reverse: run from the last step to the first; outputs keep the order of the inputs.
        recurrent_mask: (batch, units) that multiplies h on its way into the gates, at every step, or None. It gets
            no gradient.

    Returns:
        outputs: (batch, time, units).
        h: (batch, units), the output after the last step run.
        c: (batch, units), the cell state after the last step run.
    """
    dtype = projected.dtype
    tensors = {"projected": projected, "recurrent_kernel": recurrent_kernel, "h0": h0, "c0": c0}
    optional = {"peephole": peephole, "mask": mask, "recurrent_mask": recurrent_mask}
    tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    names = list(tensors)

    def run(*values):
        given = dict(zip(names, values, strict=True))
        outputs, final, kept = _forward(given, reverse)

        def gradient(*upstream):
            found = _backward(given, kept, upstream, reverse)
            return [found.get(name) for name in names]

        return (outputs, *final), gradient

    values = [ops.cast(tensor, "bool" if name == "mask" else dtype) for name, tensor in tensors.items()]
    return backend.custom_gradient(run)(*values)


def _forward(given, reverse):
    """Steps through time and keeps what the backward pass reads, all feature-major."""
    kernel = ops.transpose(given["recurrent_kernel"])
    dtype = kernel.dtype
    peephole = _peephole(given)
    dropped = _feature_major(given.get("recurrent_mask"))

    def step(before, read):
        h, c = before
        arrived = read[0] + ops.matmul(kernel, h if dropped is None else h * dropped)
        gates, candidate, output_gate, squashed, c_new = _activations(ops.cast(arrived, "float32"), c, peephole)
        h_new = ops.cast(output_gate * squashed, dtype)
        kept = (h, c, gates, candidate, output_gate, squashed)
        if len(read) > 1:
            h_new, c_new = ops.where(read[1], h_new, h), ops.where(read[1], c_new, c)
        return (h_new, c_new), (h_new, *kept)

    h0, c0 = ops.transpose(given["h0"]), ops.cast(ops.transpose(given["c0"]), "float32")
    reads = [ops.transpose(given["projected"], (1, 2, 0))]
    if "mask" in given:
        reads.append(_mask(given))
    like = (h0, h0, c0, ops.concatenate([c0, c0], 0), c0, c0, c0)
    (h, c), (outputs, *kept) = backend.scan(step, (h0, c0), tuple(reads), like=like, reverse=reverse)
    final = ops.transpose(h), ops.cast(ops.transpose(c), dtype)
    return ops.transpose(outputs, (2, 0, 1)), final, (*kept, c)


def _activations(arrived, c, peephole):
    """One step, elementwise: `arrived` float32 (4 * units, batch), c float32 (units, batch)."""
    units = c.shape[0]
    at_gates, at_output = arrived[: 2 * units], arrived[3 * units :]
    if peephole is not None:
        seen = ops.concatenate([peephole[0] * c, peephole[1] * c], axis=0)
        at_gates = at_gates + seen
    gates = ops.sigmoid(at_gates)
    candidate = ops.tanh(arrived[2 * units : 3 * units])
    c_new = gates[units:] * c + gates[:units] * candidate
    output_gate = ops.sigmoid(at_output if peephole is None else at_output + peephole[2] * c_new)
    return gates, candidate, output_gate, ops.tanh(c_new), c_new


def _backward(given, kept, upstream, reverse):
    """Gradients by name, from the gradients at the outputs and at both final states."""
    h_before, c_before, gates, candidate, output_gate, squashed, c_final = kept
    kernel = given["recurrent_kernel"]
    dtype, units = kernel.dtype, kernel.shape[0]
    peephole = _peephole(given)
    dropped = _feature_major(given.get("recurrent_mask"))

    def step(after, read):
        dh, dc = after
        at_output, c, both, g, o, squashed = read[:6]
        real = read[6] if len(read) > 6 else None
        dh = dh + ops.cast(at_output, "float32")
        i, f = both[:units], both[units:]
        delta_o = backend.sigmoid_gradient(o, dh * squashed)
        ds = dc + backend.tanh_gradient(squashed, dh * o)
        if peephole is not None:
            ds = ds + peephole[2] * delta_o
        delta_i = backend.sigmoid_gradient(i, ds * g)
        delta_f = backend.sigmoid_gradient(f, ds * c)
        dc_before = ds * f
        if peephole is not None:
            dc_before = dc_before + peephole[0] * delta_i + peephole[1] * delta_f
        delta = ops.concatenate([delta_i, delta_f, backend.tanh_gradient(g, ds * i), delta_o], axis=0)
        if real is not None:
            delta, dc_before = ops.where(real, delta, 0.0), ops.where(real, dc_before, dc)
        delta = ops.cast(delta, dtype)
        dh_before = ops.cast(ops.matmul(kernel, delta), "float32")
        if dropped is not None:
            dh_before = dh_before * ops.cast(dropped, "float32")
        if real is not None:
            dh_before = dh_before + ops.where(real, 0.0, dh)
        return (dh_before, dc_before), (delta,)

    at_outputs, at_h, at_c = upstream
    reads = [ops.transpose(at_outputs, (1, 2, 0)), c_before, gates, candidate, output_gate, squashed]
    if "mask" in given:
        reads.append(_mask(given))
    start = tuple(ops.cast(ops.transpose(tensor), "float32") for tensor in (at_h, at_c))
    like = (ops.cast(ops.concatenate([start[0]] * 4, 0), dtype),)
    (dh, dc), (delta,) = backend.scan(step, start, tuple(reads), like=like, reverse=not reverse)
    flat = ops.transpose(delta, (2, 0, 1))
    sent = h_before if dropped is None else h_before * dropped
    found = {
        "projected": flat,
        "recurrent_kernel": backend.matmul(
            ops.reshape(ops.transpose(sent, (2, 0, 1)), (-1, units)),
            ops.reshape(flat, (-1, 4 * units)),
            transpose_first=True,
        ),
        "h0": ops.cast(ops.transpose(dh), dtype),
        "c0": ops.cast(ops.transpose(dc), dtype),
    }
    if peephole is not None:
        found["peephole"] = _peephole_gradient(delta, c_before, c_final, reverse, dtype)
    return found


def _peephole_gradient(delta, c_before, c_final, reverse, dtype):
    """The sum over batch and time of each gate's delta times the state that it saw. (3, units)."""
    units = c_final.shape[0]
    c_final = ops.expand_dims(c_final, 0)
    parts = [c_final, c_before[:-1]] if reverse else [c_before[1:], c_final]
    seen = (c_before, c_before, ops.concatenate(parts, axis=0))
    deltas = (delta[:, :units], delta[:, units : 2 * units], delta[:, 3 * units :])
    sums = [ops.sum(ops.cast(d, "float32") * c, axis=(0, 2)) for d, c in zip(deltas, seen, strict=True)]
    return ops.cast(ops.stack(sums), dtype)


def _mask(given):
    """bool (time, 1, batch)."""
    return ops.expand_dims(ops.transpose(given["mask"]), 1)


def _feature_major(tensor):
    return None if tensor is None else ops.transpose(tensor)


def _peephole(given):
    """float32 (3, units, 1), or None."""
    return ops.cast(ops.expand_dims(given["peephole"], -1), "float32") if "peephole" in given else None
