"""The translation page: a sentence in, its translation out, and the decoding microscope."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from apps.shared.speaking import Exploration
from apps.shared.widgets.microscope import microscope
from apps.translation import view
from apps.translation.samples import SAMPLES
from models.decoding.options import SearchOptions

KEY = "translation"
SIDE_BY_SIDE = 3
"""Models whose names fit beside one another."""
SEARCHES = ("Beam", "Greedy", "Sampling")
HELP = {
    "Beam": "Keeps the likeliest beginnings at every step.",
    "Greedy": "Takes the likeliest word at every step.",
    "Sampling": "Draws each word by its probability.",
}
STYLE = """<style>
.st-key-translation_answer [data-testid="stText"], .st-key-translation_answer [data-testid="stText"] * {
  font-family: "Source Serif", "Source Serif 4", Georgia, serif; font-size: clamp(1.35rem, 3.2vw, 1.9rem);
  line-height: 1.3; white-space: pre-wrap; overflow-wrap: anywhere;
}
</style>"""


def page() -> None:
    """Draws the page."""
    st.title("Translation by memory alone")
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    _begin(models)
    text, model, search = _ask(models)
    if not text.strip():
        st.info("Type a sentence, or choose one below the field.")
        return
    _answer(text, model, search)


def _without_model() -> None:
    st.info(
        "No translation model is here yet. This command trains one, German to English, in a few hours on two cores:"
    )
    st.code(
        "python -m apps.translation train --recipe de-en --data-dir DIR --output pretrained/translation/de-en",
        language="bash",
    )
    st.markdown(
        "`DIR` holds the Multi30k corpus; your own sentence pairs do too: `--source-file`, `--target-file` and the two "
        "`--dev-…` files. Reload this page when it is done."
    )


def _begin(models: Mapping[str, view.ShippedModel]) -> None:
    """Once a session: the address' settings, or a sample."""
    state = st.session_state
    if f"{KEY}_model" not in state:
        asked = st.query_params
        name = asked.get("model", "")
        state[f"{KEY}_model"] = name if name in models else next(iter(models))
        chosen = models[state[f"{KEY}_model"]]
        given = asked.get("text", "")[: view.LONGEST_IN_ADDRESS]
        state[f"{KEY}_text"] = given if given.strip() else _samples(chosen)[0][1]
        state[f"{KEY}_penalty"] = _number(asked.get("length_penalty", ""), 0.0, 2.0, chosen.length_penalty)
        state[f"{KEY}_beam"] = int(_number(asked.get("beam_size", ""), 1, 12, 5))
        state[f"{KEY}_temperature"] = _number(asked.get("temperature", ""), 0.1, 2.0, 0.7)
        state[f"{KEY}_top_k"] = int(_number(asked.get("top_k", ""), 0, 200, 0))
        state[f"{KEY}_top_p"] = _number(asked.get("top_p", ""), 0.05, 1.0, 1.0)
        state[f"{KEY}_seed"] = int(_number(asked.get("seed", ""), 0, 9999, 0))
        how = "Sampling" if "temperature" in asked else "Greedy" if asked.get("beam_size") == "1" else "Beam"
        state[f"{KEY}_search"] = how
        state[f"{KEY}_beam"] = max(2, state[f"{KEY}_beam"]) if how == "Beam" else 5
        state[f"{KEY}_wanted"] = (asked.get("branch", ""), asked.get("step", ""))
    # What a page's widgets hold is dropped when another page is shown; this keeps it.
    for name in ("model", "text", "penalty", "beam", "temperature", "top_k", "top_p", "seed", "search"):
        state[f"{KEY}_{name}"] = state[f"{KEY}_{name}"] if f"{KEY}_{name}" in state else state[f"{KEY}_kept"][name]


def _number(text: str, least: float, most: float, otherwise: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return value if least <= value <= most else otherwise


def _samples(model: view.ShippedModel) -> tuple[tuple[str, str], ...]:
    return SAMPLES.get(model.source, (("a sentence", ""),))


def _ask(models: Mapping[str, view.ShippedModel]) -> tuple[str, view.ShippedModel, SearchOptions]:
    """The inputs: what to translate, by which model, searched how."""
    state = st.session_state
    left, right = st.columns([3, 2], gap="medium")
    with right:
        name = _ask_model(models)
        search = _ask_search(models[name])
    model = models[name]
    with left:
        text = st.text_area(
            f"Sentence in {view.language(model.source)}",
            key=f"{KEY}_text",
            height=100,
            help="Ctrl + Enter translates.",
        )
        st.pills(
            "Try one",
            [sample for _, sample in _samples(model)],
            key=f"{KEY}_sample",
            format_func={sample: label for label, sample in _samples(model)}.get,
            on_change=_take_sample,
            label_visibility="collapsed",
        )
    state[f"{KEY}_kept"] = {
        name: state[f"{KEY}_{name}"]
        for name in ("model", "text", "penalty", "beam", "temperature", "top_k", "top_p", "seed", "search")
    }
    return text, model, search


def _ask_model(models: Mapping[str, view.ShippedModel]) -> str:
    """Side by side what fits there, else as a list."""
    same: dict[str, Any] = {
        "label": "Model",
        "options": list(models),
        "key": f"{KEY}_model",
        "format_func": lambda name: models[name].label,
        "on_change": partial(_change_model, models),
    }
    return st.segmented_control(required=True, **same) if len(models) <= SIDE_BY_SIDE else st.selectbox(**same)


def _take_sample() -> None:
    sample = st.session_state[f"{KEY}_sample"]
    if sample:
        st.session_state[f"{KEY}_text"] = sample
        st.session_state[f"{KEY}_sample"] = None


def _change_model(models: Mapping[str, view.ShippedModel]) -> None:
    """Another language gets the same sample in that language, or what was just translated to be translated back."""
    state = st.session_state
    old, new = models[state[f"{KEY}_kept"]["model"]], models[state[f"{KEY}_model"]]
    state[f"{KEY}_penalty"] = new.length_penalty
    if old.source == new.source:
        return
    text = state[f"{KEY}_text"].strip()
    for number, (_, sample) in enumerate(_samples(old)):
        if sample == text:
            state[f"{KEY}_text"] = _samples(new)[min(number, len(_samples(new)) - 1)][1]
            return
    answer = state.get(f"{KEY}_answer_text", "")
    if old.source == new.target and old.target == new.source and answer:
        state[f"{KEY}_text"] = answer


def _ask_search(model: view.ShippedModel) -> SearchOptions:
    row = st.columns([3, 2], vertical_alignment="bottom")
    how = row[0].segmented_control("Search", SEARCHES, key=f"{KEY}_search", required=True)
    # The fields of the other searches are drawn too, or Streamlit would forget what they held.
    with row[1].popover("Settings", width="stretch"):
        st.caption(HELP[how])
        beam = st.slider("Beam size", 2, 12, key=f"{KEY}_beam", disabled=how != "Beam")
        penalty = st.slider(
            "Length penalty",
            0.0,
            2.0,
            step=0.05,
            key=f"{KEY}_penalty",
            disabled=how == "Greedy",
            help="Hypotheses are ranked by score / length ** penalty. "
            f"{model.length_penalty:g} was tuned for this model.",
        )
        temperature = st.slider(
            "Temperature", 0.1, 2.0, step=0.05, key=f"{KEY}_temperature", disabled=how != "Sampling"
        )
        top_k = st.slider(
            "Top k",
            0,
            200,
            key=f"{KEY}_top_k",
            disabled=how != "Sampling",
            help="Only the k likeliest words; 0 for all.",
        )
        top_p = st.slider("Top p", 0.05, 1.0, step=0.05, key=f"{KEY}_top_p", disabled=how != "Sampling")
        seed = st.number_input("Seed", 0, 9999, key=f"{KEY}_seed", disabled=how != "Sampling")
    if how == "Greedy":
        return SearchOptions(beam_size=1, length_penalty=penalty)
    if how == "Beam":
        return SearchOptions(beam_size=beam, length_penalty=penalty)
    return SearchOptions(
        beam_size=5,
        length_penalty=penalty,
        temperature=temperature,
        top_k=int(top_k),
        top_p=top_p,
        seed=int(seed),
    )


def _answer(text: str, model: view.ShippedModel, search: SearchOptions) -> None:
    """The translation, then the microscope."""
    from serving.store import DamagedModel

    place = st.container(key=f"{KEY}_answer")
    try:
        first = model.name not in st.session_state.get(f"{KEY}_opened", ())
        with st.spinner("Loading the model; this happens once…" if first else "Translating…", show_time=first):
            speaker = view.translator(model.name)
            trace, _ = view.answer(model.name, text, search)
        _show_words(place, trace["hypotheses"][0]["text"], model)
        with st.spinner("Looking inside…"):
            exploration, problem = _exploration(text, model, search, speaker)
    except (DamagedModel, FileNotFoundError) as error:
        st.error(f"This model cannot be opened. {error}")
        return
    except ValueError as error:
        st.warning(str(error))
        return
    st.session_state[f"{KEY}_opened"] = (*st.session_state.get(f"{KEY}_opened", ()), model.name)
    for notice in (problem, *exploration.branches[0].trace.get("notices", ())):
        if notice:
            st.info(notice)
    _look(model, exploration, _address(text, model, search))
    _all_hypotheses(exploration.branches[0].trace)


def _show_words(place, words: str, model: view.ShippedModel) -> None:
    st.session_state[f"{KEY}_answer_text"] = words
    with place:
        st.html(STYLE)
        st.caption(view.language(model.target))
        st.text(words or "(nothing: the model ended at once)")


def _exploration(text, model, search, speaker) -> tuple[Exploration, str]:
    """The branches of this very question: those of the session, or begun anew."""
    state, question = st.session_state, (model.name, text, search)
    if state.get(f"{KEY}_question") != question:
        exploration = Exploration(make=partial(view.branch, *question), speaker=speaker)
        wanted, step = state.pop(f"{KEY}_wanted", ("", ""))
        problem = exploration.begin(wanted)
        state[f"{KEY}_question"], state[f"{KEY}_exploration"] = question, exploration
        state[f"{KEY}_step"] = int(step) if step.isdecimal() and len(step) < 4 else None
        return exploration, problem
    return state[f"{KEY}_exploration"], ""


@st.fragment
def _look(model: view.ShippedModel, exploration: Exploration, address: dict[str, str]) -> None:
    shown = view.microscope_view(
        model, exploration.branches, address, exploration.opened, st.session_state.get(f"{KEY}_step")
    )
    microscope(f"{KEY}_microscope", shown, exploration.answer)


def _address(text: str, model: view.ShippedModel, search: SearchOptions) -> dict[str, str]:
    samples = search.method == "sampling"
    return {
        "text": text if len(text) <= view.LONGEST_IN_ADDRESS else "",
        "model": model.name,
        "beam_size": "" if samples else str(search.beam_size),
        "length_penalty": f"{search.length_penalty:g}",
        "temperature": f"{search.temperature:g}" if samples else "",
        "top_k": str(search.top_k) if samples and search.top_k else "",
        "top_p": f"{search.top_p:g}" if samples and search.top_p < 1 else "",
        "seed": str(search.seed) if samples else "",
    }


def _all_hypotheses(trace: Mapping) -> None:
    found = trace["hypotheses"]
    if len(found) < 2:
        return
    with st.expander(f"All {len(found)} translations that the search ended with"):
        rows = [
            {
                "Translation": one["text"],
                "Normalised": round(one["normalized"], 3),
                "Score": round(one["score"], 2),
                "Tokens": len(one["ids"]),
            }
            for one in found
        ]
        st.dataframe(rows, hide_index=True, width="stretch")
        st.caption(
            "Score: summed log-probability. Normalised: score / tokens ** length penalty; the list is sorted by it."
        )


if __name__ == "__main__":
    page()
