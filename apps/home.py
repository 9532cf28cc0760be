"""The home page: what Carrousel is, and each application with a live example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import streamlit as st

from apps.lstm_lab import gradient_flow
from apps.lstm_lab.widget import widget
from apps.shared.widgets.idea import idea, picture
from apps.translation import view
from apps.translation.samples import SAMPLES
from models.decoding.options import SearchOptions

DRAWN = (SAMPLES["de"][0][1], SAMPLES["en"][0][1])


@dataclass(frozen=True, kw_only=True)
class Example:
    """An application with a small live example.

    Attributes:
        title: its heading.
        says: what it shows, one sentence.
        application: its folder; `view` in it gives `shipped_models()`.
        opened_by: the function of its `view` that opens a model, once a process; of `PICTURES` the one that gives the
            pictures to show and what is said of them.
        text: the example, or the name of a sample photo or clip.
    """

    title: str
    says: str
    application: str
    opened_by: str
    text: str


EXAMPLES = (
    Example(
        title="Sentiment",
        says="Many words, one verdict: read word by word, and explained.",
        application="sentiment",
        opened_by="critic",
        text="The plot is thin, but the two leads are a joy to watch.",
    ),
    Example(
        title="Tagging",
        says="A tag for every word, from the words before it and after it.",
        application="pos_tagging",
        opened_by="tagger",
        text="They can fish near the old can factory.",
    ),
    Example(
        title="Word vectors",
        says="Words as places: neighbours, analogies and a map.",
        application="word_vectors",
        opened_by="explorer",
        text="terrible",
    ),
)
PICTURES = (
    Example(
        title="Photos",
        says="A photo becomes one vector, and the same decoder speaks from it.",
        application="image_captioning",
        opened_by="example",
        text="a motorcycle",
    ),
    Example(
        title="Clips",
        says="A few frames of a clip, averaged or read one after another.",
        application="video_captioning",
        opened_by="example",
        text="a motorcycle",
    ),
)


def page(*, translation: Any, lab: Any, others: Mapping[str, Any]) -> None:
    """Draws the page.

    Args:
        translation, lab: the `st.Page`s to link to.
        others: by application, the `st.Page`s of all others.
    """
    st.title("Carrousel")
    st.markdown(
        "A sentence becomes one state of fixed size, `[h, c]`, and from it alone an LSTM speaks. There is no attention "
        "anywhere: what the state forgot is gone, and you can watch it happen. The name is the *constant error "
        "carrousel* at the heart of the LSTM: a cell that keeps what was written until a gate lets it go."
    )
    translated = st.container()
    st.divider()
    small = st.container()
    st.divider()
    seen = st.container()
    st.divider()
    _lab(lab)
    st.divider()
    st.markdown(
        "**From the command line:** `python -m apps` lists the applications; each trains, evaluates, predicts and "
        "exports."
    )
    with translated:  # last, since a model may have to be loaded
        _translation(translation)
    with small:
        _examples(others)
    with seen:
        _pictures(others)


def _examples(links: Mapping[str, Any]) -> None:
    for example, column in zip(EXAMPLES, st.columns(len(EXAMPLES), gap="medium"), strict=True):
        with column:
            st.subheader(example.title)
            st.caption(example.says)
            st.markdown("*Example*")
            st.text(example.text)
            st.text(_said(example))
            st.page_link(links[example.application], label=f"**Open {example.title.lower()} →**")


def _pictures(links: Mapping[str, Any]) -> None:
    """A photo and a clip with what is said of them; they come last, since both models must be opened."""
    places = []
    for example, column in zip(PICTURES, st.columns([2, 3], gap="medium"), strict=True):
        with column:
            st.subheader(example.title)
            st.caption(example.says)
            places.append(st.container())
            st.page_link(links[example.application], label=f"**Open {example.title.lower()} →**")
    for example, place in zip(PICTURES, places, strict=True):
        view = import_module(f"apps.{example.application}.view")
        names = list(view.shipped_models())
        with place, st.spinner("Looking…"):
            if not names:
                st.text("No model is here yet. Its page says how to train one.")
                continue
            try:
                pictures, said = getattr(view, example.opened_by)(names[0], example.text)
            except (ValueError, FileNotFoundError, ImportError) as error:
                st.text(f"There is no example to show. {error}")
                continue
            if len(pictures) == 1:
                st.image(pictures[0], width=280)
            else:
                st.image(pictures, width=132)
            st.text(f"→ {said}")


def _said(example: Example) -> str:
    """The example's answer, or why there is none."""
    view = import_module(f"apps.{example.application}.view")
    names = list(view.shipped_models())
    if not names:
        return "No model is here yet. Its page says how to train one."
    try:
        return f"→ {getattr(view, example.opened_by)(names[0]).predict([example.text])[0].to_line()}"
    except (ValueError, FileNotFoundError) as error:
        return f"This model cannot be opened. {error}"


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
