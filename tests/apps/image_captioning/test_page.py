"""The image captioning page without a browser."""

import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from apps.image_captioning.samples import SAMPLES
from apps.image_captioning.widget import picture
from serving import store


def draw(query=None):
    def script():
        from apps.image_captioning.page import page

        page()

    test = AppTest.from_function(script, default_timeout=120)
    for name, value in (query or {}).items():
        test.query_params[name] = value
    return test.run()


def test_without_a_model_the_page_says_which_command_trains_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = draw()
    assert not test.exception and "apps.image_captioning train" in test.code[0].value


def test_it_opens_with_a_sample_answered(model_folder, tmp_path, monkeypatch):
    import streamlit as st

    shutil.copytree(model_folder, tmp_path / "image_captioning" / "flickr8k", ignore=shutil.ignore_patterns("run"))
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    test = draw({"beam_size": "2"})
    assert not test.exception and not test.error and not test.warning
    assert test.session_state["image_captioning_beam"] == 2
    exploration = test.session_state["image_captioning_exploration"]
    said = exploration.branches[0].trace["hypotheses"][0]["text"]
    assert said in [element.value for element in test.text]
    assert f"--image {next(iter(SAMPLES.values()))}" in exploration.branches[0].command
    test.button(key="image_captioning_cover").click().run()
    assert not test.exception and not test.warning and "image_captioning_covered" in test.session_state
    assert "image_captioning_cover" not in [button.key for button in test.button]  # the answer is in its place
    st.cache_resource.clear()


def test_words_are_told_with_the_loss_of_all_their_pieces():
    losses = np.arange(16, dtype=np.float32).reshape(4, 2, 2)
    data = picture("data:", ["▁do", "gs", "▁run", "</s>"], np.log([0.5, 0.5, 0.25, 1.0]), losses, 1.23)
    assert [word["text"] for word in data["words"]] == ["dogs", "run", "(end)"]
    assert data["words"][0]["lost"] == [4.0, 6.0, 8.0, 10.0] and data["seconds"] == 1.2
    assert data["words"][0]["log_prob"] == pytest.approx(np.log(0.25), abs=1e-4)


def test_a_photo_of_seven_by_seven_regions_is_shown_as_nine_parts():
    import io

    from PIL import Image

    from apps.image_captioning.view import regions

    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    units = regions(file.getvalue(), {"rows": 7, "columns": 7})
    assert len(units) == 9
    assert sorted(column for unit in units for column in unit.columns) == list(range(49))
    assert pytest.approx(len(units[4].columns)) == 9 and units[4].text == "middle"
