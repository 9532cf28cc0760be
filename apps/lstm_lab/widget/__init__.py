"""The lab's drawings: Streamlit components of our own (components v2), written without a build step.

Each is one JavaScript class in its own file; the files are texts that are read once per process and joined, since
inline JavaScript cannot import its neighbours.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

PARTS = {
    "live_cell": ("base", "cells", "blocks", "live_cell"),
    "gradient_flow": ("base", "cells", "gradient_flow"),
    "b_diagram": ("base", "b_diagram"),
    "training": ("base", "training"),
    "coupling": ("base", "blocks", "coupling"),
}


def source(name: str, ending: str) -> str:
    """The joined text of a widget's files.

    Args:
        name: a key of `PARTS`.
        ending: "js" or "css"; parts without such a file are left out.
    """
    files = [FOLDER / f"{part}.{ending}" for part in PARTS[name]]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


@cache
def widget(name: str) -> Any:
    """The mounting command of a widget, registered once per process (a second registration is warned about)."""
    import streamlit as st

    return st.components.v2.component(f"carrousel.lab.{name}", css=source(name, "css"), js=source(name, "js"))
