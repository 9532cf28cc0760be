"""The translation page in a real browser: answered when it opens, stepping asks no server, and a view can be shared."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.apps.translation.conftest import files, model_folder  # noqa: F401  fixtures

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; see requirements-dev.txt")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; set CHROMIUM to its path")

PATIENCE = 180_000  # ms: a cold start imports TensorFlow and compiles, perhaps on a busy machine
APP = """
import sys
from pathlib import Path

sys.path.insert(0, {root!r})
from serving import store

store.PRETRAINED = Path({models!r})
page = Path({root!r}) / "streamlit_app.py"
exec(compile(page.read_text(encoding="utf-8"), str(page), "exec"))
"""


@pytest.fixture(scope="module")
def server(model_folder, tmp_path_factory):  # noqa: F811
    """A Streamlit server with all pages and one small model."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(model_folder, folder / "shipped" / "translation" / "de-en", ignore=shutil.ignore_patterns("run"))
    script = folder / "app.py"
    script.write_text(APP.format(root=str(ROOT), models=str(folder / "shipped")), encoding="utf-8")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "server.fileWatcherType": "none",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *flags], stdout=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    _wait_for(f"{address}/_stcore/health")
    yield address
    process.terminate()
    process.wait(10)


def _wait_for(address, seconds=120):
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """A page that notes what it fetches from elsewhere, what it sends, and what goes wrong."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.elsewhere, page.sent, page.wrong = [], [], []
    page.on("request", lambda r: page.elsewhere.append(r.url) if _is_elsewhere(r.url) else None)
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: page.sent.append(1)))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("dialog", lambda dialog: (page.wrong.append(dialog.message), dialog.dismiss()))
    yield page
    assert not page.elsewhere and not page.wrong
    page.close()


def _is_elsewhere(url):
    return urllib.parse.urlsplit(url).scheme not in ("data", "blob") and "127.0.0.1" not in url


def open_page(tab, server, **query):
    tab.goto(f"{server}/translation?{urllib.parse.urlencode(query)}")
    tab.wait_for_selector(".microscope .candidate")


def test_the_page_opens_answered_and_stepping_asks_no_server(tab, server):
    open_page(tab, server)
    assert tab.locator(".st-key-translation_answer [data-testid=stText]").inner_text()
    tab.wait_for_timeout(1500)
    tab.sent.clear()
    before = tab.locator(".microscope").inner_text()
    tab.keyboard.press("Home")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(500)
    assert not tab.sent
    assert tab.locator(".microscope").inner_text() != before


def test_a_forced_word_becomes_a_branch_that_the_address_brings_back(tab, server):
    open_page(tab, server, text="Ein Mann mag ein Kind.")
    tab.locator("button.candidate:not(.chosen)").first.click()
    tab.wait_for_selector("button.version >> nth=1")
    tab.wait_for_function("new URLSearchParams(location.search).get('branch')")
    address, labels = tab.url, tab.locator("button.version").all_inner_texts()
    tab.goto("about:blank")
    tab.goto(address)
    tab.wait_for_selector("button.version >> nth=1")
    assert tab.locator("button.version").all_inner_texts() == labels
    tab.wait_for_timeout(600)
    assert tab.url == address


def test_a_held_unit_makes_a_branch(tab, server):
    open_page(tab, server, text="Ein Mann mag ein Kind.")
    tab.locator(".microscope button.small", has_text="0").first.click()
    tab.wait_for_selector("button.version >> nth=1")
    assert "unit" in tab.locator("button.version").nth(1).inner_text()


def test_markup_in_the_address_is_shown_as_text(tab, server):
    open_page(tab, server, text="<img src=x onerror=alert(1)> Ein Hund")
    assert tab.locator("textarea").first.input_value() == "<img src=x onerror=alert(1)> Ein Hund"
    assert tab.locator("img[src=x]").count() == 0


def test_the_page_can_be_read_at_400_pixels(browser, server):
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page.set_default_timeout(PATIENCE)
    open_page(page, server)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    page.close()
    assert wide <= 400


def test_the_home_page_shows_a_live_translation(tab, server):
    tab.goto(server)
    tab.wait_for_selector(".idea .plus")
    tab.wait_for_selector(".idea .written .word >> nth=1")
    tab.get_by_text("Open the decoding microscope").wait_for()  # the page writes it after the translation
