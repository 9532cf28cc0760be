"""The sentiment page without a browser."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from apps.sentiment import view
from apps.shared.widgets.microscope.payload import decode_header
from apps.shared.widgets.reading import browser_texts
from serving import store


def draw(query=None):
    """The sentiment page, as its address asks."""

    def script():
        from apps.sentiment.page import page

        page()

    test = AppTest.from_function(script, default_timeout=120)
    for name, value in (query or {}).items():
        test.query_params[name] = value
    return test.run()


@pytest.fixture
def shipped(model_folder, tmp_path, monkeypatch):
    """A folder of shipped models with one classifier in it."""
    import streamlit as st

    shutil.copytree(model_folder, tmp_path / "sentiment" / "imdb", ignore=shutil.ignore_patterns("run"))
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    yield tmp_path / "sentiment"
    st.cache_resource.clear()


def test_without_a_model_the_page_says_which_command_trains_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = draw()
    assert not test.exception and "No sentiment model" in test.info[0].value
    assert test.code[0].value.startswith("python -m apps.sentiment train")


def test_the_page_opens_with_a_sample_and_a_foolish_address_does_not_hurt(shipped):
    test = draw({"model": "../../etc", "second": " "})
    assert not test.exception and not test.error
    assert test.text_area[0].value.startswith("The first half hour") and not test.toggle[0].value
    test.toggle[0].set_value(True).run()
    assert not test.exception and len(test.text_area) == 2


def test_blank_and_endless_texts_are_answered_with_a_sentence(shipped):
    test = draw({"text": "great"})
    test.text_area[0].set_value("  ").run()
    assert not test.exception and "Type or paste" in test.info[0].value
    test.text_area[0].set_value("good " * 10_001).run()
    assert not test.exception and "10,001 words" in test.warning[0].value


def test_a_damaged_model_is_named(shipped):
    (shipped / "imdb" / "model.weights.h5").write_bytes(b"nothing")
    test = draw()
    assert not test.exception and "model.weights.h5" in test.error[0].value


def test_what_the_browser_is_given_is_what_the_model_computed(shipped, critic):
    text = "The film was great, <b>not</b> awful."
    read = view.read_text("imdb", text, "text")
    header, values = decode_header(view.payload([read], "imdb", [text]))
    shown = header["branches"][0]["branch"]
    verdict = critic.predict([text])[0]
    assert shown["words"][:5] == ["the", "film", "was", "great", ","] and "<" in shown["words"]
    assert shown["labels"][shown["verdict"]] == verdict.label
    assert shown["probabilities"][shown["verdict"]] == pytest.approx(verdict.probability, abs=1e-5)
    assert shown["prefixes"][-1] == pytest.approx(shown["probabilities"], abs=1e-4)
    gap = sum(shown["contributions"]) - (shown["log_odds"] - shown["baseline"])
    assert abs(gap) < 0.05 * max(1, abs(shown["log_odds"] - shown["baseline"]))
    assert [stream["name"] for stream in shown["streams"]] == ["layer 1 forward", "layer 1 backward"]
    assert shown["streams"][0]["steps"] == len(shown["words"]) + 1 and len(values)
    assert header["address"] == {"model": "imdb", "text": text, "second": ""} and "--text" in header["command"]


def test_a_long_text_gets_a_verdict_here_and_there_and_its_beginning_explained():
    assert view.prefix_lengths(3) == [1, 2, 3]
    lengths = view.prefix_lengths(1000)
    assert len(lengths) <= view.MOST_PREFIXES and lengths[0] == 1 and lengths[-1] == 1000


def test_the_widget_is_one_script_that_takes_text_as_text():
    script, style = browser_texts()
    assert "export default" in script and "innerHTML" not in script and ".reading" in style
