"""Cells by name: what `--cell` chooses from."""

from __future__ import annotations

CELLS = ("rnn", "lstm", "gru", "peephole", "block", "coupled")
CELLS_PER_BLOCK = 4  # at most: the largest divisor of the units up to this


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
    from models.layers.coupled_gate_lstm import CoupledGateLSTMCell
    from models.layers.lstm_block import LSTMBlockCell
    from models.layers.peephole_lstm import PeepholeLSTMCell

    if kind not in CELLS:
        raise ValueError(f"There is no cell {kind!r}. Choose one of {', '.join(CELLS)}.")
    if kind == "block":
        cells = max(n for n in range(1, CELLS_PER_BLOCK + 1) if units % n == 0)
        return LSTMBlockCell(units // cells, cells, **kwargs)
    classes = {
        "rnn": adapters.SimpleRNNCell,
        "lstm": adapters.LSTMCell,
        "gru": adapters.GRUCell,
        "peephole": PeepholeLSTMCell,
        "coupled": CoupledGateLSTMCell,
    }
    return classes[kind](units, **kwargs)
