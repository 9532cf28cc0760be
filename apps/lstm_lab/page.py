"""The LSTM lab: what a cell does, why its gradient lasts, and how it learns, on one page of five benches.

The drawings are components of our own (`widget/`): stepping, playing and every slider run in the browser. Python is
asked only for a typed expression, for a training, and for the GRU made of a coupled-gate LSTM.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import streamlit as st

from apps.lstm_lab import coupling, gradient_flow, live_cell, training
from apps.lstm_lab.b_diagrams import graph, layout, lstm, parser
from apps.lstm_lab.classic_tasks import TASKS
from apps.lstm_lab.widget import widget

EXAMPLES = {
    "product and chain": "sin(x*y) + x**2",
    "chain": "exp(sin(x))",
    "sum": "sin(x) + x**2",
    "weighted edges": "tanh(2*x - 0.5*y)",
    "product": "x * sin(y)",
    "shared weight": "tanh(w*tanh(w*x))",
}
CELL = {"LSTM cell": 1, "LSTM cell, two steps": 2}
SLICE = 0.35  # seconds of training between two pictures
START_VALUES = {"x": 1.5, "y": 0.7, "w": 0.8}


def page() -> None:
    """Draw the lab: the choice of a bench, then that bench alone."""
    st.title("The LSTM lab")
    benches: dict[str, Callable[[], None]] = {
        "Live cell": live_cell_bench,
        "Gradient flow": gradient_flow_bench,
        "B-diagrams": b_diagram_bench,
        "Classic tasks": classic_tasks_bench,
        "GRU from LSTM": coupling_bench,
    }
    chosen = st.segmented_control(
        "Bench",
        list(benches),
        default="Live cell",
        required=True,
        key="bench",
        bind="query-params",
        label_visibility="collapsed",
    )
    benches[chosen or "Live cell"]()


def live_cell_bench() -> None:
    """One unit of each kind on a sequence that the visitor draws."""
    widget("live_cell")(key="live_cell", data=live_cell.widget_data())
    in_python("""
        import numpy as np
        from apps.lstm_lab.live_cell import STORIES
        from apps.lstm_lab.units import forward

        story = STORIES[0]
        trace = forward("lstm", story.weights("lstm"), np.array(story.inputs)[None, :, None])
        print(trace["forget"][0, :, 0], trace["cell"][0, :, 0])
    """)


def in_python(code: str) -> None:
    """How to get the same outside the page."""
    with st.expander("The same in Python"):
        st.code(textwrap.dedent(code).strip(), language="python")


def gradient_flow_bench() -> None:
    """How far back a nudge is felt."""
    st.markdown(
        "An error at the end of a sequence must travel back to the step that caused it. A plain unit multiplies it "
        "by its weights and by the slope of tanh at every step, and soon nothing is left; the LSTM's carrousel "
        "multiplies it by its forget gate alone."
    )
    widget("gradient_flow")(key="gradient_flow", data=gradient_flow.widget_data())
    in_python("""
        import numpy as np
        from apps.lstm_lab.gradient_flow import gradient_flow
        from apps.lstm_lab.units import random_weights

        generator = np.random.default_rng(7)
        weights = random_weights("lstm", 2, 8, generator, keep_bias=3.0)
        print(gradient_flow("lstm", weights, generator.normal(size=(60, 2))))
    """)


@st.fragment
def b_diagram_bench() -> None:
    """An expression, or the LSTM cell, as a b-diagram."""
    st.markdown(
        "Every circle keeps two numbers: right what it computed, left its derivative there. Feed the variables "
        "forward; then feed 1 in at the end and run the arrows in reverse, multiplying by the left halves. What "
        "arrives at a variable is the derivative (Rojas 1996, ch. 7)."
    )
    chosen = st.pills(
        "Example",
        [*EXAMPLES, *CELL],
        default=next(iter(EXAMPLES)),
        key="example",
        on_change=_take_example,
        required=True,
    )
    if chosen in CELL:
        diagram = lstm.lstm_diagram(CELL[chosen])
        widget("b_diagram")(key="b_diagram", data=layout.drawing(diagram) | {"title": chosen})
        return
    typed = st.text_input(
        "Expression of your own",
        value=EXAMPLES["product and chain"],
        key="expression",
        max_chars=4 * parser.LONGEST_TEXT,  # the parser's own line says how long is too long
        bind="query-params",
        help="Names, numbers, + − * / **, brackets, and " + ", ".join(graph.FUNCTIONS) + ".",
    )
    try:
        tree = parser.parse(typed or "")
        values = _value_inputs(parser.variables(tree))
        diagram = parser.build(tree, values)
    except graph.DiagramError as error:
        st.warning(str(error))
        return
    widget("b_diagram")(key="b_diagram", data=layout.drawing(diagram) | {"title": typed})
    in_python(f"""
        from apps.lstm_lab.b_diagrams.parser import build, parse

        diagram = build(parse({typed!r}), {values})
        print(diagram.output.value, diagram.gradients())
    """)


def _take_example() -> None:
    """A chosen example becomes the expression, which can then be changed."""
    if st.session_state.example in EXAMPLES:
        st.session_state.expression = EXAMPLES[st.session_state.example]


def _value_inputs(names: list[str]) -> dict[str, float]:
    """One number field a variable."""
    if not names:
        return {}
    columns = st.columns(parser.MOST_VARIABLES)
    return {
        name: column.number_input(
            name, value=START_VALUES.get(name, 1.0), min_value=-100.0, max_value=100.0, step=0.1, key=f"value_{name}"
        )
        for name, column in zip(names, columns, strict=False)
    }


def classic_tasks_bench() -> None:
    """Training in the page, in slices: the drawing grows while the networks learn."""
    key = st.pills(
        "Task",
        list(training.SETTINGS),
        default="counting",
        required=True,
        key="task",
        bind="query-params",
        format_func=lambda k: TASKS[k].title,
    )
    setting, task = training.SETTINGS[key], TASKS[key]
    shortest, longest, usual = setting.lengths
    st.markdown(task.text)
    columns = st.columns([2, 2, 3, 1], vertical_alignment="bottom")
    length = columns[0].slider(setting.length_name.capitalize(), shortest, longest, usual, key=f"length_{key}")
    bias = columns[1].slider(
        "Forget bias at the start",
        -2.0,
        8.0,
        setting.keep_bias,
        step=0.5,
        key=f"bias_{key}",
        help="Of the gate that remembers: the LSTM's forget gate, the GRU's update gate.",
    )
    chosen = columns[2].pills(
        "Networks",
        list(training.UNITS),
        default=list(training.UNITS),
        selection_mode="multi",
        key="networks",
        format_func=training.UNITS.get,
    )
    seed = columns[3].number_input("Seed", 0, 999, 0, key="seed")
    if not chosen:
        st.info("Choose at least one network.")
        return
    wanted = {"key": key, "length": length, "units": tuple(chosen), "seed": int(seed), "keep_bias": bias}
    # A new choice is trained at once; what was trained stays until then.
    if st.session_state.get("lab_wanted") != wanted:
        st.session_state.lab_wanted = wanted
        st.session_state.lab_trainer = training.Trainer(**wanted)
        st.session_state.lab_running = True
    running = st.session_state.lab_running
    st.fragment(_train_and_draw, run_every=0.1 if running else None)()
    in_python(f"""
        from apps.lstm_lab.training import Trainer

        trainer = Trainer({key!r}, {length}, {tuple(chosen)!r}, seed={int(seed)}, keep_bias={bias})
        while not trainer.done:
            trainer.work(1.0)
        print(trainer.successes)
        # Longer sequences, Keras layers, three seeds, as the papers report: python -m benchmarks.classic_tasks
    """)


def _train_and_draw() -> None:
    """One slice of training, then the picture; the page asks for the next slice by itself."""
    trainer = st.session_state.lab_trainer
    running = st.session_state.lab_running
    if running:
        trainer.work(SLICE)
        if trainer.done:
            st.session_state.lab_running = False
            st.rerun()
    left, right = st.columns([1, 5])
    if running and left.button("Stop", key="stop", width="stretch"):
        st.session_state.lab_running = False
        st.rerun()
    if not running and left.button("Train again" if trainer.done else "Go on", key="train", width="stretch"):
        if trainer.done:
            st.session_state.lab_trainer = training.Trainer(**st.session_state.lab_wanted)
        st.session_state.lab_running = True
        st.rerun()
    with right:
        st.caption("Trained here, in NumPy, with the backward pass of the deck; plain Adam, batches of 32.")
    widget("training")(key="training", data=training.widget_data(trainer, running))


def coupling_bench() -> None:
    """A coupled-gate LSTM that is a GRU, number for number."""
    st.markdown(
        "A GRU is an LSTM with four changes. Make them one after another: the weights stay those of the GRU, and "
        "at the last change its numbers come out. Both are computed here by the layers themselves: Keras' `GRU` "
        "and our `CoupledGateLSTM`."
    )
    seed = st.number_input("Seed of weights and input", 0, 999, 0, key="coupling_seed", width=220)
    with st.spinner("Keras is being loaded…"):
        data = _compared(int(seed))
    widget("coupling")(key="coupling", data=data)
    in_python(f"""
        from apps.lstm_lab.coupling import compare

        result = compare(seed={int(seed)})
        print(result["gru"][-1], result["stages"][-1]["hidden"][-1])
    """)


@st.cache_data(max_entries=50, show_spinner=False)
def _compared(seed: int) -> dict:
    return coupling.compare(seed)


if __name__ == "__main__":
    page()
