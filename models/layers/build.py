"""Cells by name: what `--cell` chooses from."""

from __future__ import annotations

CELLS = ("rnn", "lstm", "gru")


def build_cell(kind: str, units: int, **kwargs):
    """Makes a cell that keeps the contract of `models.layers`.

    Args:
        kind: one of `CELLS`.
        units: width of the output h.
        kwargs: passed on to the layer (`name`, `dtype`).

    Raises:
        ValueError: there is no such cell.
    """
    from models.layers import adapters

    classes = {"rnn": adapters.SimpleRNNCell, "lstm": adapters.LSTMCell, "gru": adapters.GRUCell}
    if kind not in classes:
        raise ValueError(f"There is no cell {kind!r}. Choose one of {', '.join(CELLS)}.")
    return classes[kind](units, **kwargs)
