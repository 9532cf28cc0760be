"""The translation page and the home page without a browser."""

import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from apps.home import EXAMPLES, PICTURES
from models.decoding.options import SearchOptions
from serving import store

ROOT = Path(__file__).parents[3]


def draw(query=None):
    """The translation page, as its address asks."""

    def script():
        from apps.translation.page import page

        page()

    test = AppTest.from_function(script, default_timeout=120)
    for name, value in (query or {}).items():
        test.query_params[name] = value
    return test.run()


@pytest.fixture(scope="module")
def shipped(model_folder, tmp_path_factory):
    """A folder of shipped models with one translator in it, opened once for all tests that leave it whole."""
    import streamlit as st

    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        shutil.copytree(model_folder, folder / "translation" / "de-en", ignore=shutil.ignore_patterns("run"))
        patch.setattr(store, "PRETRAINED", folder)
        st.cache_resource.clear()
        yield folder / "translation"
    st.cache_resource.clear()


def test_the_home_page_shows_each_application_with_a_live_example(shipped):
    test = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert not test.exception and not test.error
    assert {heading.value for heading in test.subheader} == {
        "Translation",
        "The LSTM lab",
        *(example.title for example in (*EXAMPLES, *PICTURES)),
    }


def said(test):
    return [element.value for element in (*test.text, *test.info, *test.warning, *test.error, *test.markdown)]


def test_without_a_model_the_page_says_which_command_trains_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    test = draw()
    assert not test.exception and "No translation model" in test.info[0].value
    assert test.code[0].value.startswith("python -m apps.translation train")


def test_the_page_opens_with_a_sample_already_answered(shipped):
    test = draw()
    assert not test.exception
    assert test.text_area[0].value.startswith("Zwei Hunde") and test.text[0].value


def test_a_typed_sentence_is_translated_by_the_chosen_search(shipped, translator):
    test, sentence = draw(), "Ein Mann mag ein Kind."
    test.text_area[0].set_value(sentence).run()
    assert test.text[0].value == translator.predict([sentence])[0].translation
    test.segmented_control(key="translation_search").set_value("Greedy").run()
    greedy = translator.predict([sentence], SearchOptions(beam_size=1))[0].translation
    assert not test.exception and test.text[0].value == greedy
    test.segmented_control(key="translation_search").set_value("Sampling").run()
    assert not test.exception and test.text[0].value


def test_the_address_is_read_once(shipped):
    test = draw(
        {"text": "Eine Frau holt ein Ball.", "model": "de-en", "beam_size": "3", "branch": "f0-99999", "step": "2"}
    )
    assert not test.exception and test.text_area[0].value == "Eine Frau holt ein Ball."
    assert test.slider(key="translation_beam").value == 3
    assert any("cannot be made" in text for text in said(test))


@pytest.mark.parametrize(
    "query", [{"beam_size": "1e9"}, {"model": "../../etc"}, {"length_penalty": "nan"}, {"step": "-7"}]
)
def test_a_foolish_address_opens_the_page_all_the_same(shipped, query):
    test = draw(query)
    assert not test.exception and test.text[0].value


def test_more_models_than_fit_side_by_side_are_a_list(model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    for name in ("a", "b", "c", "d"):
        shutil.copytree(model_folder, tmp_path / "translation" / name, ignore=shutil.ignore_patterns("run"))
    test = draw({"model": "c"})
    (box,) = test.selectbox
    assert not test.exception and box.label == "Model" and box.value == "c" and len(box.options) == 4
    box.set_value("d").run()
    assert not test.exception and test.selectbox[0].value == "d" and not test.error


def test_text_enters_the_page_as_text(shipped):
    test = draw({"text": "<img src=x onerror=alert(1)> Ein **Hund**"})
    assert not test.exception
    assert test.text_area[0].value == "<img src=x onerror=alert(1)> Ein **Hund**"
    assert not any("<img" in element.value for element in test.markdown)


@pytest.mark.parametrize("text", ["", "   ", "\u202e\u200b"])
def test_nothing_to_translate_is_said(shipped, text):
    test = draw()
    test.text_area[0].set_value(text).run()
    assert not test.exception and (test.info or test.warning)


def test_a_text_without_end_is_refused_and_a_long_one_cut_with_a_notice(shipped):
    test = draw()
    test.text_area[0].set_value("Hund " * 10_001).run()
    assert not test.exception and "10,001 words" in test.warning[0].value
    test.text_area[0].set_value("Ein Hund sieht ein Kind. " * 20).run()
    assert not test.exception and any("cut" in text or "left out" in text for text in said(test))


def test_a_damaged_model_is_named(shipped, tmp_path, monkeypatch):
    import streamlit as st

    damaged = tmp_path / "translation" / "de-en"
    shutil.copytree(shipped / "de-en", damaged)
    (damaged / "model.weights.h5").write_bytes(b"nothing")
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    test = draw()
    assert not test.exception and "model.weights.h5" in test.error[0].value


def test_a_model_that_is_replaced_or_deleted_under_a_running_page_is_noticed(model_folder, tmp_path, monkeypatch):
    import streamlit as st

    folder = tmp_path / "translation" / "de-en"
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    st.cache_resource.clear()
    shutil.copytree(model_folder, folder, ignore=shutil.ignore_patterns("run"))

    def script():
        import streamlit as st

        from apps.shared.replaced import forget_replaced_models
        from apps.translation import view
        from apps.translation.page import page

        forget_replaced_models()
        page()
        if view.shipped_models():
            st.caption(str(id(view.translator("de-en"))))

    def opened(test):
        return [element.value for element in test.caption if element.value.isdigit()]

    test = AppTest.from_function(script, default_timeout=120).run()
    first = opened(test)
    assert not test.exception
    assert first and opened(test.run()) == first

    os.utime(folder / store.MANIFEST, (1, 1))
    assert opened(test.run()) not in (first, [])
    assert not test.exception and not test.error

    shutil.rmtree(folder)
    test.run()
    assert not test.exception
    assert any("apps.translation train" in element.value for element in test.code)
    st.cache_resource.clear()
