"""Words, their neighbours, analogies and a map, all in the browser: the vectors go over once, as float16."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from apps.shared.widgets.microscope.microscope import BROWSER
from apps.shared.widgets.microscope.payload import Block, encode_fields, pack
from data.word_vectors import WordVectors

NAME = "carrousel.words"
FOLDER = Path(__file__).parent


def payload(vectors: WordVectors, places: np.ndarray | None, name: str, start: Mapping[str, str]) -> bytes:
    """The bytes that the browser reads; a word's neighbours there are those of `WordExplorer`.

    Args:
        vectors: of all words.
        places: (words of the map, 2), -1 to 1; None draws no map.
        name: what the vectors are called.
        start: what is shown first: "word", and "first", "second", "third" of an analogy.
    """
    block = Block()
    shown = np.zeros((0, 2), np.float32) if places is None else places
    arrays = {"vectors": block.add(vectors.vectors, "vectors"), "map": block.add(shown, "map") if len(shown) else None}
    fields = {"words": list(vectors.words), "streams": [{"arrays": arrays}]}
    return pack({"name": name, "start": dict(start)}, [encode_fields(name, fields, block)])


@functools.cache
def browser_texts() -> tuple[str, str]:
    """The widget's JavaScript and CSS, each joined into one text."""
    scripts = [BROWSER / "payload.js", BROWSER / "dom.js", FOLDER / "space.js", FOLDER / "words.js"]
    styles = [BROWSER / "look.css", FOLDER / "words.css"]
    script, style = ("\n".join(path.read_text(encoding="utf-8") for path in paths) for paths in (scripts, styles))
    return script, style


def words(key: str, data: bytes) -> None:
    """Shows what `payload` gave."""
    import streamlit as st

    script, style = browser_texts()
    st.components.v2.component(NAME, js=script, css=style)(key=key, data=data)
