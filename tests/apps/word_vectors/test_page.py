"""The page of word vectors without a browser."""

import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from apps.shared.widgets.microscope.payload import decode_header
from apps.word_vectors import view
from apps.word_vectors.widget import browser_texts, payload
from serving import store


def draw(query=None):
    """The page of word vectors, as its address asks."""

    def script():
        from apps.word_vectors.page import page

        page()

    test = AppTest.from_function(script, default_timeout=120)
    for name, value in (query or {}).items():
        test.query_params[name] = value
    return test.run()


@pytest.fixture
def shipped(model_folder, tmp_path, monkeypatch):
    """A folder of shipped models with these vectors in it."""
    import streamlit as st

    shutil.copytree(model_folder, tmp_path / "word_vectors" / "reviews", ignore=shutil.ignore_patterns("run"))
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    yield tmp_path / "word_vectors"
    st.cache_resource.clear()


def test_without_vectors_the_page_says_which_command_learns_some(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = draw()
    assert not test.exception and "No word vectors are here yet" in test.info[0].value
    assert test.code[0].value.startswith("python -m apps.word_vectors train")


def test_the_page_opens_and_a_damaged_model_is_named(shipped):
    test = draw({"word": "apple", "model": "../../etc"})
    assert not test.exception and not test.error
    (shipped / "reviews" / "model.weights.h5").write_bytes(b"nothing")
    import streamlit as st

    st.cache_resource.clear()
    test = draw()
    assert not test.exception and "model.weights.h5" in test.error[0].value


def test_the_browser_gets_every_word_with_its_vector_and_its_place(explorer):
    header, values = decode_header(payload(explorer.vectors, explorer.places, "reviews", {"word": "<b>"}))
    shown = header["branches"][0]["branch"]
    assert tuple(shown["words"]) == explorer.vectors.words and header["start"] == {"word": "<b>"}
    assert set(shown["streams"][0]["arrays"]) == {"vectors", "map"}
    assert len(values) and np.isfinite(explorer.places).all()


def test_what_is_shown_first_is_the_address_or_a_usual_word():
    start = dict(view.start_from({"word": " x" * 100, "first": "  "}))
    assert start["first"] == "man" and len(start["word"]) == view.LONGEST_IN_ADDRESS


def test_the_widget_is_one_script_that_takes_text_as_text():
    script, style = browser_texts()
    assert "export default" in script and "innerHTML" not in script and style
