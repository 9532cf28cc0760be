"""A text as a classifier read it: words by what they contributed, the verdict on every beginning, gates and cells.

Several texts stand side by side. All goes to the browser once; walking along the words, and choosing a layer or a gate,
asks no server. The bytes are those of the microscope (`apps.shared.widgets.microscope.payload`), of which the browser's
side uses the same files for reading them, for deriving c and h from the gates, and for the address.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.widgets.microscope.microscope import BROWSER
from apps.shared.widgets.microscope.payload import (
    Block,
    EncodedBranch,
    Stream,
    encode_fields,
    pack,
    stream_header,
)

NAME = "carrousel.reading"
FOLDER = Path(__file__).parent
SHARED_SCRIPTS = ("payload.js", "cells.js", "dom.js", "address.js")


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadText:
    """One text and what was read in it.

    Attributes:
        title: what stands over it.
        words: as the model reads them; the end of the text is none of them.
        labels: the classes.
        verdict: the number of the class that was chosen.
        probabilities: of every class.
        contributions: (words,), what each word adds to the log-odds of the verdict.
        baseline, log_odds: of the verdict, without any word and with all.
        prefix_lengths: after how many words there is a verdict, rising.
        prefix_probabilities: (prefixes, classes).
        streams: the readings, the lowest layer first; their columns are the words and the end.
        notices: sentences to show with it.
    """

    title: str
    words: Sequence[str]
    labels: Sequence[str]
    verdict: int
    probabilities: Sequence[float]
    contributions: np.ndarray
    baseline: float
    log_odds: float
    prefix_lengths: Sequence[int]
    prefix_probabilities: np.ndarray
    streams: Sequence[Stream]
    notices: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if len(self.contributions) != len(self.words):
            raise ValueError(f"{len(self.words)} words and {len(self.contributions)} contributions.")
        if np.shape(self.prefix_probabilities) != (len(self.prefix_lengths), len(self.labels)):
            raise ValueError(f"prefix_probabilities has the shape {np.shape(self.prefix_probabilities)}.")


def encode_text(text: ReadText) -> EncodedBranch:
    """One text as JSON and float16 values.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    block = Block()
    fields = {
        "title": text.title,
        "words": list(text.words),
        "labels": list(text.labels),
        "verdict": text.verdict,
        "probabilities": [round(float(one), 6) for one in text.probabilities],
        "contributions": [round(float(one), 5) for one in text.contributions],
        "baseline": round(text.baseline, 5),
        "log_odds": round(text.log_odds, 5),
        "prefix_lengths": [int(one) for one in text.prefix_lengths],
        "prefixes": [[round(float(one), 5) for one in row] for row in text.prefix_probabilities],
        "notices": list(text.notices),
        "streams": [stream_header(stream, block) for stream in text.streams],
    }
    return encode_fields(text.title, fields, block)


def encode(texts: Sequence[ReadText], address: Mapping[str, str], command: str) -> bytes:
    """All texts as the bytes that the browser reads.

    Args:
        texts: side by side in this order.
        address: the address' parameters that the page owns; an empty one is removed.
        command: the command line that gives the same verdicts.
    """
    return pack({"address": dict(address), "command": command}, [encode_text(text) for text in texts])


@functools.cache
def browser_texts() -> tuple[str, str]:
    """The widget's JavaScript and CSS, each joined into one text."""
    scripts = [BROWSER / name for name in SHARED_SCRIPTS] + [FOLDER / "reading.js"]
    styles = [BROWSER / "look.css", FOLDER / "reading.css"]
    script, style = ("\n".join(path.read_text(encoding="utf-8") for path in paths) for paths in (scripts, styles))
    return script, style


def reading(key: str, data: bytes) -> Any:
    """Shows what `encode` gave."""
    import streamlit as st

    script, style = browser_texts()
    return st.components.v2.component(NAME, js=script, css=style)(key=key, data=data)
