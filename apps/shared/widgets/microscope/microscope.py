"""The decoding microscope as one call: `microscope(key, view, on_request)`.

The whole view goes to the browser once, as bytes; walking, playing, hovering and sorting happen there and
send nothing. Four requests come back (see `payload.Request`). A page that shows the microscope in an
`@st.fragment` redraws only that:

    @st.fragment
    def panel() -> None:
        session = st.session_state.session          # the page's own: translator, branches so far
        microscope("microscope", session.view(), session.answer)

`session.answer(request)` decodes anew and appends a branch; the fragment then runs again with the new view,
and only the new branch is sent. What it raises is shown to the reader as a sentence and logged; the widget
never waits for ever.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.shared.widgets.microscope.payload import (
    EncodedBranch,
    MicroscopeView,
    Request,
    encode,
    encode_branch,
)

NAME = "carrousel.microscope"
BROWSER = Path(__file__).parent / "browser"
# One module in the browser: later files use what earlier ones define, main.js exports.
SCRIPTS = (
    "payload.js",
    "cells.js",
    "words.js",
    "dom.js",
    "store.js",
    "note.js",
    "stage.js",
    "branches.js",
    "timeline.js",
    "candidates.js",
    "tree.js",
    "held.js",
    "inside.js",
    "unit.js",
    "snapshot.js",
    "export.js",
    "address.js",
    "keys.js",
    "tour.js",
    "main.js",
)
STYLES = ("look.css", "stage.css", "panels.css", "inside.css")

logger = logging.getLogger(__name__)


@functools.cache
def browser_texts() -> tuple[str, str]:
    """The widget's JavaScript and CSS, each joined into one text."""
    scripts = "\n".join((BROWSER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    styles = "\n".join((BROWSER / name).read_text(encoding="utf-8") for name in STYLES)
    return scripts, styles


@dataclass
class Courier:
    """Remembers, for one widget of one session, what the browser already has.

    Attributes:
        known: digests of the branches that were sent.
        last: what the payload was made from, and the payload; the same view gives the same bytes, which
            Streamlit then does not send again.
        answered: id of the last request that was answered.
        problem: why it failed, for the reader, or "".
    """

    known: set[str] = field(default_factory=set)
    last: tuple[Any, bytes] | None = None
    answered: str = ""
    problem: str = ""

    def payload(self, view: MicroscopeView) -> bytes:
        """The bytes for `view`: all of it, or only the branches that are new."""
        branches = [_encoded(branch) for branch in view.branches]
        bare = encode(
            view,
            branches=branches,
            known={branch.digest for branch in branches},
            answered=self.answered,
            problem=self.problem,
        )
        if self.last is None or self.last[0] != bare:
            data = encode(view, branches=branches, known=self.known, answered=self.answered, problem=self.problem)
            self.last = (bare, data)
            self.known |= {branch.digest for branch in branches}
        return self.last[1]

    def answer(self, message: Any, on_request: Callable[[Request], None]) -> None:
        """Hand a message of the browser to the page, and keep what came of it."""
        if not isinstance(message, dict):
            return
        if message.get("type") == "resend":
            self.known, self.last = set(), None
            return
        self.answered, self.problem = str(message.get("id", ""))[:200], ""
        try:
            on_request(Request.from_json(message))
        except ValueError as error:
            self.problem = str(error)
        except Exception:
            logger.exception("the microscope's request failed: %s", message)
            self.problem = "That did not work; the log of the server has the details."


_ENCODED: dict[int, tuple[Any, EncodedBranch]] = {}
_ENCODED_LIMIT = 64


def _encoded(branch: Any) -> EncodedBranch:
    """`encode_branch`, remembered for the branches of the last few views: a rerun then costs nothing."""
    found = _ENCODED.get(id(branch))
    if found is not None and found[0] is branch:
        return found[1]
    encoded = encode_branch(branch)
    while len(_ENCODED) >= _ENCODED_LIMIT:
        _ENCODED.pop(next(iter(_ENCODED)), None)
    _ENCODED[id(branch)] = (branch, encoded)
    return encoded


def microscope(key: str, view: MicroscopeView, on_request: Callable[[Request], None]) -> None:
    """Show `view`.

    Args:
        key: Streamlit key of the widget, stable over reruns.
        view: what to show.
        on_request: called before the rerun with what the reader asked for; adds or removes branches of the
            page's next view. A ValueError's text is shown to the reader.
    """
    import streamlit as st

    courier = st.session_state.setdefault(f"{key} courier", Courier())

    def answer() -> None:
        courier.answer(st.session_state[key].get("request"), on_request)

    scripts, styles = browser_texts()
    # Registered at every call: the registry belongs to the running server, and an equal definition is
    # accepted in silence.
    mount = st.components.v2.component(NAME, js=scripts, css=styles)
    mount(key=key, data=courier.payload(view), on_request_change=answer)
