"""The picture of the idea: a sentence becomes one state [h, c], and from it alone a sentence is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

NAME = "carrousel.idea"
FOLDER = Path(__file__).parent
SHOWN = 96
"""Units drawn of each state, from the first on."""


def picture(
    source: Sequence[str],
    target: Sequence[str],
    states: dict[str, np.ndarray] | None,
    labels: tuple[str, str],
    note: str = "",
) -> dict[str, Any]:
    """What the browser draws.

    Args:
        source, target: words.
        states: "h" and where it exists "c", (units,) each: what crosses; None before it is known.
        labels: what stands over the words, say the languages.
        note: what is to be said about the crossing, one sentence.
    """
    drawn = [
        {"name": name, "units": len(state), "values": [round(float(value), 3) for value in state[:SHOWN]]}
        for name, state in (states or {}).items()
    ]
    return {"source": list(source), "target": list(target), "states": drawn, "labels": list(labels), "note": note}


def idea(key: str, data: dict[str, Any]) -> None:
    """Shows the picture; `data` comes from `picture`."""
    import streamlit as st

    script, style = ((FOLDER / f"idea.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    st.components.v2.component(NAME, js=script, css=style)(key=key, data=data)
