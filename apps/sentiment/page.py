"""The sentiment page: a text in, its verdict out, and why."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from apps.sentiment import view
from apps.sentiment.samples import SECOND, samples
from apps.shared.widgets.reading import reading

KEY = "sentiment"
KEPT = ("model", "text", "second", "two")


def page() -> None:
    """Draws the page."""
    st.title("Many words, one verdict")
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    _begin(models)
    texts, model = _ask(models)
    texts = [text for text in texts if text.strip()]
    if not texts:
        st.info("Type or paste a text, or choose one below the field.")
        return
    _answer(texts, model)


def _without_model() -> None:
    st.info("No sentiment model is here yet. This command trains one on film reviews, in half an hour on one core:")
    st.code(
        "python -m apps.sentiment train --recipe imdb --data-dir DIR --output pretrained/sentiment/imdb",
        language="bash",
    )
    st.markdown(
        "`DIR` holds the IMDB corpus; a table of your own does too: `--train-file`, with a column of texts and one of "
        "labels. Reload this page when it is done."
    )


def _begin(models: Mapping[str, view.ShippedModel]) -> None:
    """Once a session: the address' settings, or a sample."""
    state = st.session_state
    if f"{KEY}_model" not in state and f"{KEY}_kept" not in state:
        asked = st.query_params
        name = asked.get("model", "")
        state[f"{KEY}_model"] = name if name in models else next(iter(models))
        given, second = (asked.get(one, "")[: view.LONGEST_IN_ADDRESS] for one in ("text", "second"))
        state[f"{KEY}_text"] = given if given.strip() else samples(models[state[f"{KEY}_model"]].corpus)[0][1]
        state[f"{KEY}_second"] = second if second.strip() else SECOND
        state[f"{KEY}_two"] = bool(second.strip())
    # What a page's widgets hold is dropped when another page is shown; this keeps it.
    for name in KEPT:
        key = f"{KEY}_{name}"
        state[key] = state[key] if key in state else state[f"{KEY}_kept"][name]
    if state[f"{KEY}_model"] not in models:
        state[f"{KEY}_model"] = next(iter(models))


def _ask(models: Mapping[str, view.ShippedModel]) -> tuple[list[str], view.ShippedModel]:
    """The inputs: one text or two, and by which model."""
    state = st.session_state
    row = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    name = row[0].segmented_control(
        "Model", list(models), key=f"{KEY}_model", format_func=lambda one: models[one].label, required=True
    )
    two = row[1].toggle("A second text beside it", key=f"{KEY}_two")
    fields = st.columns(2, gap="medium") if two else [st.container()]
    texts = [fields[0].text_area("Text", key=f"{KEY}_text", height=130, help="Ctrl + Enter asks for the verdict.")]
    if two:
        texts.append(fields[1].text_area("Second text", key=f"{KEY}_second", height=130))
    else:
        state[f"{KEY}_second"] = state[f"{KEY}_second"]
    model = models[name]
    st.pills(
        "Try one",
        [sample for _, sample in samples(model.corpus)],
        key=f"{KEY}_sample",
        format_func={sample: label for label, sample in samples(model.corpus)}.get,
        on_change=_take_sample,
        label_visibility="collapsed",
    )
    state[f"{KEY}_kept"] = {name: state[f"{KEY}_{name}"] for name in KEPT}
    return texts, model


def _take_sample() -> None:
    sample = st.session_state[f"{KEY}_sample"]
    if sample:
        st.session_state[f"{KEY}_text"] = sample
        st.session_state[f"{KEY}_sample"] = None


def _answer(texts: list[str], model: view.ShippedModel) -> None:
    """The verdicts, and what they rest on."""
    from serving.store import DamagedModel

    titles = ("text", "second text")
    try:
        first = model.name not in st.session_state.get(f"{KEY}_opened", ())
        with st.spinner("Loading the model; this happens once…" if first else "Reading…", show_time=first):
            found = [view.read_text(model.name, text, title) for text, title in zip(texts, titles, strict=False)]
    except (DamagedModel, FileNotFoundError) as error:
        st.error(f"This model cannot be opened. {error}")
        return
    except ValueError as error:
        st.warning(str(error))
        return
    st.session_state[f"{KEY}_opened"] = (*st.session_state.get(f"{KEY}_opened", ()), model.name)
    shown = [one for one in found if one is not None]
    if not shown:
        st.info("There is no word in it.")
        return
    reading(f"{KEY}_reading", view.payload(shown, model.name, texts))


if __name__ == "__main__":
    page()
