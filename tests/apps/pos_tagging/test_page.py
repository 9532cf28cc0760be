"""The tagging page without a browser."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from apps.pos_tagging import view
from apps.pos_tagging.samples import SAMPLES
from apps.pos_tagging.widget import browser_texts
from serving import store


def draw(query=None):
    """The tagging page, as its address asks."""

    def script():
        from apps.pos_tagging.page import page

        page()

    test = AppTest.from_function(script, default_timeout=120)
    for name, value in (query or {}).items():
        test.query_params[name] = value
    return test.run()


@pytest.fixture
def shipped(model_folder, tmp_path, monkeypatch):
    """A folder of shipped models with one tagger in it."""
    import streamlit as st

    shutil.copytree(model_folder, tmp_path / "pos_tagging" / "ewt", ignore=shutil.ignore_patterns("run"))
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path / "pos_tagging"
    st.cache_resource.clear()
    st.cache_data.clear()


def test_without_a_model_the_page_says_which_command_trains_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = draw()
    assert not test.exception and "No tagger is here yet" in test.info[0].value
    assert test.code[0].value.startswith("python -m apps.pos_tagging train")


def test_the_page_opens_with_a_sample_and_a_foolish_address_does_not_hurt(shipped):
    test = draw({"model": "../../etc", "text": " "})
    assert not test.exception and not test.error and test.text_area[0].value == SAMPLES[0][1]
    test.text_area[0].set_value("   ").run()
    assert not test.exception and "Type a sentence" in test.info[0].value


def test_a_damaged_model_is_named(shipped):
    (shipped / "ewt" / "model.weights.h5").write_bytes(b"nothing")
    test = draw()
    assert not test.exception and "model.weights.h5" in test.error[0].value


def test_what_the_browser_is_given_is_what_the_model_computed(shipped, tagger):
    text = "the <b> fish swim ."
    shown, result = view.answer("ewt", text), tagger.predict([text])[0]
    assert tuple(shown["words"]) == result.words and shown["address"] == {"model": "ewt", "text": text}
    for name, tags in (
        ("joint", result.tags),
        ("forward", result.forward_tags),
        ("backward", result.backward_tags),
    ):
        assert tuple(shown["tags"][row[0][0]] for row in shown["verdicts"][name]) == tags
    assert [row[0][1] for row in shown["verdicts"]["joint"]] == pytest.approx(result.probabilities, abs=1e-4)
    assert shown["command"].endswith("'the <b> fish swim .'") and view.answer("ewt", "  ") is None


def test_the_widget_is_one_script_that_takes_text_as_text():
    script, style = browser_texts()
    assert "export default" in script and "innerHTML" not in script and style
