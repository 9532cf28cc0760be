"""The image captioning page: a photo in, its caption out, and the decoding microscope."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from apps.image_captioning import view
from apps.image_captioning.samples import SAMPLES, folder, sample
from apps.image_captioning.widget import covered_photo
from apps.shared.speaking import Exploration
from apps.shared.widgets.microscope import microscope
from models.decoding.options import SearchOptions

KEY = "image_captioning"
STYLE = """<style>
.st-key-image_captioning_answer [data-testid="stText"], .st-key-image_captioning_answer [data-testid="stText"] * {
  font-family: "Source Serif", "Source Serif 4", Georgia, serif; font-size: clamp(1.35rem, 3.2vw, 1.9rem);
  line-height: 1.3; white-space: pre-wrap; overflow-wrap: anywhere;
}
</style>"""


def page() -> None:
    """Draws the page."""
    st.title("A photo in words, from one vector")
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    _begin()
    left, right = st.columns([2, 3], gap="medium")
    with left:
        photo = _ask_photo()
    with right:
        model = models[0] if len(models) == 1 else st.selectbox("Model", models, key=f"{KEY}_model")
        search = _ask_search(model)
        place = st.container(key=f"{KEY}_answer")
    if photo is None:
        st.info("Drop a photo, take one, or choose one of the samples.")
        return
    _answer(photo, model, search, left, place)


def _without_model() -> None:
    st.info("No captioner is here yet. This command trains one, in three stages and some two hours:")
    st.code(
        "python -m apps.image_captioning train --recipe flickr8k --data-dir DIR "
        "--output pretrained/image_captioning/flickr8k",
        language="bash",
    )
    st.markdown(
        "`DIR` holds Flickr8k; your own photos do too: `--photos`, `--captions-file` and `--dev-captions-file`. Reload "
        "this page when it is done."
    )


def _begin() -> None:
    """Once a session: the address' settings, or a sample."""
    state, asked = st.session_state, st.query_params
    if f"{KEY}_beam" not in state and f"{KEY}_kept" not in state:
        wanted = asked.get("sample", "")
        state[f"{KEY}_sample"] = wanted if wanted in SAMPLES else next(iter(SAMPLES))
        beam = asked.get("beam_size", "")
        state[f"{KEY}_beam"] = int(beam) if beam.isdecimal() and 1 <= int(beam) <= 12 else 4
        state[f"{KEY}_wanted"] = (asked.get("branch", ""), asked.get("step", ""))
    # What a page's widgets hold is dropped when another page is shown; this keeps it.
    for name, value in state.get(f"{KEY}_kept", {}).items():
        state[f"{KEY}_{name}"] = state.get(f"{KEY}_{name}", value)


def _ask_photo() -> view.Asked | None:
    state = st.session_state
    drop, take = st.tabs(["Photo", "Camera"])
    given = drop.file_uploader(
        "A photo", type=["jpg", "jpeg", "png", "bmp", "gif", "webp", "tif", "tiff"], key=f"{KEY}_file"
    )
    with take:
        given = (st.camera_input("Take one", key=f"{KEY}_camera") if st.toggle("Camera on") else None) or given
    if given is not None:
        return view.Asked(given.getvalue(), given.name)
    if folder() is None:
        return None
    name = st.pills("Or a sample", list(SAMPLES), key=f"{KEY}_sample")
    state[f"{KEY}_kept"] = {**state.get(f"{KEY}_kept", {}), "sample": name}
    return view.Asked(sample(name), SAMPLES[name]) if name else None


def _ask_search(model: str) -> SearchOptions:
    beam = st.slider("Beam size", 1, 12, key=f"{KEY}_beam", help="1 takes the likeliest word at every step.")
    st.session_state[f"{KEY}_kept"] = {**st.session_state.get(f"{KEY}_kept", {}), "beam": beam}
    usual = view.captioner(model).default_search() if model in st.session_state.get(f"{KEY}_opened", ()) else None
    return SearchOptions(
        beam_size=beam,
        length_penalty=usual.length_penalty if usual else _penalty(model),
        max_length=usual.max_length if usual else 24,
    )


def _penalty(model: str) -> float:
    """The length penalty that was tuned for a model, without loading it."""
    import json

    from serving import store

    path = store.PRETRAINED / "image_captioning" / model / store.RECIPE
    try:
        return float(json.loads(path.read_text(encoding="utf-8")).get("length_penalty", 1.0))
    except (OSError, ValueError, TypeError):
        return 1.0


def _answer(photo: view.Asked, model: str, search: SearchOptions, left, place) -> None:
    """The caption, then the microscope."""
    from data.photos import open_photo
    from serving.store import DamagedModel

    try:
        opened = open_photo(photo.content)
        with left:
            seen = st.empty()
            seen.image(opened.image, width="stretch")
        first = model not in st.session_state.get(f"{KEY}_opened", ())
        with st.spinner("Loading the model; this happens once…" if first else "Looking…", show_time=first):
            trace, elapsed = view.answer(model, photo, search)
        with place:
            st.html(STYLE)
            st.caption("Caption")
            st.text(trace["hypotheses"][0]["text"] or "(nothing: the model ended at once)")
            st.caption(f"{elapsed:.0f} ms, from one vector of {view.captioner(model).model.backbone.features:,} values")
        with left:
            _what_mattered(photo, model, search, seen)
        with st.spinner("Looking inside…"):
            exploration, problem = _exploration(photo, model, search)
    except (DamagedModel, FileNotFoundError) as error:
        st.error(f"This model cannot be opened. {error}")
        return
    except ValueError as error:
        st.warning(str(error))
        return
    st.session_state[f"{KEY}_opened"] = (*st.session_state.get(f"{KEY}_opened", ()), model)
    for notice in (problem, *trace.get("notices", ())):
        if notice:
            st.info(notice)
    known = next((label for label, file in SAMPLES.items() if file == photo.name), "")
    address = {"sample": known, "model": model, "beam_size": str(search.beam_size)}
    _look(model, exploration, photo, address)
    _all_hypotheses(trace)


def _what_mattered(photo: view.Asked, model: str, search: SearchOptions, seen) -> None:
    """The photo with what a word hangs on, once it is asked for: a second or three of work."""
    state, question = st.session_state, (model, photo, search)
    if state.get(f"{KEY}_covered") != question:
        place = st.empty()
        asked = place.button(
            "Which part mattered for a word?",
            key=f"{KEY}_cover",
            icon=":material/filter_center_focus:",
            help="Covers one part of the photo after another and asks again: a few seconds.",
            width="stretch",
        )
        if not asked:
            return
        place.empty()
        state[f"{KEY}_covered"] = question
    with seen.container(), st.spinner("Covering one part after another…", show_time=True):
        data = view.covering(model, photo, search)
    with seen.container():
        covered_photo(f"{KEY}_covered_photo", data)


def _exploration(photo: view.Asked, model: str, search: SearchOptions) -> tuple[Exploration, str]:
    """The branches of this very question: those of the session, or begun anew."""
    state, question = st.session_state, (model, photo, search)
    if state.get(f"{KEY}_question") != question:
        exploration = Exploration(make=partial(view.branch, *question), speaker=view.captioner(model))
        wanted, step = state.pop(f"{KEY}_wanted", ("", ""))
        problem = exploration.begin(wanted)
        state[f"{KEY}_question"], state[f"{KEY}_exploration"] = question, exploration
        state[f"{KEY}_step"] = int(step) if step.isdecimal() and len(step) < 4 else None
        return exploration, problem
    return state[f"{KEY}_exploration"], ""


@st.fragment
def _look(model: str, exploration: Exploration, photo: view.Asked, address: dict[str, str]) -> None:
    step = st.session_state.get(f"{KEY}_step")
    shown = view.microscope_view(model, exploration.branches, photo, address, exploration.opened, step)
    microscope(f"{KEY}_microscope", shown, exploration.answer)


def _all_hypotheses(trace: Mapping) -> None:
    found = trace["hypotheses"]
    if len(found) < 2:
        return
    with st.expander(f"All {len(found)} captions that the search ended with"):
        rows = [
            {
                "Caption": one["text"],
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
