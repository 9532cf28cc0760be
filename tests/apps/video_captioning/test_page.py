"""The page of clips without a browser."""

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.shared.speaking import Exploration
from apps.shared.widgets.microscope.payload import Request, decode_header, encode
from apps.video_captioning import view
from data.clips import ClipRefused
from serving import store
from tests.apps.video_captioning.conftest import captioner_of_pixels


def test_without_a_model_the_page_says_which_command_trains_one(tmp_path, monkeypatch):
    def script():
        from apps.video_captioning.page import page

        page()

    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = AppTest.from_function(script, default_timeout=120).run()
    assert not test.exception and "No model for clips" in test.info[0].value
    assert test.code[0].value.startswith("python -m apps.video_captioning train")


def test_it_opens_with_a_clip_made_of_a_photo_already_answered(of_pixels, monkeypatch):
    def script():
        from apps.video_captioning.page import page

        page()

    monkeypatch.setattr(view, "captioner", lambda name: of_pixels)
    monkeypatch.setattr(view, "shipped_models", lambda: {"tiny": {"encoder": "mean-pool", "max_length": 6}})
    test = AppTest.from_function(script, default_timeout=120)
    test.query_params["sample"] = "a cat"
    test.query_params["beam_size"] = "2"
    test.run()
    assert not test.exception and not test.error and not test.warning
    exploration = test.session_state["video_captioning_exploration"]
    assert exploration.branches[0].trace["hypotheses"][0]["text"] in [element.value for element in test.text]
    assert "--beam-size 2" in exploration.branches[0].command and "--video a-cat.mp4" in exploration.branches[0].command


def gif() -> bytes:
    buffer = io.BytesIO()
    images = [Image.new("RGB", (40, 40), (shade, 0, 0)) for shade in (0, 90, 180, 250)]
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=500)
    return buffer.getvalue()


def test_an_uploaded_clip_becomes_a_film_strip_and_a_caption_that_can_be_changed(of_pixels, monkeypatch):
    monkeypatch.setattr(view, "captioner", lambda name: of_pixels)
    key = view.take(gif(), "a.gif")
    search = of_pixels.default_search()
    assert view.labels(view.clip_of(key)) == ["0.0 s", "0.5 s", "1.0 s", "1.5 s"]
    exploration = Exploration(make=lambda done: view.branch("tiny", key, "a.gif", search, done), speaker=of_pixels)
    assert exploration.begin() == ""
    (original,) = exploration.branches
    assert original.saliency.shape == (original.steps, 4) and "--video a.gif" in original.command
    other = original.trace["steps"][0]["expanded"][0]["candidates"][1]["id"]
    exploration.answer(Request(type="force", id="1", branch=original.id, position=0, token_id=other))
    shown = view.microscope_view("tiny", key, exploration.branches, {})
    header, _ = decode_header(encode(shown))
    assert [unit["text"] for unit in header["source"]["units"]] == view.labels(view.clip_of(key))
    assert len(header["branches"]) == 2 and len(view.arriving("tiny", key, search)) == 4


def test_the_frames_that_an_lstm_reads_are_named_as_on_the_film_strip(monkeypatch):
    reader = captioner_of_pixels("s2vt")
    monkeypatch.setattr(view, "captioner", lambda name: reader)
    key = view.take(gif(), "a.gif")
    made = view.branch("reader", key, "a.gif", reader.default_search(), ())
    columns = {stream.columns for stream in made.streams if stream.side == "source"}
    assert columns == {("▁0.0 s", "▁0.5 s", "▁1.0 s", "▁1.5 s")}


def test_what_is_no_clip_is_refused_and_a_clip_that_is_gone_says_so():
    with pytest.raises(ClipRefused, match="no clip"):
        view.take(b"#EXTM3U file:///etc/passwd", "list.mp4")
    with pytest.raises(ValueError, match="gone"):
        view.clip_of("0" * 64)
