"""What the sentiment page asks of a model, and what it remembers."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from apps.shared.speaking import stream_of
from apps.shared.widgets.reading import ReadText, encode
from data.tokenizers.special import EOS
from metrics.calibration import softmax

LONGEST_IN_ADDRESS = 500
MOST_PREFIXES = 160
"""Verdicts along a text; of a longer one every n-th word gets one."""
MOST_EXPLAINED = 800
"""Words up to which the words are explained and the layers drawn; a longer text gets a verdict alone."""
NAMES = {"imdb": "IMDB reviews", "sst-2": "SST, two classes", "sst-5": "SST, five classes"}


@dataclass(frozen=True, kw_only=True)
class ShippedModel:
    """A model that the page can use, known without loading it.

    Attributes:
        name: "imdb".
        corpus: what it was trained on.
    """

    name: str
    corpus: str

    @property
    def label(self) -> str:
        """ "IMDB reviews"."""
        return NAMES.get(self.name, self.name)


def shipped_models() -> dict[str, ShippedModel]:
    """The shipped classifiers by name, the default first.

    A model whose recipe cannot be read is left out: opening it says what is wrong.
    """
    from apps.sentiment.task import SentimentTask
    from serving import store

    found = {}
    names = store.shipped("sentiment")
    for name in sorted(names, key=lambda name: (name != SentimentTask.default_model, name)):
        try:
            recipe = json.loads((store.PRETRAINED / "sentiment" / name / store.RECIPE).read_text(encoding="utf-8"))
            found[name] = ShippedModel(name=name, corpus=str(recipe["corpus"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


@st.cache_resource(max_entries=4, show_spinner=False)
def critic(name: str) -> Any:
    """The shipped model `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.sentiment.task import SentimentTask
    from serving import store

    return SentimentTask().open(store.resolve(name, "sentiment"))


@st.cache_resource(max_entries=64, show_spinner=False)
def read_text(model: str, text: str, title: str) -> ReadText | None:
    """A text as the model read it, with all that the page shows; None where there is no word in it.

    Raises:
        ValueError: the text is refused.
    """
    judge = critic(model)
    words, notices = judge.words(text)
    if not words:
        return None
    ids, also = judge.read(text)
    if len(words) > MOST_EXPLAINED:
        notice = f"The text has {len(words):,} words; the first {MOST_EXPLAINED:,} are explained below."
        words, ids, also = words[:MOST_EXPLAINED], [*ids[:MOST_EXPLAINED], ids[-1]], (*also, notice)
    probabilities = judge.probabilities([judge.read(text)[0]])[0]
    verdict = int(probabilities.argmax())
    lengths = prefix_lengths(len(words))
    explainer = judge.explainer
    found = explainer.attribute(ids, verdict)
    if abs(found.gap) > 0.05 * max(1.0, abs(found.log_odds - found.baseline)):
        also = (*also, f"The contributions miss the change of the log-odds by {found.gap:+.2f}.")
    columns = (*words, EOS)
    return ReadText(
        title=title,
        words=words,
        labels=judge.labels,
        verdict=verdict,
        probabilities=probabilities.tolist(),
        contributions=found.contributions[:-1],
        baseline=found.baseline,
        log_odds=found.log_odds,
        prefix_lengths=lengths,
        prefix_probabilities=softmax(explainer.prefixes(ids, lengths), judge.recipe.temperature),
        streams=[stream_of(reading, columns) for reading in explainer.read(ids)],
        notices=tuple(dict.fromkeys((*notices, *also))),
    )


def prefix_lengths(words: int) -> list[int]:
    """After how many words the page shows a verdict: each word's, or evenly spread ones; always the last."""
    if words <= MOST_PREFIXES:
        return list(range(1, words + 1))
    return sorted({int(round(place)) for place in np.linspace(1, words, MOST_PREFIXES)})


def payload(texts: list[ReadText], model: str, typed: list[str]) -> bytes:
    """What the browser is given: the texts, the address and the command line."""
    names = ("text", "second")
    address = {"model": model} | {
        name: text if len(text) <= LONGEST_IN_ADDRESS else "" for name, text in zip(names, [*typed, ""], strict=False)
    }
    return encode(texts, address, "\n".join(command_line(model, text) for text in typed))


def command_line(model: str, text: str) -> str:
    """The command that gives the same verdict."""
    words = ["python", "-m", "apps.sentiment", "predict", "--model", model, "--text", text]
    return " ".join(shlex.quote(word) for word in words)
