"""B-diagrams: right values and derivatives, clear refusals, and places that can be drawn."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from apps.lstm_lab.b_diagrams import graph, layout, lstm, parser
from models.layers import reference


def diagram_of(text: str, **values: float) -> graph.Diagram:
    return parser.build(parser.parse(text), values)


def test_a_chain_multiplies_the_left_halves():
    diagram = diagram_of("exp(sin(x))", x=0.5)
    assert diagram.output.value == pytest.approx(math.exp(math.sin(0.5)))
    assert diagram.gradients()["x"] == pytest.approx(math.exp(math.sin(0.5)) * math.cos(0.5))


def test_a_sum_sends_the_same_to_both_and_they_meet_at_x():
    diagram = diagram_of("sin(x) + x**2", x=0.5)
    assert [edge.returned for edge in diagram.output.edges] == [1.0, 1.0]
    assert diagram.gradients()["x"] == pytest.approx(math.cos(0.5) + 2 * 0.5)


def test_a_product_gives_each_factor_the_other():
    diagram = diagram_of("x * sin(y)", x=1.5, y=0.7)
    assert diagram.output.slopes == pytest.approx([math.sin(0.7), 1.5])
    assert diagram.gradients() == pytest.approx({"x": math.sin(0.7), "y": 1.5 * math.cos(0.7)})


def test_an_edge_multiplies_by_its_weight_both_ways():
    diagram = diagram_of("tanh(2*x - 0.5*y)", x=0.3, y=0.2)
    assert [edge.weight for edge in diagram.nodes[2].edges] == [2.0, -0.5]
    slope = 1 - math.tanh(0.5) ** 2
    assert diagram.gradients() == pytest.approx({"x": 2 * slope, "y": -0.5 * slope})


def test_a_shared_weight_gets_the_sum_over_its_places():
    inner = math.tanh(0.8 * 1.5)
    outer = 1 - math.tanh(0.8 * inner) ** 2
    by_places = outer * inner + outer * 0.8 * (1 - inner**2) * 1.5
    assert diagram_of("tanh(w*tanh(w*x))", w=0.8, x=1.5).gradients()["w"] == pytest.approx(by_places)


@pytest.mark.parametrize(
    "text",
    [
        "sin(x*y) + x**2",
        "x/y",
        "-x*y + 3",
        "sqrt(x) - log(y)",
        "x**-2",
        "2*(x+1)*(y-1)",
        "abs(x)*relu(y)",
        "x*x*y",
        "tan(x)/3",
    ],
)
def test_derivatives_agree_with_small_steps(text):
    def value(x: float, y: float) -> float:
        return diagram_of(text, x=x, y=y).output.value

    found = diagram_of(text, x=1.5, y=0.7).gradients()
    assert found.get("x", 0) == pytest.approx((value(1.5 + 1e-6, 0.7) - value(1.5 - 1e-6, 0.7)) / 2e-6, abs=1e-6)
    assert found.get("y", 0) == pytest.approx((value(1.5, 0.7 + 1e-6) - value(1.5, 0.7 - 1e-6)) / 2e-6, abs=1e-6)


def test_signs_that_people_type_are_understood():
    assert diagram_of("x² · y − 2", x=3.0, y=2.0).output.value == pytest.approx(16.0)


REFUSED = {
    "": "Type an expression",
    "x" * 500: "at most 200",
    "(" * 5000 + "x": "at most 200",
    "(" * 150 + "x": "not a complete expression",
    "sin(" * 30 + "x" + ")" * 30: "nested too deeply",
    "-" * 60 + "x": "nested too deeply",
    "x**999": "Exponents up to 20",
    "9**9**9": "can be drawn",
    "9**9**9**9**9*x": "can be drawn",
    "__import__": "cannot be a variable",
    "__import__(x)": "no function",
    "x.real": "only for decimals",
    "().x": "has no place|Only names|only for decimals",
    "open(x)": "There is no function",
    "sin": "give it an argument",
    "sin()": "exactly one argument",
    "sin(*x)": "exactly one argument",
    "x if y else z": "Only names",
    "lambda": "not a complete expression",
    "x and y": "Only names",
    "x[0]": "no place",
    "x = 1": "no place",
    "'x'": "no place",
    "True*x": "Only names|cannot be",
    "1j*x": "neither a number nor a name",
    "2x + 1": "write \\*, as in 2\\*x",
    "1if x else 2": "neither a number nor a name",
    "1e999*x": "can be drawn",
    "x**y": "An exponent must be a number",
    "x^2": "two stars",
    "x +": "not a complete expression",
    "x\x00": "no place",
    "a+b+c+d+e+f+g": "7 variables",
    "averyveryverylongname": "at most 12 letters",
    "+".join(["x"] * 99): "at most 25",
    "+".join(["(" + "+".join("x" * 18) + ")**2"] * 4): "at most 60",
    "2**0.5": "no variable",
    "x/0": "Division by zero",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text)[:24])
def test_hostile_or_mistaken_text_gets_one_clear_line(text):
    with pytest.raises(graph.DiagramError, match=REFUSED[text]) as refusal:
        tree = parser.parse(text)
        layout.drawing(parser.build(tree, dict.fromkeys(parser.variables(tree), 1.0)))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("text", "x"), [("log(x)", -1.0), ("sqrt(x)", 0.0), ("1/x", 0.0), ("exp(exp(x))", 50.0), ("x**20", 99.0)]
)
def test_values_where_nothing_can_be_computed_are_named(text, x):
    with pytest.raises(graph.DiagramError, match="needs|grow"):
        diagram_of(text, x=x)


@settings(max_examples=300, deadline=1000)
@given(some.text(alphabet="xyw0123456789.+-*/() sincoexplg_e", max_size=60))
def test_any_text_is_answered_by_a_picture_or_a_line_and_at_once(text):
    try:
        tree = parser.parse(text)
        drawn = layout.drawing(parser.build(tree, dict.fromkeys(parser.variables(tree), 1.1)))
    except graph.DiagramError:
        return
    json.dumps(drawn, allow_nan=False)


def test_nodes_of_one_layer_keep_apart_and_arrows_run_to_the_right():
    for diagram in (diagram_of("sin(x*y) + x**2 + cos(y)*x", x=1.0, y=2.0), lstm.lstm_diagram(1), lstm.lstm_diagram(2)):
        places, _ = layout.place(diagram)
        for target, node in enumerate(diagram.nodes):
            assert all(places[edge.source][0] < places[target][0] for edge in node.edges)
        for layer in {place[0] for place in places}:
            rows = sorted(row for at, row in places if at == layer)
            assert all(b - a >= 0.99 for a, b in zip(rows, rows[1:], strict=False))


def test_the_lstm_cell_agrees_with_small_steps():
    found = lstm.lstm_diagram(1).gradients()

    def shown(x: float) -> float:
        diagram = lstm.lstm_diagram(1)
        next(node for node in diagram.nodes if node.name == "x¹").value = x
        return diagram.run().output.value

    assert found["x¹"] == pytest.approx((shown(0.8 + 1e-6) - shown(0.8 - 1e-6)) / 2e-6, abs=1e-8)


def test_over_two_steps_a_weight_has_the_sum_over_both_places():
    diagram = lstm.lstm_diagram(2)
    places = [
        node.arrived * slope * diagram.nodes[edge.source].value
        for node in diagram.nodes
        for edge, slope in zip(node.edges, node.slopes, strict=True)
        if edge.weight_name == "w_xι"
    ]
    assert len(places) == 2
    assert diagram.weight_gradients()["w_xι"] == pytest.approx(sum(places))


def test_the_lstm_cell_is_the_reference_with_every_delta_and_epsilon():
    weights = lstm_weights()
    steps = reference.forward(weights, [[x] for x in lstm.INPUTS[2]], np.array([0.3]), np.array([[0.5]]))
    errors = reference.backward(weights, steps, [[0.0], [1.0]])
    nodes = {node.name: node for node in lstm.lstm_diagram(2).nodes}
    for step, error, time in zip(steps, errors, "¹²", strict=True):
        assert nodes[f"b{time}"].value == pytest.approx(step.b_c.item())
        assert nodes[f"s{time}"].value == pytest.approx(step.s_c.item())
        assert nodes[f"b{time}"].arrived == pytest.approx(error.epsilon_c.item())
        assert nodes[f"s{time}"].arrived == pytest.approx(error.epsilon_s.item())
        for name, delta in {"ι": "iota", "φ": "phi", "g": "c", "ω": "omega"}.items():
            node = nodes[name + time]
            assert node.arrived * node.slopes[0] == pytest.approx(getattr(error, f"delta_{delta}").item())
    gradients = reference.weight_gradients(weights, steps, errors)
    assert lstm.lstm_diagram(2).weight_gradients()["w_cφ"] == pytest.approx(gradients.s_phi.item())


def lstm_weights() -> reference.Weights:
    """The diagram's weights as the reference has them: one block of one cell, no biases."""
    columns = np.array([lstm.WEIGHTS[gate] for gate in ("ι", "φ", "c", "ω")])
    peephole = columns[[0, 1, 3], 2][:, None]
    return reference.Weights.from_keras(columns[:, 0][None], columns[:, 1][None], np.zeros(4), peephole)
