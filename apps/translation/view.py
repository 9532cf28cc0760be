"""What the translation page asks of a model, and what it remembers."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from apps.shared.speaking import next_branch, original_branch
from apps.shared.widgets.microscope.payload import Branch, MicroscopeView, Source, Target, words_as_units
from data.tokenizers.special import EOS_ID
from models.decoding.options import SearchOptions

LANGUAGES = {"de": "German", "en": "English", "fr": "French", "cs": "Czech"}
CONTEXT_NOTES = {
    "every-step": "The summary of the source is fed again at every step (Cho et al. 2014).",
    "start": "The summary of the source is seen once, at the start (Sutskever et al. 2014).",
}
LONGEST_IN_ADDRESS = 500


@dataclass(frozen=True, kw_only=True)
class ShippedModel:
    """A model that the page can use, known without loading it.

    Attributes:
        name: "de-en".
        source, target: language codes.
        length_penalty: the search's default.
    """

    name: str
    source: str
    target: str
    length_penalty: float

    @property
    def label(self) -> str:
        """ "German → English"; the name where the languages alone do not tell models apart."""
        usual = self.name == f"{self.source}-{self.target}"
        pair = f"{language(self.source)} → {language(self.target)}"
        return pair if usual else f"{pair} ({self.name})"


def language(code: str) -> str:
    """The language's English name, or its code."""
    return LANGUAGES.get(code, code)


def shipped_models() -> dict[str, ShippedModel]:
    """The shipped translators by name, the default first.

    A model whose recipe cannot be read is left out: opening it says what is wrong.
    """
    from apps.translation.task import TranslationTask
    from serving import store

    found = {}
    names = store.shipped("translation")
    for name in sorted(names, key=lambda name: (name != TranslationTask.default_model, name)):
        try:
            recipe = json.loads((store.PRETRAINED / "translation" / name / store.RECIPE).read_text(encoding="utf-8"))
            found[name] = ShippedModel(
                name=name,
                source=str(recipe["source"]),
                target=str(recipe["target"]),
                length_penalty=float(recipe.get("length_penalty", 1.0)),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


@st.cache_resource(max_entries=4, show_spinner=False)
def translator(name: str) -> Any:
    """The shipped model `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.translation.task import TranslationTask
    from serving import store

    return TranslationTask().open(store.resolve(name, "translation"))


@st.cache_resource(max_entries=256, show_spinner=False)
def answer(model: str, text: str, search: SearchOptions) -> tuple[dict[str, Any], float]:
    """The trace of a sentence's translation, and how long it took, in milliseconds.

    Raises:
        ValueError: the text is refused.
    """
    speaker = translator(model)
    _warm(model, search.beam_size, search.method == "sampling", search.top_k, search.top_p)
    began = time.perf_counter()
    trace = speaker.trace(text, search)
    return trace, 1000 * (time.perf_counter() - began)


@st.cache_resource(max_entries=256, show_spinner=False)
def _warm(model: str, beam_size: int, samples: bool, top_k: int, top_p: float) -> None:
    """Compiles a search, so that what the page says about time is about the search."""
    search = SearchOptions(beam_size=beam_size, temperature=float(samples), top_k=top_k, top_p=top_p)
    translator(model).trace("…", search, prefix_ids=[EOS_ID])


@st.cache_resource(max_entries=128, show_spinner=False)
def branch(model: str, text: str, search: SearchOptions, operations: tuple[str, ...]) -> Branch:
    """A branch of a sentence's translation, made once; see `apps.shared.speaking`.

    Raises:
        ValueError: the text is refused, or an operation does not fit.
    """
    speaker, command = translator(model), command_line(model, text, search)
    if not operations:
        return original_branch(speaker, text, command, *answer(model, text, search))
    parent = branch(model, text, search, operations[:-1])
    return next_branch(speaker, text, search, parent, operations[-1], command)


def command_line(model: str, text: str, search: SearchOptions) -> str:
    """The command that gives the same translation."""
    usual = SearchOptions()
    flags = []
    for field in fields(SearchOptions):
        value = getattr(search, field.name)
        always = field.name in ("beam_size", "length_penalty")
        if field.name not in ("prefix", "max_length") and (always or value != getattr(usual, field.name)):
            flags += [f"--{field.name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    words = ["python", "-m", "apps.translation", "predict", "--model", model, *flags, "--text", text]
    return " ".join(shlex.quote(word) for word in words)


def microscope_view(
    model: ShippedModel, branches: list[Branch], address: dict[str, str], opened: str = "", step: int | None = None
) -> MicroscopeView:
    """What the microscope shows of one sentence."""
    speaker = translator(model.name)
    return MicroscopeView(
        source=Source(
            kind="text",
            name=language(model.source),
            language=model.source,
            units=words_as_units(branches[0].trace),
        ),
        target=Target(name=language(model.target), language=model.target, vocabulary_size=speaker.target.size),
        branches=tuple(branches),
        branch=opened,
        step=step,
        address=address,
        title=model.name,
        summary_note=CONTEXT_NOTES.get(speaker.recipe.context, ""),
    )
