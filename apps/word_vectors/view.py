"""What the page of word vectors asks of a model, and what it remembers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.word_vectors.widget import payload

START = {"word": "terrible", "first": "man", "second": "king", "third": "woman"}
LONGEST_IN_ADDRESS = 60


def shipped_models() -> tuple[str, ...]:
    """The names of the shipped vectors, the default first."""
    from apps.word_vectors.task import WordVectorsTask
    from serving import store

    names = store.shipped("word_vectors")
    return tuple(sorted(names, key=lambda name: (name != WordVectorsTask.default_model, name)))


@st.cache_resource(max_entries=2, show_spinner=False)
def explorer(name: str) -> Any:
    """The shipped vectors `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.word_vectors.task import WordVectorsTask
    from serving import store

    return WordVectorsTask().open(store.resolve(name, "word_vectors"))


@st.cache_resource(max_entries=4, show_spinner=False)
def data(name: str, start: tuple[tuple[str, str], ...]) -> bytes:
    """What the browser is given: all words, vectors and places, and what is shown first."""
    shown = explorer(name)
    return payload(shown.vectors, shown.places, name, dict(start))


def start_from(asked: Any) -> tuple[tuple[str, str], ...]:
    """What is shown first: the address', and where it says nothing a word that is known to everybody."""
    return tuple((name, (asked.get(name, "").strip() or usual)[:LONGEST_IN_ADDRESS]) for name, usual in START.items())
