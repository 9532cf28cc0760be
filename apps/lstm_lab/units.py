"""The recurrent units of the lab in NumPy, with their hand-derived backward passes.

The LSTM's equations are not here: they are `models.layers.reference`, the one readable copy. This module adds the plain
recurrent unit and the GRU in the same manner, and one door, `forward` and `backward`, for all three. The browser's
copy is `widget/cells.js`; a test compares the two.

Weights are laid out as Keras lays them out: kernel (features, n·units), recurrent (units, n·units), bias
(n·units,); LSTM columns i, f, c, o; GRU columns z, r, h with `reset_after=False`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from models.layers import reference

GATES = {"rnn": 1, "lstm": 4, "peephole": 4, "gru": 3}


@dataclass
class Weights:
    """One layer's weights, float64.

    Attributes:
        kernel: (features, n·units).
        recurrent: (units, n·units).
        bias: (n·units,).
        peephole: (3, units) for input, forget and output gate, or None.
    """

    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray
    peephole: np.ndarray | None = None

    @property
    def units(self) -> int:
        """Width of the output."""
        return self.recurrent.shape[0]

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that exist, by name; training changes them in place."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}

    def to_json(self) -> dict:
        """The weights as plain lists, as `widget/cells.js` reads them."""
        plain: dict = {name: array.tolist() for name, array in self.arrays().items()}
        return plain | {"units": self.units}


def sigmoid(a: np.ndarray) -> np.ndarray:
    """The logistic function, without overflow for any float64."""
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def random_weights(
    unit: str, features: int, units: int, generator: np.random.Generator, keep_bias: float = 1.0
) -> Weights:
    """Weights as Keras starts them: Glorot-uniform kernel, orthogonal recurrent part, zero bias.

    Args:
        unit: "rnn", "lstm", "peephole" or "gru".
        features: width of the input.
        units: width of the output.
        generator: source of the randomness.
        keep_bias: bias of the gate that remembers (LSTM forget, GRU update); 1 as Gers et al. (2000) and Keras have it.

    Returns:
        The weights, float64; peepholes start small and random, for "peephole" only.
    """
    width = GATES[unit] * units
    limit = np.sqrt(6.0 / (features + width))
    square = generator.normal(size=(width, units))
    recurrent = np.linalg.qr(square)[0].T
    bias = np.zeros(width)
    if unit in ("lstm", "peephole"):
        bias[units : 2 * units] = keep_bias
    if unit == "gru":
        bias[:units] = keep_bias
    peephole = generator.uniform(-0.1, 0.1, size=(3, units)) if unit == "peephole" else None
    kernel = generator.uniform(-limit, limit, size=(features, width))
    return Weights(kernel=kernel, recurrent=recurrent, bias=bias, peephole=peephole)


def rnn_forward(weights: Weights, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The plain recurrent unit h_t = tanh(W x_t + U h_{t−1} + b), from h_0 = 0.

    Args:
        weights: with n = 1.
        inputs: (batch, time, features).

    Returns:
        "hidden" (batch, time, units), "inputs" as given, and "state", what carries the memory: here the same as hidden.
    """
    batch, time, _ = inputs.shape
    projected = inputs @ weights.kernel + weights.bias
    hidden = np.zeros((batch, time, weights.units))
    before = np.zeros((batch, weights.units))
    for t in range(time):
        before = hidden[:, t] = np.tanh(projected[:, t] + before @ weights.recurrent)
    return {"inputs": inputs, "hidden": hidden, "state": hidden}


def rnn_backward(
    weights: Weights, trace: dict[str, np.ndarray], hidden_gradient: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Backpropagation through time for the plain unit.

    Args:
        weights: those of the forward pass.
        trace: what `rnn_forward` returned.
        hidden_gradient: (batch, time, units), ∂L/∂h_t as the layer above sends it.

    Returns:
        gradients: by weight name, summed over batch and time.
        state_gradient: (batch, time, units), all of ∂L/∂h_t, later steps included.
    """
    hidden = trace["hidden"]
    deltas = np.zeros_like(hidden)
    arriving = np.zeros_like(hidden)
    later = np.zeros_like(hidden[:, 0])
    for t in reversed(range(hidden.shape[1])):
        arriving[:, t] = hidden_gradient[:, t] + later
        deltas[:, t] = (1.0 - hidden[:, t] ** 2) * arriving[:, t]
        later = deltas[:, t] @ weights.recurrent.T
    gradients = {
        "kernel": np.einsum("bti,btj->ij", trace["inputs"], deltas),
        "recurrent": np.einsum("bti,btj->ij", shifted(hidden), deltas),
        "bias": deltas.sum((0, 1)),
    }
    return gradients, arriving


def gru_forward(weights: Weights, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The GRU of Cho et al. (2014), the sign of z as in Keras: h_t = z ⊙ h_{t−1} + (1 − z) ⊙ tanh(W x_t + U (r ⊙
    h_{t−1})).

    Args:
        weights: with n = 3, columns z, r, h.
        inputs: (batch, time, features).

    Returns:
        "update", "reset", "candidate", "hidden" (batch, time, units), "inputs" as given and "state" (= hidden).
    """
    batch, time, _ = inputs.shape
    units = weights.units
    projected = inputs @ weights.kernel + weights.bias
    trace = {name: np.zeros((batch, time, units)) for name in ("update", "reset", "candidate", "hidden")}
    before = np.zeros((batch, units))
    for t in range(time):
        gates = sigmoid(projected[:, t, : 2 * units] + before @ weights.recurrent[:, : 2 * units])
        update, reset = gates[:, :units], gates[:, units:]
        candidate = np.tanh(projected[:, t, 2 * units :] + (reset * before) @ weights.recurrent[:, 2 * units :])
        trace["update"][:, t], trace["reset"][:, t], trace["candidate"][:, t] = update, reset, candidate
        before = trace["hidden"][:, t] = update * before + (1.0 - update) * candidate
    return trace | {"inputs": inputs, "state": trace["hidden"]}


def gru_backward(
    weights: Weights, trace: dict[str, np.ndarray], hidden_gradient: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Backpropagation through time for the GRU; arguments and results as `rnn_backward`."""
    update, reset, candidate = trace["update"], trace["reset"], trace["candidate"]
    units = weights.units
    before = shifted(trace["hidden"])
    deltas = np.zeros((*update.shape[:2], 3 * units))
    arriving = np.zeros_like(update)
    later = np.zeros_like(update[:, 0])
    for t in reversed(range(update.shape[1])):
        e = arriving[:, t] = hidden_gradient[:, t] + later
        delta_candidate = e * (1.0 - update[:, t]) * (1.0 - candidate[:, t] ** 2)
        read = delta_candidate @ weights.recurrent[:, 2 * units :].T  # arrives at r ⊙ h_{t−1}
        delta_update = e * (before[:, t] - candidate[:, t]) * update[:, t] * (1.0 - update[:, t])
        delta_reset = read * before[:, t] * reset[:, t] * (1.0 - reset[:, t])
        deltas[:, t] = np.concatenate([delta_update, delta_reset, delta_candidate], axis=-1)
        later = e * update[:, t] + read * reset[:, t] + deltas[:, t, : 2 * units] @ weights.recurrent[:, : 2 * units].T
    recurrent_inputs = [before, before, reset * before]
    recurrent = [
        np.einsum("bti,btj->ij", sent, deltas[..., k * units : (k + 1) * units])
        for k, sent in enumerate(recurrent_inputs)
    ]
    gradients = {
        "kernel": np.einsum("bti,btj->ij", trace["inputs"], deltas),
        "recurrent": np.concatenate(recurrent, axis=1),
        "bias": deltas.sum((0, 1)),
    }
    return gradients, arriving


def shifted(states: np.ndarray) -> np.ndarray:
    """(batch, time, units) states moved one step later, with zeros before the first."""
    return np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)


def lstm_forward(weights: Weights, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The LSTM by `models.layers.reference`, with peepholes where the weights have them.

    Args:
        weights: with n = 4, columns i, f, c, o.
        inputs: (batch, time, features).

    Returns:
        "input", "forget", "candidate", "output", "cell", "hidden" (batch, time, units), "inputs" as given, "state"
        (= cell), and "steps", the reference's own record.
    """
    steps = reference.forward(_as_blocks(weights), np.swapaxes(inputs, 0, 1))
    gates = {"input": "b_iota", "forget": "b_phi", "output": "b_omega"}
    cells = {"candidate": "g_c", "cell": "s_c", "hidden": "b_c"}
    trace: dict = {name: np.stack([getattr(step, theirs) for step in steps], 1) for name, theirs in gates.items()}
    trace |= {name: np.stack([getattr(step, theirs)[..., 0] for step in steps], 1) for name, theirs in cells.items()}
    return trace | {"inputs": inputs, "state": trace["cell"], "steps": steps}


def lstm_backward(
    weights: Weights, trace: dict, hidden_gradient: np.ndarray, at_last_state: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Graves' backward pass by `models.layers.reference`; arguments and results as `rnn_backward`.

    The reference gives every δ and ε_s; here they only become weight gradients, δ times what was sent, summed.
    """
    fed = None if at_last_state is None else at_last_state[..., None]
    above = np.swapaxes(hidden_gradient, 0, 1)
    errors = reference.backward(_as_blocks(weights), trace["steps"], above, fed)
    deltas = [np.stack([getattr(error, f"delta_{to}") for error in errors], 1) for to in ("iota", "phi", "c", "omega")]
    deltas[2] = deltas[2][..., 0]
    joined = np.concatenate(deltas, axis=-1)
    gradients = {
        "kernel": np.einsum("bti,btj->ij", trace["inputs"], joined),
        "recurrent": np.einsum("bti,btj->ij", shifted(trace["hidden"]), joined),
        "bias": joined.sum((0, 1)),
    }
    if weights.peephole is not None:
        # The output gate alone saw the state after the step.
        seen = [shifted(trace["cell"]), shifted(trace["cell"]), trace["cell"]]
        at_gates = [deltas[0], deltas[1], deltas[3]]
        gradients["peephole"] = np.stack([(s * d).sum((0, 1)) for s, d in zip(seen, at_gates, strict=True)])
    return gradients, np.stack([error.epsilon_s[..., 0] for error in errors], 1)


def _as_blocks(weights: Weights) -> reference.Weights:
    """The weights as the reference has them: one cell a block, peepholes of zero where there are none."""
    peephole = np.zeros((3, weights.units)) if weights.peephole is None else weights.peephole
    return reference.Weights.from_keras(weights.kernel, weights.recurrent, weights.bias, peephole)


def forward(unit: str, weights: Weights, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The forward pass of any unit of the lab.

    Args:
        unit: "rnn", "lstm", "peephole" or "gru".
        weights: of that unit.
        inputs: (batch, time, features).

    Returns:
        Arrays (batch, time, units) by name: the gates that exist, "hidden", and "state", which carries the memory;
        "inputs" as given; for the LSTM also "steps", which `backward` reads.
    """
    passes = {"rnn": rnn_forward, "gru": gru_forward}
    return passes.get(unit, lstm_forward)(weights, inputs)


def backward(
    unit: str,
    weights: Weights,
    trace: dict,
    hidden_gradient: np.ndarray | None = None,
    at_last_state: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The backward pass of any unit of the lab.

    Args:
        unit: as in `forward`.
        weights: of that unit.
        trace: what `forward` returned.
        hidden_gradient: (batch, time, units), what the layer above sends to each output; None for nothing.
        at_last_state: (batch, units), what is fed in at the last state itself; None for nothing.

    Returns:
        gradients: by weight name, summed over batch and time.
        state_gradient: (batch, time, units), all of ∂L/∂state_t, later steps included.
    """
    at_hidden = np.zeros_like(trace["hidden"]) if hidden_gradient is None else hidden_gradient
    if unit in ("lstm", "peephole"):
        return lstm_backward(weights, trace, at_hidden, at_last_state)
    if at_last_state is not None:  # their state is their output
        at_hidden = at_hidden.copy()
        at_hidden[:, -1] += at_last_state
    return {"rnn": rnn_backward, "gru": gru_backward}[unit](weights, trace, at_hidden)
