"""Gradient flow back through time: how much of a nudge to the state at step t is still felt at the last step.

The figure is ‖∂state_T/∂state_t‖ (Frobenius, over √units), where the state is what carries the memory: h for the
plain unit and the GRU, c for the LSTM. It is one at t = T by definition; where it falls, later errors cannot teach
earlier steps (Hochreiter 1991; Bengio et al. 1994). Beside it stands the carrousel alone: with every gate's
derivative cut and the forget gate at one, the error stays one for ever (Hochreiter & Schmidhuber 1997).
"""

from __future__ import annotations

import numpy as np

from apps.lstm_lab.units import Weights, backward, forward, random_weights

UNITS = 8
LONGEST = 200  # steps


def gradient_flow(unit: str, weights: Weights, inputs: np.ndarray) -> np.ndarray:
    """The norm of ∂state_T/∂state_t for every step.

    Args:
        unit: "rnn", "lstm", "peephole" or "gru".
        weights: of that unit.
        inputs: (time, features).

    Returns:
        (time,) norms, 1 at the last.
    """
    units = weights.units
    # One copy of the sequence for every unit of the last state: each backward pass then gives one row of the Jacobian.
    trace = forward(unit, weights, np.repeat(inputs[None], units, axis=0))
    _, state_gradient = backward(unit, weights, trace, at_last_state=np.eye(units))
    return np.sqrt((state_gradient**2).sum(axis=(0, 2)) / units)


def widget_data(seed: int = 7) -> dict:
    """Random networks of `UNITS` units and a noisy input, for `widget/gradient_flow.js` to scale and to measure."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(LONGEST, 2))
    networks = {unit: random_weights(unit, 2, UNITS, generator, keep_bias=0.0) for unit in ("rnn", "lstm", "gru")}
    rounded = {unit: weights.to_json() for unit, weights in networks.items()}
    return {"inputs": inputs.round(3).tolist(), "networks": rounded, "units": UNITS}
