"""What the page asks of a model, and what it remembers."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shlex
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from apps.shared.speaking import next_branch, original_branch
from apps.shared.widgets.microscope.payload import Branch, MicroscopeView, Source, SourceUnit, Target
from apps.video_captioning.samples import file_name, sample
from data.clips import Clip, open_clip
from models.decoding.options import SearchOptions

NOTES = {
    "mean-pool": "The summary is the mean of the frames' features: their order is lost.",
    "s2vt": "The summary is what an LSTM holds after it has read the frames (S2VT).",
}


def shipped_models() -> dict[str, dict[str, Any]]:
    """The recipes of the shipped captioners of clips by name, the default first; those that cannot be read left out."""
    from apps.video_captioning.recipe import READY
    from apps.video_captioning.task import VideoCaptioningTask
    from serving import store

    found = {}
    names = store.shipped("video_captioning")
    for name in sorted(names, key=lambda name: (name != VideoCaptioningTask.default_model, name)):
        try:
            path = store.PRETRAINED / "video_captioning" / name / store.RECIPE
            recipe = json.loads(path.read_text(encoding="utf-8"))
            if recipe["image_encoder"] != READY:
                found[name] = recipe
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


@st.cache_resource(max_entries=2, show_spinner=False)
def captioner(name: str) -> Any:
    """The shipped model `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.video_captioning.task import VideoCaptioningTask
    from serving import store

    return VideoCaptioningTask().open(store.resolve(name, "video_captioning"))


@st.cache_resource(max_entries=16, show_spinner=False)
def _clips() -> dict[str, Clip]:
    return {}


def take(content: bytes, name: str) -> str:
    """Decodes an uploaded clip, in a process of its own, once; its key.

    Raises:
        data.clips.ClipRefused: with why.
    """
    key = hashlib.sha256(content).hexdigest()
    kept = _clips()
    if key not in kept:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"clip{Path(name).suffix.lower()}"
            path.write_bytes(content)
            clip = open_clip(path)
        while len(kept) >= 16:
            kept.pop(next(iter(kept)))
        kept[key] = clip
    return key


def clip_of(key: str) -> Clip:
    """A clip that was taken.

    Raises:
        ValueError: it is gone.
    """
    if key not in _clips():
        raise ValueError("This clip is gone from memory. Choose it again.")
    return _clips()[key]


def example(model: str, name: str) -> tuple[list[np.ndarray], str]:
    """Some frames of a sample clip, and its caption.

    Raises:
        ValueError, FileNotFoundError, ImportError: there is no such clip or model.
    """
    key = take(sample(name), file_name(name))
    trace, _ = answer(model, key, captioner(model).default_search())
    frames = clip_of(key).frames
    return [frames[number] for number in (0, len(frames) // 2, len(frames) - 1)], trace["hypotheses"][0]["text"]


@st.cache_resource(max_entries=64, show_spinner=False)
def features(model: str, key: str) -> np.ndarray:
    """The features of a clip's frames, float32 (frames, features)."""
    return captioner(model).read(clip_of(key))[0]


@st.cache_resource(max_entries=64, show_spinner=False)
def answer(model: str, key: str, search: SearchOptions) -> tuple[dict[str, Any], float]:
    """The trace of a clip's caption, and how long it took, in milliseconds."""
    speaker, read = captioner(model), features(model, key)
    began = time.perf_counter()
    trace = speaker.trace(read, search)
    return trace, 1000 * (time.perf_counter() - began)


@st.cache_resource(max_entries=64, show_spinner=False)
def arriving(model: str, key: str, search: SearchOptions) -> list[float]:
    """The log-probability of the caption after one frame, two, …"""
    trace, _ = answer(model, key, search)
    return captioner(model).arriving(features(model, key), trace["hypotheses"][0]["ids"])


@st.cache_resource(max_entries=64, show_spinner=False)
def branch(model: str, key: str, name: str, search: SearchOptions, operations: tuple[str, ...]) -> Branch:
    """A branch of a clip's caption, made once; see `apps.shared.speaking`.

    Raises:
        ValueError: the clip is gone, or an operation does not fit.
    """
    speaker, item, units = captioner(model), features(model, key), units_of(clip_of(key))
    command = command_line(model, name, search)
    if not operations:
        trace, elapsed = answer(model, key, search)
        return original_branch(speaker, item, command, trace, elapsed, units)
    parent = branch(model, key, name, search, operations[:-1])
    return next_branch(speaker, item, search, parent, operations[-1], command, units)


def units_of(clip: Clip, side: int = 96) -> tuple[SourceUnit, ...]:
    """The film strip: one unit a frame, its picture at most `side` pixels wide and high."""
    return tuple(
        SourceUnit(text=label, columns=(number,), image=_thumbnail(frame, side))
        for number, (label, frame) in enumerate(zip(labels(clip), clip.frames, strict=True))
    )


def labels(clip: Clip) -> list[str]:
    """What stands under each frame: its time."""
    return [f"{at:.1f} s" if clip.seconds else f"frame {int(at) + 1}" for at in clip.times]


def _thumbnail(frame: np.ndarray, side: int) -> str:
    image = Image.fromarray(frame)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def command_line(model: str, name: str, search: SearchOptions) -> str:
    """The command that gives the same caption."""
    flags = ["--beam-size", str(search.beam_size), "--length-penalty", f"{search.length_penalty:g}"]
    words = ["python", "-m", "apps.video_captioning", "predict", "--model", model, *flags, "--video", name]
    return " ".join(shlex.quote(word) for word in words)


def microscope_view(model: str, key: str, branches: list[Branch], address: dict[str, str]) -> MicroscopeView:
    """What the microscope shows of one clip."""
    speaker = captioner(model)
    return MicroscopeView(
        source=Source(kind="frames", name="Clip", units=units_of(clip_of(key))),
        target=Target(name="Caption", language="en", vocabulary_size=speaker.tokenizer.size),
        branches=tuple(branches),
        address=address,
        title=model,
        summary_note=NOTES[speaker.recipe.encoder],
    )
