"""The page of clips: a clip in, its frames and its caption out, and the decoding microscope."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from apps.shared.speaking import Exploration
from apps.shared.widgets.microscope import microscope
from apps.video_captioning import view
from apps.video_captioning.samples import SAMPLES, file_name, folder, sample
from data.clips import MAX_BYTES, SUFFIXES, ClipRefused
from models.decoding.options import SearchOptions

KEY = "video_captioning"
STYLE = """<style>
.st-key-video_captioning_answer [data-testid="stText"], .st-key-video_captioning_answer [data-testid="stText"] * {
  font-family: "Source Serif", "Source Serif 4", Georgia, serif; font-size: clamp(1.35rem, 3.2vw, 1.9rem);
  line-height: 1.3; white-space: pre-wrap; overflow-wrap: anywhere;
}
</style>"""
STRIP = """<style>
.film { overflow-x: auto; border-radius: 8px; background: #1d1b17; }
.film ol {
  --holes: repeating-linear-gradient(90deg, transparent 0 7px, #f1eee6 7px 15px, transparent 15px 22px);
  display: flex; gap: 6px; margin: 0; padding: 16px 10px; list-style: none; width: max-content; min-width: 100%;
  background: var(--holes) 0 5px / 100% 6px no-repeat, var(--holes) 0 calc(100% - 5px) / 100% 6px no-repeat;
  box-sizing: border-box;
}
.film li { margin: 0; position: relative; line-height: 0; }
.film img { height: 96px; width: auto; border-radius: 3px; display: block; }
.film span { position: absolute; left: 4px; bottom: 4px; font: 11px/1.35 "Source Sans", system-ui, sans-serif;
  color: #fff; background: rgb(0 0 0 / 0.62); border-radius: 3px; padding: 0 5px; font-variant-numeric: tabular-nums; }
</style>"""


def page() -> None:
    """Draws the page."""
    st.title("A clip in words")
    models = view.shipped_models()
    if not models:
        _without_model()
        return
    _begin()
    model, search = _ask(models)
    asked = _ask_clip()
    if asked is None:
        st.info("Choose a clip: a few frames of it are read, and become one sentence.")
        return
    _answer(*asked, model, search)


def _begin() -> None:
    """Once a session: the address' sample and settings, or the first sample."""
    state, asked = st.session_state, st.query_params
    if f"{KEY}_beam" not in state and f"{KEY}_kept" not in state:
        wanted, beam = asked.get("sample", ""), asked.get("beam_size", "")
        state[f"{KEY}_sample"] = wanted if wanted in SAMPLES else next(iter(SAMPLES))
        state[f"{KEY}_beam"] = int(beam) if beam.isdecimal() and 1 <= int(beam) <= 10 else 4
    # What a page's widgets hold is dropped when another page is shown; this keeps it.
    for name, value in state.get(f"{KEY}_kept", {}).items():
        state[f"{KEY}_{name}"] = state.get(f"{KEY}_{name}", value)


def _ask_clip() -> tuple[Callable[[], bytes], str] | None:
    """What gives the chosen clip's file, and its name; a sample is made when it is first asked for."""
    state = st.session_state
    given = st.file_uploader(
        "A clip",
        type=[suffix.removeprefix(".") for suffix in SUFFIXES],
        key=f"{KEY}_clip",
        max_upload_size=MAX_BYTES // 10**6,
        help="mp4, mov, avi, mkv, webm, mpg or gif. It is decoded here and kept only while this page is open.",
    )
    if given is not None:
        return given.getvalue, given.name
    if folder() is None:
        return None
    name = st.pills(
        "Or a sample: a camera moving over a photo",
        list(SAMPLES),
        key=f"{KEY}_sample",
        help="Made of scikit-image’s photos by panning and zooming; nothing in them moves by itself.",
    )
    state[f"{KEY}_kept"] = {**state.get(f"{KEY}_kept", {}), "sample": name}
    return (partial(sample, name), file_name(name)) if name else None


def _without_model() -> None:
    st.info("No model for clips is here yet. This command trains one:")
    st.code(
        "python -m apps.video_captioning train --recipe msrvtt --data-dir DIR "
        "--output pretrained/video_captioning/msrvtt",
        language="bash",
    )
    st.markdown(
        "`DIR` holds the MSR-VTT corpus; your own clips do too: `--clips`, `--captions-file` and `--dev-captions-file`."
    )


def _ask(models: dict[str, dict[str, Any]]) -> tuple[str, SearchOptions]:
    row = st.columns([2, 2, 2], vertical_alignment="bottom")
    model = row[0].segmented_control(
        "Model", list(models), default=next(iter(models)), key=f"{KEY}_model", required=True
    )
    recipe = models[model]
    beam = row[1].slider("Beam size", 1, 10, key=f"{KEY}_beam", help="1 takes the likeliest word at every step.")
    st.session_state[f"{KEY}_kept"] = {**st.session_state.get(f"{KEY}_kept", {}), "beam": beam}
    penalty = row[2].slider(
        "Length penalty",
        0.0,
        2.0,
        float(recipe.get("length_penalty", 1.0)),
        step=0.05,
        key=f"{KEY}_penalty",
        help="Hypotheses are ranked by score / length ** penalty.",
    )
    return model, SearchOptions(beam_size=beam, length_penalty=penalty, max_length=int(recipe.get("max_length", 24)))


def _answer(content: Callable[[], bytes], name: str, model: str, search: SearchOptions) -> None:
    """The film strip, the caption, then the microscope."""
    from serving.store import DamagedModel

    try:
        with st.spinner("Decoding the clip…"):
            file = content()
            key = view.take(file, name)
        clip = view.clip_of(key)
        _film_strip(clip)
        with st.spinner("Looking at the frames…"):
            trace, _ = view.answer(model, key, search)
            with st.container(key=f"{KEY}_answer"):
                st.html(STYLE)
                st.text(trace["hypotheses"][0]["text"] or "(nothing: the model ended at once)")
            exploration = _exploration(model, key, name, search)
    except ClipRefused as error:
        st.warning(str(error))
        return
    except DamagedModel as error:
        st.error(f"This model cannot be opened. {error}")
        return
    except (FileNotFoundError, ImportError) as error:
        st.error(str(error))
        return
    except ValueError as error:
        st.warning(str(error))
        return
    for notice in clip.notices:
        st.info(notice)
    known = next((label for label in SAMPLES if file_name(label) == name), "")
    _look(model, key, exploration, {"model": model, "sample": known, "beam_size": str(search.beam_size)})
    if known:
        st.download_button(
            "Download this clip", file, name, "video/mp4", key=f"{KEY}_download", icon=":material/download:"
        )
    if len(clip.frames) > 1:
        _as_frames_arrive(model, key, search, view.labels(clip))


def _film_strip(clip: Any) -> None:
    """The frames that are read, as one strip that scrolls where it is wider than the page."""
    frames = "".join(
        f'<li><img src="{unit.image}" alt="the frame at {unit.text}"><span>{unit.text}</span></li>'
        for unit in view.units_of(clip, side=160)
    )
    st.html(f'{STRIP}<div class="film" tabindex="0" role="region" aria-label="frames read"><ol>{frames}</ol></div>')


def _exploration(model: str, key: str, name: str, search: SearchOptions) -> Exploration:
    """The branches of this very question: those of the session, or begun anew."""
    state, question = st.session_state, (model, key, name, search)
    if state.get(f"{KEY}_question") != question:
        exploration = Exploration(make=partial(view.branch, *question), speaker=view.captioner(model))
        exploration.begin()
        state[f"{KEY}_question"], state[f"{KEY}_exploration"] = question, exploration
    return state[f"{KEY}_exploration"]


@st.fragment
def _look(model: str, key: str, exploration: Exploration, address: dict[str, str]) -> None:
    shown = view.microscope_view(model, key, exploration.branches, address)
    microscope(f"{KEY}_microscope", shown, exploration.answer)


def _as_frames_arrive(model: str, key: str, search: SearchOptions, labels: list[str]) -> None:
    with st.expander("How sure it was as the frames arrived"):
        curve = view.arriving(model, key, search)
        st.line_chart(
            {"frames read": list(range(1, len(curve) + 1)), "log-probability of the caption": curve},
            x="frames read",
            y="log-probability of the caption",
        )
        st.caption(f"After the first frame only ({labels[0]}), then two, to all; 0 is certain.")


if __name__ == "__main__":
    page()
