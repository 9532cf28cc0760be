"""The sentiment page in a real browser: answered when it opens, walking asks no server, markup stays text."""

import shutil
import socket
import subprocess
import sys
import urllib.parse

import pytest

from tests.apps.sentiment.conftest import model_folder, table  # noqa: F401  fixtures
from tests.pages import test_translation_page as pages
from tests.pages.test_translation_page import browser, tab  # noqa: F401  fixtures

pytestmark = [pages.pytestmark, pytest.mark.slow]
TEXT = "The film was great, <img src=x onerror=alert(1)> and not dull."


@pytest.fixture(scope="module")
def server(model_folder, tmp_path_factory):  # noqa: F811
    """A Streamlit server with all pages and one small classifier."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(model_folder, folder / "shipped" / "sentiment" / "imdb", ignore=shutil.ignore_patterns("run"))
    script = folder / "app.py"
    script.write_text(pages.APP.format(root=str(pages.ROOT), models=str(folder / "shipped")), encoding="utf-8")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
    flags = [f"--server.{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *flags, "--browser.gatherUsageStats=false"],
        stdout=subprocess.DEVNULL,
    )
    pages._wait_for(f"http://127.0.0.1:{port}/_stcore/health")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def open_page(tab, server, **query):  # noqa: F811
    tab.goto(f"{server}/sentiment?{urllib.parse.urlencode(query)}")
    tab.wait_for_selector(".reading .word")


def test_the_page_opens_answered_and_walking_along_the_words_asks_no_server(tab, server):  # noqa: F811
    open_page(tab, server)
    assert tab.locator(".reading .verdict").inner_text().startswith(("positive", "negative"))
    tab.wait_for_timeout(1500)
    tab.sent.clear()
    words = tab.locator(".reading .words")
    words.focus()
    before = tab.locator(".reading .said").inner_text()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".reading .where, .reading .walk .number").first.inner_text().startswith("word 2 of")
    tab.locator(".reading select").nth(1).select_option("forget")
    tab.wait_for_timeout(300)
    assert not tab.sent and tab.locator(".reading .said").inner_text() != before


def test_two_texts_stand_side_by_side_and_markup_is_text(tab, server):  # noqa: F811
    open_page(tab, server, text=TEXT, second="an awful story")
    tab.wait_for_selector(".reading .text >> nth=1")
    tab.wait_for_function("new URLSearchParams(location.search).get('second')")
    assert tab.locator("img[src=x]").count() == 0 and "onerror" in tab.locator(".reading .words").first.inner_text()


def test_the_page_can_be_read_at_400_pixels(browser, server):  # noqa: F811
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page.set_default_timeout(pages.PATIENCE)
    open_page(page, server)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
    page.close()
