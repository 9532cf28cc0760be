"""What the tagging page asks of a model, and what it remembers."""

from __future__ import annotations

import shlex
from typing import Any

import streamlit as st

from apps.pos_tagging.widget import picture

LONGEST_IN_ADDRESS = 500


def shipped_models() -> tuple[str, ...]:
    """The names of the shipped taggers, the default first."""
    from apps.pos_tagging.task import TaggingTask
    from serving import store

    names = store.shipped("pos_tagging")
    return tuple(sorted(names, key=lambda name: (name != TaggingTask.default_model, name)))


@st.cache_resource(max_entries=4, show_spinner=False)
def tagger(name: str) -> Any:
    """The shipped model `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.pos_tagging.task import TaggingTask
    from serving import store

    return TaggingTask().open(store.resolve(name, "pos_tagging"))


@st.cache_data(max_entries=128, show_spinner=False)
def answer(model: str, text: str) -> dict[str, Any] | None:
    """The tagged text as the browser draws it; None where there is no word in it.

    Raises:
        ValueError: the text is refused.
    """
    speaker = tagger(model)
    words, notices = speaker.read(text)
    if words is None:
        return None
    address = {"model": model, "text": text if len(text) <= LONGEST_IN_ADDRESS else ""}
    (scores,) = speaker.score([words])
    return picture(words, speaker.vocabulary.tags, scores, notices, address, command_line(model, text))


def command_line(model: str, text: str) -> str:
    """The command that gives the same tags."""
    words = ["python", "-m", "apps.pos_tagging", "predict", "--model", model, "--text", text]
    return " ".join(shlex.quote(word) for word in words)
