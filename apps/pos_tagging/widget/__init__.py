"""Words coloured by their tags: the joint verdict on each word, and what either reader alone would have said."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.widgets.microscope.microscope import BROWSER

NAME = "carrousel.tags"
FOLDER = Path(__file__).parent
SHOWN = 4
"""Tags a verdict that are told with their probabilities."""
VERDICTS = ("forward", "joint", "backward")


def picture(
    words: Sequence[str],
    tags: Sequence[str],
    scores: dict[str, np.ndarray],
    notices: Sequence[str],
    address: dict[str, str],
    command: str,
) -> dict[str, Any]:
    """What the browser draws.

    Args:
        words: of the text.
        tags: all tags, in the order of their scores.
        scores: by verdict, probabilities (words, tags).
        notices: sentences to show with it.
        address: the address' parameters that the page owns; an empty one is removed.
        command: the command line that gives the same tags.
    """
    verdicts = {}
    for name in VERDICTS:
        best = np.argsort(-scores[name], axis=1, kind="stable")[:, :SHOWN]
        verdicts[name] = [
            [[int(tag), round(float(scores[name][row, tag]), 4)] for tag in found] for row, found in enumerate(best)
        ]
    return {
        "words": list(words),
        "tags": list(tags),
        "verdicts": verdicts,
        "notices": list(notices),
        "address": address,
        "command": command,
    }


@functools.cache
def browser_texts() -> tuple[str, str]:
    """The widget's JavaScript and CSS, each joined into one text."""
    scripts = [BROWSER / "dom.js", BROWSER / "address.js", FOLDER / "tags.js"]
    styles = [BROWSER / "look.css", FOLDER / "tags.css"]
    script, style = ("\n".join(path.read_text(encoding="utf-8") for path in paths) for paths in (scripts, styles))
    return script, style


def tagged_words(key: str, data: dict[str, Any]) -> None:
    """Shows what `picture` gave."""
    import streamlit as st

    script, style = browser_texts()
    st.components.v2.component(NAME, js=script, css=style)(key=key, data=data)
