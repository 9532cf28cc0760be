"""The decoding microscope in a real Chromium, on made-up data.

Streamlit's components live in an open shadow root: role, label and CSS locators pierce it, and
`document.querySelector` does not.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CARROUSEL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WAIT = 90_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine; set CARROUSEL_CHROMIUM to its path"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A Streamlit server with the microscope's own page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = {"headless": "true", "port": port, "address": "127.0.0.1", "fileWatcherType": "none"}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "tests/pages/microscope_app.py")]
    command += [part for name, value in flags.items() for part in (f"--server.{name}", str(value))]
    command += ["--browser.gatherUsageStats", "false"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_server(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_server(url: str, process: subprocess.Popen) -> None:
    import time

    for _ in range(300):
        assert process.poll() is None, "the Streamlit server ended at once"
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the Streamlit server did not answer in a minute")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Bench:
    """One opened page, with what it logged and sent."""

    def __init__(self, browser, url: str, query: str = "", **context) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 1000}, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.errors: list[str] = []
        self.sent: list = []
        self.fetched: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: self.sent.append(frame)))
        self.page.goto(f"{url}/?{query}")
        self.page.locator(".timeline").wait_for()
        self.page.wait_for_timeout(500)

    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.page.url).query)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def force(self, rank: int) -> None:
        self.page.locator(".candidate").nth(rank - 1).click()

    def versions(self, count: int):
        self.page.locator(".version").nth(count - 1).wait_for()
        self.page.wait_for_timeout(200)
        return self.page.locator(".version")


@pytest.fixture
def open_bench(browser, server):
    benches: list[Bench] = []

    def open_one(query: str = "", **context) -> Bench:
        benches.append(Bench(browser, server, query, **context))
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.context.close()
        assert bench.errors == []


def test_stepping_by_key_mouse_and_slider_sends_nothing_to_the_server(open_bench):
    bench = open_bench()
    before = len(bench.sent)
    assert bench.text(".count") == "4 / 15"
    bench.page.keyboard.press("ArrowRight")
    assert bench.text(".count") == "5 / 15"
    bench.page.get_by_label("Step back").click()
    assert bench.text(".count") == "4 / 15"
    bench.page.locator(".piece").nth(8).click()
    assert bench.text(".count") == "9 / 15"
    bench.page.get_by_role("slider", name="Step").press("End")
    assert bench.text(".count") == "15 / 15"
    bench.page.locator(".chart .pad").click(position={"x": 600, "y": 250})
    bench.page.locator(".tab", has_text="Carrousel").click()
    bench.page.wait_for_timeout(600)
    assert len(bench.sent) == before


def test_playing_walks_on_and_stops_at_the_end(open_bench):
    bench = open_bench("step=13")
    bench.page.get_by_label("Play", exact=True).click()
    bench.page.get_by_label("Play", exact=True).wait_for()  # it said "Pause" until the end was reached
    assert bench.text(".count") == "15 / 15"


def test_the_address_holds_step_and_branch_and_keeps_what_the_page_gave(open_bench):
    bench = open_bench("layers=2&step=6&other=kept")
    assert bench.text(".count") == "7 / 15"
    bench.page.keyboard.press("ArrowLeft")
    bench.page.wait_for_timeout(500)
    assert bench.query() == {"layers": ["2"], "step": ["5"], "other": ["kept"]}
    bench.force(2)
    bench.versions(2)
    bench.page.wait_for_timeout(500)
    assert bench.query()["branch"][0].startswith("f5-")


def test_a_forced_word_gives_a_second_sentence_beside_the_original(open_bench):
    bench = open_bench("step=1")
    word = bench.text(".candidate >> nth=2 >> .name")
    bench.force(3)
    versions = bench.versions(2)
    assert versions.nth(1).locator("b.forced").inner_text() == word
    assert versions.nth(1).get_attribute("aria-pressed") == "true"
    assert bench.text(".count") == "2 / 15"
    assert f"You forced {word}, which had" in bench.text(".note")
    versions.nth(0).click()
    assert "You forced" not in bench.text(".note")
    bench.page.get_by_label("Remove ‘").click()
    bench.page.locator("li.hint").wait_for()
    assert bench.page.locator(".version").count() == 1


def test_a_branch_can_grow_from_a_beginning_that_the_search_had_given_less_room(open_bench):
    bench = open_bench("step=1")
    node = bench.page.locator(".column.now .node:not(.chosen)").first
    beginning = node.get_attribute("aria-label").split(": ")[1].split(", score")[0]
    node.click()
    sentence = bench.versions(2).nth(1).locator(".sentence").inner_text()
    assert sentence.startswith(beginning)


def test_an_edited_unit_is_held_and_the_equation_says_so(open_bench):
    bench = open_bench("step=2")
    bench.page.get_by_label("Unit number").fill("7")
    bench.page.get_by_label("Unit number").press("Enter")
    bench.page.locator(".edits button", has_text="1").click()
    bench.versions(2)
    assert "holds this unit: at 1" in bench.text(".heldnote")
    now = bench.page.locator(".fall", has_text="now").locator(".number")
    assert now.inner_text() == "1.00"
    bench.page.keyboard.press("ArrowLeft")
    assert bench.page.locator(".heldnote").inner_text() == ""


def test_the_equation_adds_up_to_the_digits_shown(open_bench):
    bench = open_bench("layers=2&step=4")
    for _ in range(4):
        bench.page.keyboard.press("ArrowRight")
        values = bench.page.locator(".equation").first.locator(".value").all_inner_texts()
        now, forget, before, gate, candidate = (float(value.replace("−", "-")) for value in values)
        assert now == pytest.approx(forget * before + gate * candidate, abs=0.03)


def test_units_are_sorted_by_what_the_reader_asks(open_bench):
    bench = open_bench()
    order = bench.page.get_by_label("Order of the units")
    number = bench.page.get_by_label("Unit number")
    first = set()
    for name in ("change", "keep", "gradient", "size", "index"):
        order.select_option(name)
        first.add(number.input_value())
    assert number.input_value() == "0" and len(first) >= 4


@pytest.mark.parametrize(
    ("kind", "has", "lacks"),
    [
        ("gru", ["Shown", "Update", "Reset", "Carrousel"], ["Cell", "Forget"]),
        ("rnn", ["Shown"], ["Cell", "Forget", "Carrousel"]),
        ("block", ["Cell", "Forget", "Carrousel"], ["Update"]),
        ("coupled", ["Cell", "Input", "Forget"], ["Update"]),
    ],
)
def test_a_cell_shows_the_rows_it_has_and_no_others(open_bench, kind, has, lacks):
    bench = open_bench(f"kind={kind}")
    shown = bench.page.locator(".tab").all_inner_texts()
    assert set(has) <= set(shown) and not set(lacks) & set(shown)
    bench.page.keyboard.press("ArrowRight")


def test_frames_stand_in_place_of_source_words(open_bench):
    bench = open_bench("source_kind=frames")
    assert bench.page.locator(".unit img").count() == 8
    assert bench.page.locator(".unit img").first.get_attribute("alt") == "0.0 s"


def test_without_readings_the_sentences_and_the_search_remain(open_bench):
    bench = open_bench("readings=0")
    assert bench.page.locator(".inside").is_hidden()
    assert bench.page.locator(".candidate").count() == 10


def ribbon_error(page) -> float:
    """How far the ribbons' feet are from the word that they feed, in pixels."""
    return page.locator(".ribbons").evaluate(
        """svg => {
          const now = svg.getRootNode().querySelector('.piece.now').getBoundingClientRect();
          const bands = [...svg.querySelectorAll('path')].map(path => path.getAttribute('d')).filter(Boolean);
          const feet = bands.flatMap(band => {
            const found = band.match(/ ([-\\d.]+) 66H([-\\d.]+)C/);
            return [Number(found[1]), Number(found[2])];
          });
          const left = svg.getBoundingClientRect().left;
          const [first, last] = [left + Math.min(...feet), left + Math.max(...feet)];
          return Math.max(Math.abs(first - now.left), Math.abs(last - now.right));
        }"""
    )


@pytest.mark.parametrize("width", [1280, 400])
def test_ribbons_reach_their_word_in_long_sentences_and_on_phones(open_bench, width):
    bench = open_bench("long=1&step=20")
    bench.page.set_viewport_size({"width": width, "height": 900})
    bench.page.wait_for_timeout(700)
    for _ in range(3):
        bench.page.keyboard.press("ArrowRight")
        bench.page.wait_for_timeout(400)
        assert ribbon_error(bench.page) < 2


def test_nothing_overflows_a_phone(open_bench):
    bench = open_bench("long=1")
    bench.page.set_viewport_size({"width": 400, "height": 900})
    bench.page.wait_for_timeout(700)
    wide = bench.page.locator(".microscope").evaluate("root => root.scrollWidth - root.clientWidth")
    assert wide <= 1


def test_markup_in_the_text_is_shown_as_text(open_bench):
    bench = open_bench("hostile=1&step=0")
    assert "<img/src=x/onerror" in bench.text(".unit")
    assert bench.page.locator(".microscope img").count() == 0
    assert bench.page.evaluate("window.hacked") is None


def test_a_request_that_fails_tells_the_reader_and_the_widget_goes_on(open_bench):
    bench = open_bench("fail=1")
    bench.force(2)
    bench.page.locator(".status.trouble", has_text="did not work").wait_for()
    bench.page.keyboard.press("ArrowRight")
    assert bench.text(".count") == "5 / 15"


def test_the_trace_and_every_picture_can_be_saved(open_bench):
    bench = open_bench()
    with bench.page.expect_download() as download:
        bench.page.get_by_role("button", name="the trace (JSON)").click()
    trace = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert trace["format"] == "carrousel.trace"
    for panel in ("sentences", "candidates", "search", "held", "inside", "unit"):
        save(bench, panel, "SVG", lambda data: data.startswith(b"<svg") and b"<text" in data)
        save(bench, panel, "PNG", lambda data: data.startswith(b"\x89PNG") and len(data) > 2000)


def save(bench: Bench, panel: str, form: str, good) -> None:
    bench.page.get_by_label(f"Save this picture: {panel}").click()
    with bench.page.expect_download() as download:
        bench.page.get_by_label(f"Save {panel} as {form}").click()
    name = download.value.suggested_filename
    assert name.startswith(f"de-en-original-{panel}-step4.") and name.endswith(form.lower())
    assert good(Path(download.value.path()).read_bytes()), (panel, form)


def test_a_screen_reader_hears_what_the_step_did(open_bench):
    bench = open_bench()
    bench.page.keyboard.press("ArrowRight")
    bench.page.locator("[aria-live=polite]", has_text="Step 5 of 15. It wrote in with").wait_for(state="attached")


def test_every_control_has_a_name(open_bench):
    bench = open_bench()
    nameless = bench.page.locator(".microscope").evaluate(
        """root => [...root.querySelectorAll('button,select,input,[role=slider],[tabindex="0"]')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
        .map(e => e.className)"""
    )
    assert nameless == []


def test_keys_are_left_alone_while_the_reader_types(open_bench):
    bench = open_bench()
    bench.page.get_by_label("Unit number").focus()
    bench.page.keyboard.press("ArrowLeft")
    bench.page.keyboard.press("p")
    assert bench.text(".count") == "4 / 15"


def test_the_palette_follows_the_theme(open_bench):
    light, dark = open_bench(), open_bench(color_scheme="dark")
    read = "root => getComputedStyle(root).getPropertyValue('--forget').trim()"
    assert light.page.locator(".microscope").evaluate(read) == "#b64500"
    assert dark.page.locator(".microscope").evaluate(read) == "#e07a36"


def test_nothing_is_fetched_from_outside(open_bench, server):
    bench = open_bench()
    bench.force(2)
    bench.versions(2)
    outside = [url for url in bench.fetched if not url.startswith((server, "data:", "blob:"))]
    assert outside == []
