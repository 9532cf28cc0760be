"""The lab in a real browser: every bench works, stepping asks no server, and the numbers are Python's."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from apps.lstm_lab import gradient_flow, live_cell
from apps.lstm_lab.units import forward, random_weights
from apps.lstm_lab.widget import FOLDER

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; see requirements-dev.txt")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; set CHROMIUM to its path"),
]

APP = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
st.set_page_config(layout="wide")
from apps.lstm_lab.page import page
page()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A Streamlit server with the lab alone."""
    script = tmp_path_factory.mktemp("lab") / "lab_app.py"
    script.write_text(APP.format(root=str(ROOT)), encoding="utf-8")
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
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *flags], stdout=subprocess.DEVNULL
    )
    _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def _wait_for(url: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if urllib.request.urlopen(url, timeout=2).status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"no answer from {url} in {seconds:.0f} s")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Opens a bench and gives the page; at the end, nothing may have gone wrong in the browser or left this machine."""
    opened = []

    def open_bench(bench: str, width: int = 1280, **query: str):
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: None if _is_local(request.url) else problems.append(request.url))
        opened.append((page, problems))
        page.goto(address + "/?" + urllib.parse.urlencode({"bench": bench} | query))
        page.locator(".lab").first.wait_for(timeout=60_000)
        return page

    yield open_bench
    for page, problems in opened:
        page.close()
        assert problems == []


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "data:", "blob:"))


def counted_frames(page) -> list[str]:
    """Every message that the page sends to the server from now on."""
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append("frame")))
    return sent


def in_browser(browser, call: str, **values):
    """The result of one call into widget/cells.js."""
    page = browser.new_page()
    source = (FOLDER / "cells.js").read_text(encoding="utf-8")
    page.add_script_tag(content=source + "\nwindow.lab = { FORWARD, gradientFlow }")
    result = page.evaluate(f"(given) => {call}", values)
    page.close()
    return result


@pytest.mark.parametrize("unit", ["rnn", "lstm", "peephole", "gru"])
def test_the_browser_computes_every_unit_as_python_does(browser, unit):
    generator = np.random.default_rng(5)
    weights, inputs = random_weights(unit, 2, 3, generator), generator.normal(size=(7, 2))
    kind = "lstm" if unit == "peephole" else unit
    steps = in_browser(
        browser,
        "lab.FORWARD[given.kind](given.weights, given.inputs)",
        kind=kind,
        weights=weights.to_json(),
        inputs=inputs.tolist(),
    )
    trace = forward(unit, weights, inputs[None])
    for name in set(trace) - {"inputs", "steps"}:
        assert np.array([step[name] for step in steps]) == pytest.approx(trace[name][0], abs=1e-12), name


@pytest.mark.parametrize("unit", ["rnn", "lstm", "peephole", "gru"])
def test_the_browser_computes_the_gradient_flow_as_python_does(browser, unit):
    generator = np.random.default_rng(6)
    weights, inputs = random_weights(unit, 2, 4, generator), generator.normal(size=(12, 2))
    kind = "lstm" if unit == "peephole" else unit
    flow = in_browser(
        browser,
        "lab.gradientFlow(given.kind, given.weights, given.inputs)",
        kind=kind,
        weights=weights.to_json(),
        inputs=inputs.tolist(),
    )
    assert flow == pytest.approx(gradient_flow.gradient_flow(unit, weights, inputs).tolist(), rel=1e-9)


def test_the_live_cell_opens_answered_and_steps_without_the_server(visit):
    page = visit("Live cell")
    sent = counted_frames(page)
    page.reload()
    page.get_by_text("Step 6 of 16").wait_for()
    page.wait_for_timeout(1500)
    before = len(sent)
    assert before > 0  # the page itself did talk, so silence below means something
    time_line = page.get_by_role("slider", name="time")
    time_line.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.get_by_text("Step 10 of 16").wait_for()
    page.get_by_role("radio", name="Count").click()
    page.get_by_role("slider", name="forget φ").fill("0")
    page.get_by_text("kept 50%").wait_for()
    page.wait_for_timeout(300)
    assert len(sent) == before


def test_an_input_is_drawn_by_mouse_and_set_by_keys(visit):
    page = visit("Live cell")
    page.get_by_role("radio", name="silence").click()
    bar = page.get_by_role("slider", name="input at step 4", exact=True)
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 1)
    page.mouse.up()
    assert float(bar.get_attribute("aria-valuenow")) > 0.9
    other = page.get_by_role("slider", name="input at step 5", exact=True)
    other.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    assert float(other.get_attribute("aria-valuenow")) == pytest.approx(0.9)


def test_the_live_cell_shows_the_numbers_of_python(visit):
    page = visit("Live cell")
    story = next(story for story in live_cell.STORIES if story.key == "latch")
    trace = forward("lstm", story.weights("lstm"), np.array(story.inputs)[None, :, None])
    shown = page.get_by_role("table").get_by_role("row", name="ω").get_by_role("cell").last.inner_text()
    assert float(shown) == pytest.approx(trace["output"][0, 5, 0], abs=0.005)


def test_a_view_can_be_shared_by_its_address(visit):
    page = visit("Live cell")
    page.get_by_role("radio", name="Keep time").click()
    page.get_by_role("slider", name="time").fill("8")
    page.wait_for_url("**/*cell=timer*")
    page.wait_for_timeout(500)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(page.url).query))
    other = visit("Live cell", cell=query["cell"])
    other.get_by_text("Step 9 of 16").wait_for()
    assert other.get_by_role("radio", name="Keep time").get_attribute("aria-checked") == "true"


def test_a_spoilt_address_opens_the_page_as_new(visit):
    page = visit("Live cell", cell="timer~1~zzz~1.2.NaN")
    page.get_by_text("Step 6 of 16").wait_for()


def test_the_gradient_flow_answers_its_sliders_in_the_browser(visit):
    page = visit("Gradient flow")
    page.get_by_role("slider", name="length T").fill("200")
    page.get_by_role("slider", name="steps back from the end").fill("199")
    page.get_by_text("199 steps before the end").wait_for()
    page.get_by_text("might as well not exist").wait_for()


def test_a_typed_expression_is_drawn_and_stepped(visit):
    page = visit("B-diagrams")
    field = page.get_by_role("textbox", name="Expression of your own")
    field.fill("x * sin(y)")
    field.press("Enter")
    page.get_by_role("img", name="B-diagram of x * sin(y)").wait_for()
    page.get_by_role("button", name="start", exact=True).click()
    page.get_by_role("button", name="forward, then backward: forward one step").click()
    page.get_by_text("cos(0.70) = 0.76").wait_for()


def test_hostile_text_gets_one_line_and_no_markup(visit):
    page = visit("B-diagrams")
    field = page.get_by_role("textbox", name="Expression of your own")
    for text, line in {
        "<img src=x onerror=alert(1)>": "has no place in an expression",
        "__import__('os').system('x')": "has no place in an expression",
        "9**9**9": "can be drawn",
        "(" * 600: "at most 200",
    }.items():
        field.fill(text)
        field.press("Enter")
        page.get_by_test_id("stAlert").get_by_text(line).wait_for()
    assert page.locator("img[src=x]").count() == 0


def test_the_lstm_cell_is_a_b_diagram_too(visit):
    page = visit("B-diagrams")
    page.get_by_role("radio", name="LSTM cell", exact=True).or_(
        page.get_by_role("button", name="LSTM cell", exact=True)
    ).click()
    page.get_by_role("img", name="B-diagram of LSTM cell,").wait_for()


def test_a_classic_task_is_learnt_in_the_page(visit):
    page = visit("Classic tasks")
    page.get_by_text("updates of each network in").wait_for(timeout=90_000)
    row = page.get_by_role("row", name="LSTM", exact=False).last
    assert int(row.get_by_role("cell").first.inner_text().rstrip("%")) > 80


def test_the_page_fits_a_phone(visit):
    for bench in ("Live cell", "Gradient flow", "B-diagrams"):
        page = visit(bench, width=400)
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, bench
        for lab in page.locator(".lab").all():
            assert lab.bounding_box()["width"] <= 400


def test_every_control_has_a_name(visit):
    for bench in ("Live cell", "Gradient flow", "B-diagrams"):
        page = visit(bench)
        page.wait_for_timeout(500)
        for control in page.locator(".lab :is(button, input, [role=slider], [role=radio])").all():
            name = control.evaluate(
                "e => e.getAttribute('aria-label') || e.textContent.trim()"
                " || (e.labels && [...e.labels].map(l => l.textContent).join(' ').trim())"
            )
            assert name, control.evaluate("e => e.outerHTML")


def test_data_for_the_widgets_is_plain_json():
    for data in (live_cell.widget_data(), gradient_flow.widget_data()):
        json.dumps(data, allow_nan=False)
