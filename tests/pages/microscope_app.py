"""A page with nothing but the microscope, on made-up data; driven by test_microscope.py.

streamlit run tests/pages/microscope_app.py -- [--long] [--source-kind frames] [--kind gru] …
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from apps.shared.widgets.microscope import Request, microscope  # noqa: E402
from tests.apps.shared.widgets.made_view import Session  # noqa: E402

PARAMETERS = ("long", "source_kind", "kind", "layers", "beam_size", "readings", "slow", "fail", "hostile")


def options() -> argparse.Namespace:
    """The address' parameters choose the made-up view, so that one server serves every test."""
    asked = {name: st.query_params.get(name, "") for name in PARAMETERS}
    return argparse.Namespace(**asked)


def make_session(asked: argparse.Namespace) -> Session:
    session = Session(
        long=asked.long == "1",
        source_kind=asked.source_kind or "text",
        kind=asked.kind or "lstm",
        layers=int(asked.layers or 1),
        beam_size=int(asked.beam_size or 5),
        readings=asked.readings != "0",
    )
    if asked.hostile == "1":
        session.make_hostile()
    return session


st.set_page_config(page_title="microscope", layout="wide")
if "asked" not in st.session_state:
    st.session_state.asked = options()
    st.session_state.session = make_session(st.session_state.asked)
    st.session_state.step = st.query_params.get("step", "")
asked = st.session_state.asked
session: Session = st.session_state.session


def answer(request: Request) -> None:
    time.sleep(float(asked.slow or 0))
    if asked.fail == "1":
        raise RuntimeError("made to fail")
    session.answer(request)


@st.fragment
def panel() -> None:
    address = {name: getattr(asked, name) for name in PARAMETERS}
    step = st.session_state.step
    microscope("microscope", session.view(address=address, step=int(step) if step.isdigit() else None), answer)


panel()
