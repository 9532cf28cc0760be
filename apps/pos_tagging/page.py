"""The tagging page: a text in, its words coloured by tag, and what the words behind each word add."""

from __future__ import annotations

import streamlit as st

from apps.pos_tagging import view
from apps.pos_tagging.samples import SAMPLES
from apps.pos_tagging.widget import tagged_words

KEY = "pos_tagging"
KEPT = ("model", "text")


def page() -> None:
    """Draws the page."""
    st.title("A tag for every word")
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    _begin(models)
    text, model = _ask(models)
    if not text.strip():
        st.info("Type a sentence, or choose one below the field.")
        return
    _answer(text, model)


def _without_model() -> None:
    st.info(
        "No tagger is here yet. This command trains one on an English treebank, in a quarter of an hour on one core:"
    )
    st.code(
        "python -m apps.pos_tagging train --recipe ewt --data-dir DIR --output pretrained/pos_tagging/ewt",
        language="bash",
    )
    st.markdown(
        "`DIR` holds UD_English-EWT; any treebank in CoNLL-U does too: `--train-file` and `--dev-file`. Reload this "
        "page when it is done."
    )


def _begin(models: tuple[str, ...]) -> None:
    """Once a session: the address' settings, or a sample."""
    state = st.session_state
    if f"{KEY}_model" not in state and f"{KEY}_kept" not in state:
        asked = st.query_params
        given = asked.get("text", "")[: view.LONGEST_IN_ADDRESS]
        state[f"{KEY}_model"] = asked.get("model", models[0])
        state[f"{KEY}_text"] = given if given.strip() else SAMPLES[0][1]
    # What a page's widgets hold is dropped when another page is shown; this keeps it.
    for name in KEPT:
        key = f"{KEY}_{name}"
        state[key] = state[key] if key in state else state[f"{KEY}_kept"][name]
    if state[f"{KEY}_model"] not in models:
        state[f"{KEY}_model"] = models[0]


def _ask(models: tuple[str, ...]) -> tuple[str, str]:
    """The inputs: what to tag, by which model."""
    state = st.session_state
    if len(models) > 1:
        st.segmented_control("Model", models, key=f"{KEY}_model", required=True)
    text = st.text_area("Text", key=f"{KEY}_text", height=90, help="Ctrl + Enter tags it.")
    st.pills(
        "Try one",
        [sample for _, sample in SAMPLES],
        key=f"{KEY}_sample",
        format_func={sample: label for label, sample in SAMPLES}.get,
        on_change=_take_sample,
        label_visibility="collapsed",
    )
    state[f"{KEY}_kept"] = {name: state[f"{KEY}_{name}"] for name in KEPT}
    return text, state[f"{KEY}_model"]


def _take_sample() -> None:
    sample = st.session_state[f"{KEY}_sample"]
    if sample:
        st.session_state[f"{KEY}_text"] = sample
        st.session_state[f"{KEY}_sample"] = None


def _answer(text: str, model: str) -> None:
    from serving.store import DamagedModel

    try:
        first = model not in st.session_state.get(f"{KEY}_opened", ())
        with st.spinner("Loading the model; this happens once…" if first else "Reading…", show_time=first):
            found = view.answer(model, text)
    except (DamagedModel, FileNotFoundError) as error:
        st.error(f"This model cannot be opened. {error}")
        return
    except ValueError as error:
        st.warning(str(error))
        return
    st.session_state[f"{KEY}_opened"] = (*st.session_state.get(f"{KEY}_opened", ()), model)
    if found is None:
        st.info("There is no word in it.")
        return
    tagged_words(f"{KEY}_words", found)


if __name__ == "__main__":
    page()
