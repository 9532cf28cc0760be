"""Graves' memory block in NumPy, forward and backward, one line an equation, for reading and for checking.

The names are Graves' (Supervised Sequence Labelling with Recurrent Neural Networks, Springer 2012, chapter 4), his
Greek letters spelled out: ι iota, φ phi, ω omega are the input, forget and output gate of a block; c is a cell, s_c
its state. a is what arrives at a unit, b its activation, δ = ∂L/∂a, ε_c = ∂L/∂b_c, ε_s = ∂L/∂s_c. f is the logistic
function, g and h are tanh. Biases are added; the book writes none.

Shapes: gates (blocks,), cells and states (blocks, cells), outputs b_c flat (blocks * cells,), one sequence at a time;
`forward` and `backward` take a batch too, its axis between time and the rest: inputs (time, batch, I), and so on.
A block with one cell is the peephole LSTM; with its peepholes at zero it is Keras' LSTM.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of B blocks of S cells that read I inputs, each group by where it leads; also their gradients.

    Attributes:
        x_iota, x_phi, x_omega: (I, B), w_iι, w_iφ, w_iω: from the inputs to the gates.
        x_c: (I, B, S), w_ic: from the inputs to the cells.
        h_iota, h_phi, h_omega: (B * S, B), w_hι, w_hφ, w_hω: from the outputs of the step before.
        h_c: (B * S, B, S), w_hc.
        s_iota, s_phi, s_omega: (B, S), the peepholes w_cι, w_cφ, w_cω.
        b_iota, b_phi, b_omega: (B,), and b_c: (B, S), the biases.
    """

    x_iota: np.ndarray
    x_phi: np.ndarray
    x_c: np.ndarray
    x_omega: np.ndarray
    h_iota: np.ndarray
    h_phi: np.ndarray
    h_c: np.ndarray
    h_omega: np.ndarray
    s_iota: np.ndarray
    s_phi: np.ndarray
    s_omega: np.ndarray
    b_iota: np.ndarray
    b_phi: np.ndarray
    b_c: np.ndarray
    b_omega: np.ndarray

    @classmethod
    def from_keras(cls, kernel, recurrent_kernel, bias, peephole) -> Weights:
        """Takes the four arrays of an `LSTMBlock`, or of a `PeepholeLSTM`, whose peephole is (3, units)."""
        peephole = np.asarray(peephole)
        peephole = peephole if peephole.ndim == 3 else peephole[..., None]
        _, blocks, cells = peephole.shape
        parts: dict[str, np.ndarray] = {}
        for source, array in (("x", kernel), ("h", recurrent_kernel), ("b", bias)):
            iota, phi, c, omega = np.split(np.asarray(array), [blocks, 2 * blocks, (2 + cells) * blocks], axis=-1)
            c = c.reshape(*c.shape[:-1], blocks, cells)
            parts |= {f"{source}_iota": iota, f"{source}_phi": phi, f"{source}_c": c, f"{source}_omega": omega}
        return cls(**parts, s_iota=peephole[0], s_phi=peephole[1], s_omega=peephole[2])

    def to_keras(self) -> list[np.ndarray]:
        """kernel, recurrent_kernel, bias, peephole (3, blocks, cells), as `LSTMBlock` has them."""
        arrays = []
        for source in ("x", "h", "b"):
            iota, phi, c, omega = (getattr(self, f"{source}_{to}") for to in ("iota", "phi", "c", "omega"))
            arrays.append(np.concatenate([iota, phi, c.reshape(*c.shape[:-2], -1), omega], axis=-1))
        return [*arrays, np.stack([self.s_iota, self.s_phi, self.s_omega])]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step computed going forward.

    Attributes:
        x: (I,), the inputs; b_h: (B * S,), the outputs of the step before; s_before: (B, S), the states before it.
        b_iota, b_phi, b_omega: (B,), the gates' activations.
        g_c: (B, S), g(a_c); s_c: (B, S), the states after the step; b_c: (B, S), the outputs.
    """

    x: np.ndarray
    b_h: np.ndarray
    s_before: np.ndarray
    b_iota: np.ndarray
    b_phi: np.ndarray
    b_omega: np.ndarray
    g_c: np.ndarray
    s_c: np.ndarray
    b_c: np.ndarray


def f(a):
    """The gates' activation, the logistic function."""
    return 1 / (1 + np.exp(-a))


def forward(weights: Weights, inputs, b_h=None, s_c=None) -> list[Step]:
    """The forward pass (Graves 2012, equations 4.2 to 4.10), t = 1…T.

    Args:
        weights: of the layer.
        inputs: (time, I).
        b_h: (B * S,), the outputs before the first step; zeros by default.
        s_c: (B, S), the states before the first step; zeros by default.

    Returns:
        What each step computed; `step.b_c` is its output.
    """
    w = weights
    s_before = np.zeros_like(w.s_iota) if s_c is None else s_c
    b_h = np.zeros(w.s_iota.size) if b_h is None else b_h
    steps = []
    for x in np.asarray(inputs):
        # The input and the forget gate look at the state before the step, the output gate at the state after it.
        b_iota = f(x @ w.x_iota + b_h @ w.h_iota + (w.s_iota * s_before).sum(axis=-1) + w.b_iota)
        b_phi = f(x @ w.x_phi + b_h @ w.h_phi + (w.s_phi * s_before).sum(axis=-1) + w.b_phi)
        g_c = np.tanh(np.tensordot(x, w.x_c, 1) + np.tensordot(b_h, w.h_c, 1) + w.b_c)
        s_c = b_phi[..., None] * s_before + b_iota[..., None] * g_c
        b_omega = f(x @ w.x_omega + b_h @ w.h_omega + (w.s_omega * s_c).sum(axis=-1) + w.b_omega)
        b_c = b_omega[..., None] * np.tanh(s_c)
        steps.append(
            Step(
                x=x,
                b_h=b_h,
                s_before=s_before,
                b_iota=b_iota,
                b_phi=b_phi,
                b_omega=b_omega,
                g_c=g_c,
                s_c=s_c,
                b_c=b_c,
            )
        )
        b_h, s_before = b_c.reshape(*b_c.shape[:-2], -1), s_c
    return steps


@dataclass(frozen=True, kw_only=True)
class Errors:
    """What one step computed going backward.

    Attributes:
        delta_iota, delta_phi, delta_omega: (B,), ∂L/∂a of the gates; delta_c: (B, S), of the cells' inputs.
        epsilon_c: (B, S), ∂L/∂b_c; epsilon_s: (B, S), ∂L/∂s_c.
    """

    delta_iota: np.ndarray
    delta_phi: np.ndarray
    delta_c: np.ndarray
    delta_omega: np.ndarray
    epsilon_c: np.ndarray
    epsilon_s: np.ndarray


def backward(weights: Weights, steps: list[Step], at_outputs, at_last_state=None) -> list[Errors]:
    """The backward pass (Graves 2012, equations 4.11 to 4.16), t = T…1; everything beyond T is 0.

    Args:
        weights: of the layer.
        steps: from `forward`.
        at_outputs: (time, B * S), what arrives at each output from above: Σ_k w_ck δ_k.
        at_last_state: (B, S), what arrives at the last state from outside; nothing by default.

    Returns:
        The errors of each step, in the order of time.
    """
    w, found = weights, []
    after: Errors | None = None
    b_phi_after = np.zeros(())
    for step, above in zip(reversed(steps), reversed(np.asarray(at_outputs)), strict=True):
        h_s = np.tanh(step.s_c)
        epsilon_c = above.reshape(h_s.shape)
        if after is not None:
            epsilon_c = epsilon_c + _through_outputs(w, after).reshape(h_s.shape)
        delta_omega = step.b_omega * (1 - step.b_omega) * (h_s * epsilon_c).sum(axis=-1)
        epsilon_s = step.b_omega[..., None] * (1 - h_s**2) * epsilon_c + w.s_omega * delta_omega[..., None]
        if after is not None:
            epsilon_s = epsilon_s + b_phi_after[..., None] * after.epsilon_s
            epsilon_s = epsilon_s + w.s_iota * after.delta_iota[..., None] + w.s_phi * after.delta_phi[..., None]
        elif at_last_state is not None:
            epsilon_s = epsilon_s + at_last_state
        delta_c = step.b_iota[..., None] * (1 - step.g_c**2) * epsilon_s
        delta_phi = step.b_phi * (1 - step.b_phi) * (step.s_before * epsilon_s).sum(axis=-1)
        delta_iota = step.b_iota * (1 - step.b_iota) * (step.g_c * epsilon_s).sum(axis=-1)
        after, b_phi_after = (
            Errors(
                delta_iota=delta_iota,
                delta_phi=delta_phi,
                delta_c=delta_c,
                delta_omega=delta_omega,
                epsilon_c=epsilon_c,
                epsilon_s=epsilon_s,
            ),
            step.b_phi,
        )
        found.append(after)
    return found[::-1]


def _through_outputs(w: Weights, errors: Errors):
    """Σ_g w_cg δ_g over every gate and cell input: what the step after sends back to this step's outputs."""
    return (
        errors.delta_iota @ w.h_iota.T
        + errors.delta_phi @ w.h_phi.T
        + errors.delta_omega @ w.h_omega.T
        + np.tensordot(errors.delta_c, w.h_c, ([-2, -1], [-2, -1]))
    )


def weight_gradients(weights: Weights, steps: list[Step], errors: list[Errors]) -> Weights:
    """∂L/∂w_ij = Σ_t δ_j · (what i sent at the time it was sent)."""
    sums = {field.name: np.zeros_like(getattr(weights, field.name)) for field in fields(Weights)}
    for step, error in zip(steps, errors, strict=True):
        for to in ("iota", "phi", "c", "omega"):
            delta = getattr(error, f"delta_{to}")
            sums[f"x_{to}"] += np.multiply.outer(step.x, delta)
            sums[f"h_{to}"] += np.multiply.outer(step.b_h, delta)
            sums[f"b_{to}"] += delta
        sums["s_iota"] += error.delta_iota[:, None] * step.s_before
        sums["s_phi"] += error.delta_phi[:, None] * step.s_before
        sums["s_omega"] += error.delta_omega[..., None] * step.s_c
    return Weights(**sums)


def input_gradients(weights: Weights, errors: list[Errors]) -> np.ndarray:
    """∂L/∂x_i = Σ_j w_ij δ_j at each step. (time, I)."""
    w = weights
    return np.stack(
        [
            w.x_iota @ e.delta_iota
            + w.x_phi @ e.delta_phi
            + w.x_omega @ e.delta_omega
            + np.tensordot(w.x_c, e.delta_c, 2)
            for e in errors
        ]
    )


def start_gradients(weights: Weights, steps: list[Step], errors: list[Errors]) -> tuple[np.ndarray, np.ndarray]:
    """∂L/∂b_h and ∂L/∂s_c at time 0: (B * S,) and (B, S)."""
    first, error = steps[0], errors[0]
    at_state = first.b_phi[:, None] * error.epsilon_s
    at_state = at_state + weights.s_iota * error.delta_iota[:, None] + weights.s_phi * error.delta_phi[:, None]
    return _through_outputs(weights, error), at_state
