"""The home page: what Carrousel is, and each application with a live example."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.lstm_lab import gradient_flow
from apps.lstm_lab.widget import widget
from apps.shared.widgets.idea import idea, picture
from apps.translation import view
from apps.translation.samples import SAMPLES
from models.decoding.options import SearchOptions

DRAWN = (SAMPLES["de"][0][1], SAMPLES["en"][0][1])


def page(*, translation: Any, lab: Any) -> None:
    """Draws the page.

    Args:
        translation, lab: the `st.Page`s to link to.
    """
    st.title("Carrousel")
    st.markdown(
        "A sentence becomes one state of fixed size, `[h, c]`, and from it alone an LSTM speaks. There is no attention "
        "anywhere: what the state forgot is gone, and you can watch it happen. The name is the *constant error "
        "carrousel* at the heart of the LSTM: a cell that keeps what was written until a gate lets it go."
    )
    translated = st.container()
    st.divider()
    _lab(lab)
    st.divider()
    st.markdown(
        "**From the command line:** `python -m apps` lists the applications; each trains, evaluates, predicts and "
        "exports. Image and video captioning, sentiment, tagging and word vectors are planned on the same parts."
    )
    with translated:  # last, since a model may have to be loaded
        _translation(translation)


def _translation(link: Any) -> None:
    st.subheader("Translation")
    models = view.shipped_models()
    if not models:
        idea("idea", picture(DRAWN[0].split(), DRAWN[1].split(), None, ("German", "English")))
        st.caption("A drawing: no translation model is here yet. The translation page says how to train one.")
        st.page_link(link, label="**Open the translation page →**")
        return
    model = next(iter(models.values()))
    samples = SAMPLES.get(model.source, ())[:4]
    chosen = st.pills(
        f"A sentence in {view.language(model.source)}",
        range(len(samples)),
        default=0,
        required=True,
        key="home_sample",
        format_func=lambda number: samples[number][0],
    )
    _live(model, samples[chosen][1])
    st.caption("In the decoding microscope: type your own, watch every step, force a word, hold a unit.")
    st.page_link(link, label="**Open the decoding microscope →**")


@st.fragment
def _live(model: view.ShippedModel, sentence: str) -> None:
    """The picture with a real sentence and the very numbers that it became."""
    labels = (view.language(model.source), view.language(model.target))
    place = st.empty()
    first = model.name not in st.session_state.get("home_opened", ())
    if first:  # loading takes seconds: something to look at until then
        with place.container():
            idea("idea_waiting", picture(sentence.split(), [], None, labels))
    try:
        with st.spinner("Loading the model; this happens once…" if first else "Translating…"):
            words, states = _crossing(model, sentence)
    except (ValueError, FileNotFoundError) as error:
        st.error(f"This model cannot be opened. {error}")
        return
    st.session_state["home_opened"] = (*st.session_state.get("home_opened", ()), model.name)
    with place.container():
        note = view.CONTEXT_NOTES.get(view.translator(model.name).recipe.context, "")
        idea("idea", picture(sentence.split(), words.split(), states, labels, note))


@st.cache_data(max_entries=32, show_spinner=False)
def _crossing(model: view.ShippedModel, sentence: str) -> tuple[str, dict[str, Any]]:
    """A sentence's translation, and the state that it crossed as."""
    import numpy as np

    speaker = view.translator(model.name)
    trace, _ = view.answer(model.name, sentence, SearchOptions(length_penalty=model.length_penalty))
    start = speaker.explainer.start(speaker.encoder_input(sentence))["layers"][0]
    states = dict(zip(("h", "c"), (np.asarray(state)[0] for state in start), strict=False))
    return trace["hypotheses"][0]["text"], states


def _lab(link: Any) -> None:
    st.subheader("The LSTM lab")
    st.markdown(
        "Why the carrousel: how much of a nudge long ago is still felt at the end, in a plain RNN, a GRU and an LSTM. "
        "Move the sliders."
    )
    widget("gradient_flow")(key="home_gradient_flow", data=gradient_flow.widget_data())
    st.caption("In the lab: one cell live, b-diagrams, classic tasks, a GRU made of an LSTM.")
    st.page_link(link, label="**Open the lab →**")


if __name__ == "__main__":
    raise SystemExit("Run streamlit_app.py: streamlit run streamlit_app.py")
