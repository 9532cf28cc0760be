"""From an expression that a user types to a b-diagram. Nothing is ever evaluated as Python.

The text is read by `ast.parse` and every node is checked against a short list of what is allowed; sizes, exponents and
numbers have limits, so that any input is answered at once, by a picture or by one line.
"""

from __future__ import annotations

import ast
import math
import re

from apps.lstm_lab.b_diagrams.graph import FUNCTIONS, LARGEST, RECIPROCAL, Diagram, DiagramError, Edge, Function

LONGEST_TEXT = 200  # characters
MOST_NODES = 40
MOST_EDGES = 60
DEEPEST = 25  # nested operations
LARGEST_EXPONENT = 20
MOST_VARIABLES = 6
LONGEST_NAME = 12  # characters

TYPED_ALIKE = {"·": "*", "×": "*", "−": "-", "–": "-", "²": "**2", "³": "**3", "÷": "/", "π": "pi", "σ(": "sigmoid("}
STARTS_WITH_DIGIT = re.compile(r"(?<!\w)\.?\d[\w.]*")
NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE]\d*)?")  # a signed exponent, 1e-3, goes on after its minus
ALLOWED = re.compile(r"[A-Za-z0-9_+\-*/(). \t]*")


def parse(text: str) -> ast.expr:
    """Read an expression and check that it is one of ours.

    Args:
        text: such as `sin(x*y) + x**2`.

    Returns:
        The checked syntax tree.

    Raises:
        DiagramError: with one line that says what is wrong and what would be right.
    """
    for sign, meant in TYPED_ALIKE.items():
        text = text.replace(sign, meant)
    text = text.strip()
    if not text:
        raise DiagramError("Type an expression, for example sin(x*y) + x**2.")
    if len(text) > LONGEST_TEXT:
        raise DiagramError(f"The expression has {len(text):,} characters; at most {LONGEST_TEXT} can be drawn.")
    if "^" in text:
        raise DiagramError("Write powers with two stars: x**2.")
    strange = ALLOWED.sub("", text)
    if strange:
        raise DiagramError(
            f"“{strange[0]!s}” has no place in an expression; use names, numbers, + − * / ** and functions."
        )
    for word in STARTS_WITH_DIGIT.findall(text):
        if not NUMBER.fullmatch(word):
            raise DiagramError(
                f"“{word[:LONGEST_NAME]}” is neither a number nor a name; between the two write *, as in 2*x."
            )
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise DiagramError("This is not a complete expression; check the brackets and operators.") from None
    except (RecursionError, MemoryError, ValueError):
        raise DiagramError(f"The expression is nested too deeply; at most {DEEPEST} levels can be drawn.") from None
    _check(tree, 1)
    names = _names(tree)
    if len(names) > MOST_VARIABLES:
        raise DiagramError(f"The expression has {len(names)} variables; at most {MOST_VARIABLES} can be drawn.")
    return tree


def variables(tree: ast.expr) -> list[str]:
    """The variables of a checked expression, in order of appearance."""
    return _names(tree)


def build(tree: ast.expr, values: dict[str, float]) -> Diagram:
    """Draw up the diagram of a checked expression and fill in both halves of every node.

    Args:
        tree: from `parse`.
        values: one number for each of its variables.

    Returns:
        The diagram, run forward and backward.

    Raises:
        DiagramError: it has too many nodes, or a function is not defined at these values.
    """
    builder = _Builder(values)
    names = _names(tree)
    for name in names:
        builder.inputs[name] = builder.diagram.input(name, float(values[name]))
    result = builder.lower(tree)
    if isinstance(result, float):
        raise DiagramError("The expression has no variable, so there is nothing to derive by; add one, such as x.")
    if result.weight != 1.0 or builder.diagram.nodes[result.source].kind == "input":
        builder.diagram.add([result])
    if len(builder.diagram.nodes) > MOST_NODES:
        raise DiagramError(
            f"The diagram would have {len(builder.diagram.nodes)} nodes; at most {MOST_NODES} can be drawn."
        )
    edges = sum(len(node.edges) for node in builder.diagram.nodes)
    if edges > MOST_EDGES:
        raise DiagramError(f"The diagram would have {edges} arrows; at most {MOST_EDGES} can be drawn.")
    return builder.diagram.run()


def _names(tree: ast.expr) -> list[str]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in found if node.id not in FUNCTIONS and node.id != "pi"))


def _check(node: ast.AST, depth: int) -> None:
    """Refuse everything that is not on the list; the tree is walked here once, never run."""
    if depth > DEEPEST:
        raise DiagramError(f"The expression is nested too deeply; at most {DEEPEST} levels can be drawn.")
    if isinstance(node, ast.Call):
        _check_call(node)
        return _check(node.args[0], depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
        _check(node.left, depth + 1)
        return _check(node.right, depth + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        return _check(node.operand, depth + 1)
    if isinstance(node, ast.Name):
        return _check_name(node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        if abs(node.value) > LARGEST:
            raise DiagramError(f"Numbers up to {LARGEST:,.0f} can be drawn; one here is larger.")
        return None
    if isinstance(node, ast.Attribute):
        raise DiagramError("A dot is only for decimals, as in 0.5; names have no parts here.")
    raise DiagramError("Only names, numbers, + − * / ** and functions of one argument can be drawn.")


def _check_call(node: ast.Call) -> None:
    known = ", ".join(FUNCTIONS)
    if not isinstance(node.func, ast.Name):
        raise DiagramError(f"Only these functions can be called: {known}.")
    if node.func.id not in FUNCTIONS:
        raise DiagramError(f"There is no function “{node.func.id[:LONGEST_NAME]}” here; known are {known}.")
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        raise DiagramError(f"“{node.func.id}” takes exactly one argument.")


def _check_name(name: str) -> None:
    if name in FUNCTIONS:
        raise DiagramError(f"“{name}” is a function; give it an argument: {name}(x).")
    if len(name) > LONGEST_NAME:
        raise DiagramError(f"Names have at most {LONGEST_NAME} letters; “{name[:LONGEST_NAME]}…” is longer.")
    if name.startswith("_") or name in ("True", "False", "None"):
        raise DiagramError(f"“{name}” cannot be a variable; take a letter such as x.")


class _Builder:
    """Lowers a checked tree. A number stays a number, and a number times something becomes an edge's weight."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values
        self.diagram = Diagram()
        self.inputs: dict[str, int] = {}

    def lower(self, node: ast.expr) -> Edge | float:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return math.pi if node.id == "pi" else Edge(self.inputs[node.id])
        if isinstance(node, ast.UnaryOp):
            operand = self.lower(node.operand)
            return self.scaled(operand, -1.0 if isinstance(node.op, ast.USub) else 1.0)
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return self.applied(FUNCTIONS[node.func.id], self.lower(node.args[0]))
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Add | ast.Sub):
            return self.summed(node)
        left, right = self.lower(node.left), self.lower(node.right)
        if isinstance(node.op, ast.Mult):
            return self.multiplied(left, right)
        if isinstance(node.op, ast.Div):
            return self.divided(left, right)
        return self.raised(left, right)

    def scaled(self, thing: Edge | float, by: float) -> Edge | float:
        return self.kept(thing * by) if isinstance(thing, float) else Edge(thing.source, self.kept(thing.weight * by))

    def kept(self, value: float) -> float:
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise DiagramError(f"Numbers up to {LARGEST:,.0f} can be drawn; one here is larger.")
        return value

    def summed(self, node: ast.BinOp) -> Edge | float:
        """A run of additions and subtractions is one node."""
        terms = list(self.terms(node, 1.0))
        number = self.kept(sum(term for term in terms if isinstance(term, float)))
        edges = [term for term in terms if not isinstance(term, float)]
        if not edges:
            return number
        if number:
            edges.append(Edge(self.diagram.constant(number)))
        return Edge(self.diagram.add(edges)) if len(edges) > 1 else edges[0]

    def terms(self, node: ast.expr, sign: float):  # noqa: ANN201 - a generator of what `lower` returns
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield from self.terms(node.left, sign)
            yield from self.terms(node.right, -sign if isinstance(node.op, ast.Sub) else sign)
        else:
            yield self.scaled(self.lower(node), sign)

    def multiplied(self, left: Edge | float, right: Edge | float) -> Edge | float:
        if isinstance(left, float):
            return self.scaled(right, left)
        if isinstance(right, float):
            return self.scaled(left, right)
        return Edge(self.diagram.multiply(left.source, right.source), self.kept(left.weight * right.weight))

    def divided(self, left: Edge | float, right: Edge | float) -> Edge | float:
        if isinstance(right, float):
            if right == 0:
                raise DiagramError("Division by zero has no value.")
            return self.scaled(left, 1.0 / right)
        return self.multiplied(left, self.applied(RECIPROCAL, right))

    def applied(self, function: Function, argument: Edge | float) -> Edge | float:
        if isinstance(argument, Edge):
            return Edge(self.diagram.apply(function, [argument]))
        if not function.allows(argument):
            raise DiagramError(f"“{function.sign}” needs {function.asks}; here it gets {argument:.6g}.")
        try:
            return self.kept(function.value(argument))
        except OverflowError:
            return self.kept(math.inf)

    def raised(self, base: Edge | float, exponent: Edge | float) -> Edge | float:
        if isinstance(exponent, Edge):
            raise DiagramError("An exponent must be a number; for x**y write exp(y*log(x)).")
        if abs(exponent) > LARGEST_EXPONENT:
            raise DiagramError(f"Exponents up to {LARGEST_EXPONENT} can be drawn; here it is {exponent:.6g}.")
        return self.applied(power(exponent), base)


def power(exponent: float) -> Function:
    """v → v to a fixed exponent; a fraction needs v > 0, a negative exponent v ≠ 0."""
    whole = float(exponent).is_integer()
    written = f"{exponent:g}".replace("-", "−")
    lower = f"{exponent - 1:g}".replace("-", "−")

    def slope(v: float) -> float:
        return exponent * v ** (exponent - 1) if exponent else 0.0

    if not whole:
        return Function(
            f"·^{written}",
            lambda v: v**exponent,
            slope,
            f"{written}·({{}})^{lower}",
            lambda v: v > 0,
            "a number above zero",
        )
    if exponent < 0:
        return Function(
            f"·^{written}",
            lambda v: v**exponent,
            slope,
            f"{written}·({{}})^{lower}",
            lambda v: v != 0,
            "anything but zero",
        )
    return Function(f"·^{written}", lambda v: v ** int(exponent), slope, f"{written}·({{}})^{lower}")
