"""The photo with what mattered for a word: the parts that the word hangs on keep their colour."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.widgets.microscope.microscope import BROWSER

NAME = "carrousel.covered"
FOLDER = Path(__file__).parent


def picture(
    photo: str, pieces: Sequence[str], log_probs: np.ndarray, losses: np.ndarray, seconds: float
) -> dict[str, Any]:
    """What the browser draws.

    Args:
        photo: a data URL.
        pieces: the caption's, `▁` marking the start of a word, `</s>` the last where it ended.
        log_probs: (pieces,), with nothing covered.
        losses: (pieces, rows, columns), by how much they fall with each place covered.
        seconds: how long that took.
    """
    words = []
    for columns in words_of(pieces):
        text = "".join(pieces[column] for column in columns).replace("▁", "")
        lost = losses[columns].sum(axis=0)
        words.append(
            {
                "text": "(end)" if text == "</s>" else text,
                "log_prob": round(float(log_probs[columns].sum()), 4),
                "lost": [round(float(one), 4) for one in lost.ravel()],
            }
        )
    return {
        "photo": photo,
        "words": words,
        "rows": losses.shape[1],
        "columns": losses.shape[2],
        "seconds": round(seconds, 1),
    }


def words_of(pieces: Sequence[str]) -> list[list[int]]:
    """The numbers of the pieces of each word."""
    words: list[list[int]] = []
    for number, piece in enumerate(pieces):
        if not words or piece.startswith("▁") or piece == "</s>":
            words.append([])
        words[-1].append(number)
    return words


@functools.cache
def browser_texts() -> tuple[str, str]:
    """The widget's JavaScript and CSS, each joined into one text."""
    scripts = [BROWSER / "dom.js", FOLDER / "covered.js"]
    styles = [BROWSER / "look.css", FOLDER / "covered.css"]
    script, style = ("\n".join(path.read_text(encoding="utf-8") for path in paths) for paths in (scripts, styles))
    return script, style


def covered_photo(key: str, data: dict[str, Any]) -> None:
    """Shows what `picture` gave."""
    import streamlit as st

    script, style = browser_texts()
    st.components.v2.component(NAME, js=script, css=style)(key=key, data=data)
