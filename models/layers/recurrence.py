"""Runs a cell over time."""

from __future__ import annotations

from keras import ops

from models import backend


def initial_state(cell, batch_size, dtype) -> list:
    """Zeros, one (batch, width) tensor for each of the cell's states."""
    return [ops.zeros((batch_size, width), dtype=dtype) for width in cell.state_size]


def run_cell(cell, projected, state, mask=None, reverse=False, recurrent_mask=None):
    """Runs a cell over a padded sequence.

    Where `mask` is False the state is carried through unchanged, so padding has no effect and the final state is the
    one after the last real token, in either direction.

    Args:
        cell: a cell that keeps the contract of `models.layers`.
        projected: (batch, time, P), from `cell.project`.
        state: the state before the first step, a list of (batch, ·).
        mask: bool (batch, time), True for real tokens, or None where there is no padding.
        reverse: run from the last step to the first; outputs keep the order of the inputs.
        recurrent_mask: (batch, units) that multiplies the recurrent input at every step (variational dropout, Gal &
            Ghahramani 2016), or None.

    Returns:
        outputs: (batch, time, units); a padded step repeats the output before it.
        state: the final state, a list of (batch, ·).
    """
    if hasattr(cell, "sequence"):
        return cell.sequence(projected, state, mask=mask, reverse=reverse, recurrent_mask=recurrent_mask)
    return step_cell(cell, projected, state, mask, reverse, recurrent_mask)


def step_cell(cell, projected, state, mask=None, reverse=False, recurrent_mask=None):
    """`run_cell` one step after another by `cell.step`, whether or not the cell has a faster way."""
    steps = [ops.swapaxes(projected, 0, 1)]
    if mask is not None:
        steps.append(ops.expand_dims(ops.swapaxes(mask, 0, 1), -1))

    def advance(before, step):
        output, after = cell.step(step[0], list(before), recurrent_mask)
        if mask is not None:
            output = ops.where(step[1], output, before[0])
            after = [ops.where(step[1], new, old) for new, old in zip(after, before, strict=True)]
        return tuple(after), (output,)

    final, (outputs,) = backend.scan(advance, tuple(state), tuple(steps), like=(state[0],), reverse=reverse)
    return ops.swapaxes(outputs, 0, 1), list(final)
