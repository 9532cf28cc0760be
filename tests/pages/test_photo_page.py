"""The photo page in a browser: what a word hangs on is shown once it is asked for; choosing words asks no server."""

import socket
import subprocess
import sys

import pytest

from serving import store
from tests.pages import test_translation_page as pages
from tests.pages.test_translation_page import browser, tab  # noqa: F401  fixtures

pytestmark = [
    pages.pytestmark,
    pytest.mark.slow,
    pytest.mark.skipif(not store.shipped("image_captioning"), reason="no captioner is shipped"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Streamlit server with all pages and the shipped models."""
    script = tmp_path_factory.mktemp("pages") / "app.py"
    script.write_text(pages.APP.format(root=str(pages.ROOT), models=str(store.PRETRAINED)), encoding="utf-8")
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


def open_covered(tab, server):  # noqa: F811
    tab.goto(f"{server}/image-captioning?sample=a+motorcycle")
    tab.get_by_role("button", name="Which part mattered").click()
    tab.wait_for_selector(".covered button.word")


def test_covering_parts_tells_what_each_word_hangs_on_without_asking_the_server_again(tab, server):  # noqa: F811
    open_covered(tab, server)
    tab.wait_for_selector(".microscope .codebox, .microscope footer")
    tab.wait_for_timeout(3000)
    tab.sent.clear()
    chosen = tab.locator(".covered button.word[aria-pressed=true]")
    assert chosen.inner_text() in tab.locator(".covered .said").inner_text()
    chosen.focus()
    tab.keyboard.press("Home")
    first = tab.locator(".covered button.word").first.inner_text()
    tab.keyboard.press("End")
    tab.keyboard.press("Home")
    assert f"“{first}”" in tab.locator(".covered .said").inner_text()
    tab.locator(".covered canvas").hover(position={"x": 30, "y": 30})
    assert "covering this part" in tab.locator(".covered .said").inner_text()
    assert tab.locator(".covered canvas").get_attribute("aria-label").startswith("The photo; lit is what")
    tab.wait_for_timeout(300)
    assert not tab.sent


def test_it_can_be_read_at_400_pixels(browser, server):  # noqa: F811
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page.set_default_timeout(pages.PATIENCE)
    open_covered(page, server)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
    page.close()
