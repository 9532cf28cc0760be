"""The page of word vectors: neighbours, analogies and a map, all answered in the browser."""

from __future__ import annotations

import streamlit as st

from apps.word_vectors import view
from apps.word_vectors.widget import words

KEY = "word_vectors"


def page() -> None:
    """Draws the page."""
    st.title("Words as places")
    st.markdown(
        "A word as a long, sparse one-hot vector is as far from every other word as from the next. A word vector has a "
        "hundred numbers, learnt from the company that the word keeps: words that are used alike lie near each other."
    )
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    state = st.session_state
    if len(models) > 1:
        if state.get(f"{KEY}_model") not in models:
            state[f"{KEY}_model"] = state.get(f"{KEY}_kept", models[0])
        st.segmented_control("Vectors", models, key=f"{KEY}_model", required=True)
    model = state[f"{KEY}_kept"] = state.get(f"{KEY}_model", models[0])
    _show(model)


def _without_model() -> None:
    st.info("No word vectors are here yet. This command learns some from film reviews, in half an hour on one core:")
    st.code(
        "python -m apps.word_vectors train --recipe reviews --data-dir DIR --output pretrained/word_vectors/reviews",
        language="bash",
    )
    st.markdown("`DIR` holds the IMDB corpus; `--text-file` takes your own text, `--vectors-file` a GloVe file.")


def _show(model: str) -> None:
    from serving.store import DamagedModel

    state = st.session_state
    if f"{KEY}_start" not in state:
        state[f"{KEY}_start"] = view.start_from(st.query_params)
    try:
        with st.spinner("Loading the words…"):
            found = view.data(model, state[f"{KEY}_start"])
    except (DamagedModel, FileNotFoundError) as error:
        st.error(f"These vectors cannot be opened. {error}")
        return
    words(f"{KEY}_words_{model}", found)


if __name__ == "__main__":
    page()
