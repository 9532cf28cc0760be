"""The LSTM cell as a b-diagram: the deck's backward pass, one local rule at a time.

One cell, one input, no biases, as the deck and Graves (2012, ch. 4) write it. What arrives at a gate times its left
half is Graves' δ of that gate; what arrives at the state is his ε_s.
"""

from __future__ import annotations

from apps.lstm_lab.b_diagrams.graph import FUNCTIONS, Diagram, Edge

# Weights of x, of h at t−1, and of the peephole, by gate; chosen so that every number is worth looking at.
WEIGHTS = {
    "ι": (1.2, 0.4, 0.5),
    "φ": (0.6, -0.3, 0.8),
    "c": (1.5, 0.7, 0.0),
    "ω": (0.9, 0.5, 0.6),
}
INPUTS = {1: (0.8,), 2: (0.8, -0.4)}
START = {"h": 0.3, "c": 0.5}
RAISED = {0: "⁰", 1: "¹", 2: "²"}


def lstm_diagram(steps: int = 1) -> Diagram:
    """The cell over `steps` time steps (1 or 2), from `START`, run forward and backward from its last output.

    Args:
        steps: with 2, every weight stands at two places and its derivative is the sum over both.

    Returns:
        The diagram; nodes are named as Graves names them, with the time raised.
    """
    diagram = Diagram()
    hidden = diagram.input("b⁰", START["h"])
    state = diagram.input("s⁰", START["c"])
    for t, x in enumerate(INPUTS[steps], start=1):
        hidden, state = _step(diagram, diagram.input(f"x{RAISED[t]}", x), hidden, state, RAISED[t])
    return diagram.run()


def _step(diagram: Diagram, x: int, hidden: int, state: int, time: str) -> tuple[int, int]:
    sigma, tanh = FUNCTIONS["sigmoid"], FUNCTIONS["tanh"]

    def arriving(gate: str, seen: int | None) -> list[Edge]:
        from_x, from_h, peephole = WEIGHTS[gate]
        edges = [Edge(x, from_x, f"w_x{gate}"), Edge(hidden, from_h, f"w_h{gate}")]
        return edges if seen is None else [*edges, Edge(seen, peephole, f"w_c{gate}")]

    entered = diagram.apply(sigma, arriving("ι", state), f"ι{time}", "input")
    kept = diagram.apply(sigma, arriving("φ", state), f"φ{time}", "forget")
    candidate = diagram.apply(tanh, arriving("c", None), f"g{time}", "cell")
    written = diagram.multiply(entered, candidate, f"ι·g{time}", "input")
    held = diagram.multiply(kept, state, f"φ·s{time}", "forget")
    state = diagram.add([Edge(written), Edge(held)], f"s{time}", "cell")
    # The output gate looks at the state after the step: its peephole starts at the new s.
    shown = diagram.apply(sigma, arriving("ω", state), f"ω{time}", "output")
    squashed = diagram.apply(tanh, [Edge(state)], f"h(s){time}", "cell")
    return diagram.multiply(shown, squashed, f"b{time}", "output"), state
