"""The b-diagram itself: nodes that keep a value on their right side and a derivative on their left (Rojas 1996, ch. 7).

Going forward, a node computes its value from what its edges bring. Going backward, one is fed in at the output and the
arrows run in reverse: what arrives at a node is multiplied by its left side, an edge multiplies by its weight both
ways, and what reaches a node along several paths is added.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LARGEST = 1e6  # values beyond this are refused: nothing in a small circle could be read


class DiagramError(ValueError):
    """What was asked for cannot be drawn; the message is one line for the reader."""


@dataclass(frozen=True)
class Function:
    """A function of one number with its derivative.

    Attributes:
        sign: what stands over the node.
        value: f.
        slope: f′.
        slope_sign: how f′ is written, `{}` for the argument.
        allows: whether f is defined there and has a derivative.
        asks: what it needs of its argument, for the error line.
    """

    sign: str
    value: Callable[[float], float]
    slope: Callable[[float], float]
    slope_sign: str
    allows: Callable[[float], bool] = lambda v: True
    asks: str = ""


def logistic(a: float) -> float:
    """The gates' squashing function, without overflow."""
    return 0.5 * (1.0 + math.tanh(0.5 * a))


FUNCTIONS = {
    "sin": Function("sin", math.sin, math.cos, "cos({})"),
    "cos": Function("cos", math.cos, lambda v: -math.sin(v), "−sin({})"),
    "tan": Function("tan", math.tan, lambda v: 1.0 / math.cos(v) ** 2, "1/cos²({})"),
    "exp": Function("exp", math.exp, math.exp, "exp({})"),
    "log": Function("log", math.log, lambda v: 1.0 / v, "1/({})", lambda v: v > 0, "a number above zero"),
    "sqrt": Function("√", math.sqrt, lambda v: 0.5 / math.sqrt(v), "1/(2√{})", lambda v: v > 0, "a number above zero"),
    "tanh": Function("tanh", math.tanh, lambda v: 1.0 - math.tanh(v) ** 2, "1 − tanh²({})"),
    "sigmoid": Function("σ", logistic, lambda v: logistic(v) * (1.0 - logistic(v)), "σ·(1 − σ) at {}"),
    "relu": Function("relu", lambda v: max(v, 0.0), lambda v: float(v > 0), "the step at {}"),
    "abs": Function(
        "|·|", abs, lambda v: math.copysign(1.0, v), "the sign of {}", lambda v: v != 0, "anything but zero"
    ),
}
RECIPROCAL = Function(
    "1/·", lambda v: 1.0 / v, lambda v: -1.0 / v**2, "−1/({})²", lambda v: v != 0, "anything but zero"
)


@dataclass
class Edge:
    """An arrow into a node: from which, with which weight; `weight_name` where several edges share one weight."""

    source: int
    weight: float = 1.0
    weight_name: str = ""
    returned: float = 0.0  # what runs back along it, its weight included


@dataclass
class Node:
    """One circle of the diagram.

    Attributes:
        kind: "input", "constant", "sum", "product" or "function".
        sign: what stands over it.
        edges: its arrows in; a function adds what they bring, then applies itself.
        function: for kind "function".
        name: an input's name, or a gate's, for the reader.
        color: palette name for the LSTM's gates, else "".
        value: right half.
        slopes: left half, one number an edge.
        arrived: what has come back, summed over its arrows out.
    """

    kind: str
    sign: str
    edges: list[Edge] = field(default_factory=list)
    function: Function | None = None
    name: str = ""
    color: str = ""
    value: float = 0.0
    slopes: list[float] = field(default_factory=list)
    arrived: float = 0.0


@dataclass
class Diagram:
    """Nodes in an order in which each comes after what feeds it; the last is the output.

    Build it with `input`, `constant`, `add`, `multiply`, `apply`; then `run` fills in both halves.
    """

    nodes: list[Node] = field(default_factory=list)

    def input(self, name: str, value: float) -> int:
        """A variable with its value; returns the node's number, as all of these do."""
        return self._append(Node("input", name, name=name, value=value))

    def constant(self, value: float) -> int:
        """A number that nothing is derived by."""
        return self._append(Node("constant", "", value=value))

    def add(self, edges: Sequence[Edge], name: str = "", color: str = "") -> int:
        """The weighted sum of what the edges bring."""
        return self._append(Node("sum", "+", list(edges), name=name, color=color))

    def multiply(self, left: int, right: int, name: str = "", color: str = "") -> int:
        """The product of two nodes."""
        return self._append(Node("product", "×", [Edge(left), Edge(right)], name=name, color=color))

    def apply(self, function: Function, edges: Sequence[Edge], name: str = "", color: str = "") -> int:
        """A function of the weighted sum of what the edges bring."""
        return self._append(Node("function", function.sign, list(edges), function, name=name, color=color))

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def run(self) -> Diagram:
        """Forward through all nodes, then backward with one fed in at the last.

        Raises:
            DiagramError: a function is asked where it is not defined, or a number grows beyond `LARGEST`.
        """
        for node in self.nodes:
            self._forward(node)
        self._backward()
        return self

    def _forward(self, node: Node) -> None:
        brought = [edge.weight * self.nodes[edge.source].value for edge in node.edges]
        try:
            if node.kind == "sum":
                node.value, node.slopes = sum(brought), [1.0] * len(brought)
            elif node.kind == "product":
                node.value, node.slopes = brought[0] * brought[1], [brought[1], brought[0]]
            elif node.function is not None:
                self._apply(node, node.function, sum(brought))
        except (OverflowError, ZeroDivisionError):
            node.value = math.inf
        if not all(math.isfinite(v) and abs(v) <= LARGEST for v in [node.value, *node.slopes]):
            raise DiagramError(
                f"The numbers grow beyond {LARGEST:,.0f} at “{node.sign or node.value}”; take smaller values."
            )

    def _apply(self, node: Node, function: Function, argument: float) -> None:
        if not function.allows(argument):
            raise DiagramError(f"“{function.sign}” needs {function.asks}; here it gets {argument:.6g}.")
        node.value = function.value(argument)
        node.slopes = [function.slope(argument)] * len(node.edges)

    def _backward(self) -> None:
        for node in self.nodes:
            node.arrived = 0.0
        self.nodes[-1].arrived = 1.0
        for node in reversed(self.nodes):
            for edge, slope in zip(node.edges, node.slopes, strict=True):
                edge.returned = node.arrived * slope * edge.weight
                self.nodes[edge.source].arrived += edge.returned
        if not all(math.isfinite(node.arrived) and abs(node.arrived) <= LARGEST**2 for node in self.nodes):
            raise DiagramError("The derivatives grow too large to draw; take smaller values.")

    @property
    def output(self) -> Node:
        """The node whose derivative is taken."""
        return self.nodes[-1]

    def gradients(self) -> dict[str, float]:
        """∂output/∂input by name."""
        return {node.name: node.arrived for node in self.nodes if node.kind == "input"}

    def weight_gradients(self) -> dict[str, float]:
        """∂output/∂weight for the named edges; a weight used at several places has the sum over the places."""
        sums: dict[str, float] = {}
        for node in self.nodes:
            for edge, slope in zip(node.edges, node.slopes, strict=True):
                if edge.weight_name:
                    sent = self.nodes[edge.source].value
                    sums[edge.weight_name] = sums.get(edge.weight_name, 0.0) + node.arrived * slope * sent
        return sums
