"""What the image captioning page asks of a model, and what it remembers."""

from __future__ import annotations

import base64
import io
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from PIL import Image

from apps.image_captioning.samples import SAMPLES, sample
from apps.image_captioning.widget import picture
from apps.shared.speaking import next_branch, original_branch
from apps.shared.widgets.microscope.payload import Branch, MicroscopeView, Source, SourceUnit, Target
from data.photos import open_photo
from data.tokenizers.special import EOS_ID
from models.decoding.options import SearchOptions

CONTEXT_NOTES = {
    "first-input": "The photo’s one vector is read once, before the first word (Vinyals et al. 2015).",
    "every-step": "The photo’s one vector is fed again at every step (Cho et al. 2014).",
    "start": "The photo’s one vector is seen once, as the start state (Sutskever et al. 2014).",
    "inject": "The photo’s one vector is read with every word (Tanti et al. 2018).",
    "merge": "The photo’s one vector joins what the LSTM puts out; the LSTM never sees it (Tanti et al. 2018).",
}
PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)


@dataclass(frozen=True)
class Asked:
    """A photo that was asked about.

    Attributes:
        content: its file.
        name: what it is called in commands.
    """

    content: bytes
    name: str


def shipped_models() -> tuple[str, ...]:
    """The names of the shipped captioners, the default first."""
    from apps.image_captioning.task import ImageCaptioningTask
    from serving import store

    names = store.shipped("image_captioning")
    return tuple(sorted(names, key=lambda name: (name != ImageCaptioningTask.default_model, name)))


@st.cache_resource(max_entries=2, show_spinner=False)
def captioner(name: str) -> Any:
    """The shipped model `name`, loaded once a process.

    Raises:
        serving.store.DamagedModel, FileNotFoundError: with what to do.
    """
    from apps.image_captioning.task import ImageCaptioningTask
    from serving import store

    return ImageCaptioningTask().open(store.resolve(name, "image_captioning"))


@st.cache_resource(max_entries=64, show_spinner=False)
def answer(model: str, photo: Asked, search: SearchOptions) -> tuple[dict[str, Any], float]:
    """The trace of a photo's caption, and how long it took, in milliseconds.

    Raises:
        ValueError: the photo is refused.
    """
    speaker = captioner(model)
    _warm(model, photo, search.beam_size)
    began = time.perf_counter()
    trace = speaker.trace(photo.content, search)
    return trace, 1000 * (time.perf_counter() - began)


def _warm(model: str, photo: Asked, beam_size: int) -> None:
    """Compiles a search once, so that what the page says about time is about the search."""
    known = _warmed()
    if (model, beam_size) not in known:
        search = SearchOptions(beam_size=beam_size)
        captioner(model).trace(photo.content, search, prefix_ids=[EOS_ID])
        known.add((model, beam_size))


@st.cache_resource(show_spinner=False)
def _warmed() -> set[tuple[str, int]]:
    return set()


@st.cache_resource(max_entries=64, show_spinner=False)
def branch(model: str, photo: Asked, search: SearchOptions, operations: tuple[str, ...]) -> Branch:
    """A branch of a photo's caption, made once; see `apps.shared.speaking`.

    Raises:
        ValueError: the photo is refused, or an operation does not fit.
    """
    speaker, command = captioner(model), command_line(model, photo.name, search)
    units = regions(photo.content, answer(model, photo, search)[0]["source"])
    if not operations:
        trace, elapsed_ms = answer(model, photo, search)
        return original_branch(speaker, photo.content, command, trace, elapsed_ms, units)
    parent = branch(model, photo, search, operations[:-1])
    return next_branch(speaker, photo.content, search, parent, operations[-1], command, units=units)


def example(model: str, name: str) -> tuple[list[Image.Image], str]:
    """A sample photo, small, and its caption.

    Raises:
        ValueError, FileNotFoundError: there is no such photo or model.
    """
    photo = Asked(sample(name), SAMPLES[name])
    trace, _ = answer(model, photo, captioner(model).default_search())
    image = open_photo(photo.content).image
    image.thumbnail((560, 560))
    return [image], trace["hypotheses"][0]["text"]


@st.cache_resource(max_entries=32, show_spinner=False)
def covering(model: str, photo: Asked, search: SearchOptions) -> dict[str, Any]:
    """The photo with what each word of its caption hangs on, for `widget.covered_photo`.

    Raises:
        ValueError: the photo is refused.
    """
    speaker, ids = captioner(model), answer(model, photo, search)[0]["hypotheses"][0]["ids"]
    began = time.perf_counter()
    log_probs, losses = speaker.occlude(photo.content, ids)
    seconds = time.perf_counter() - began
    image = open_photo(photo.content).image
    image.thumbnail((1024, 1024))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    url = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return picture(url, speaker.spell(ids), log_probs, losses, seconds)


def regions(content: bytes, source: dict[str, Any]) -> tuple[SourceUnit, ...]:
    """The photo as a grid of three by three, with what of the encoder's last map lies under each part.

    Args:
        content: the photo's file.
        source: of a trace; has `rows` and `columns` of the map.
    """
    image = open_photo(content).image
    rows, columns = source["rows"], source["columns"]
    if min(rows, columns) < 3:
        return (SourceUnit(text="photo", columns=tuple(range(rows * columns)), image=_thumbnail(image)),)
    units = []
    for down, between in enumerate(_thirds(rows)):
        for along, across in enumerate(_thirds(columns)):
            cells = tuple(row * columns + column for row in between for column in across)
            box = (
                image.width * across.start / columns,
                image.height * between.start / rows,
                image.width * across.stop / columns,
                image.height * between.stop / rows,
            )
            units.append(SourceUnit(text=PLACES[down][along], columns=cells, image=_thumbnail(image, box)))
    return tuple(units)


def _thirds(count: int) -> Sequence[range]:
    """Whole rows in three parts, the middle one the largest: 7 → 2, 3, 2."""
    outer = count // 3
    return (range(outer), range(outer, count - outer), range(count - outer, count))


def _thumbnail(image: Image.Image, box: tuple[float, float, float, float] | None = None) -> str:
    left, top, right, bottom = box or (0, 0, image.width, image.height)
    tall = 116
    wide = max(1, min(240, round(tall * (right - left) / (bottom - top))))
    file = io.BytesIO()
    image.resize((wide, tall), Image.Resampling.BILINEAR, box=box).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def command_line(model: str, name: str, search: SearchOptions) -> str:
    """The command that gives the same caption."""
    flags = ["--beam-size", str(search.beam_size), "--length-penalty", f"{search.length_penalty:g}"]
    words = ["python", "-m", "apps.image_captioning", "predict", "--model", model, *flags, "--image", name]
    return " ".join(shlex.quote(word) for word in words)


def microscope_view(model: str, branches: list[Branch], photo: Asked, address: dict[str, str], opened: str, step):
    """What the microscope shows of one photo."""
    speaker = captioner(model)
    return MicroscopeView(
        source=Source(kind="image", name="Photo", units=regions(photo.content, branches[0].trace["source"])),
        target=Target(name="Caption", language="en", vocabulary_size=speaker.tokenizer.size),
        branches=tuple(branches),
        branch=opened,
        step=step,
        address=address,
        title=model,
        summary_note=CONTEXT_NOTES.get(speaker.recipe.context, ""),
    )
