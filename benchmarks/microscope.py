"""Does a step of the decoding microscope fit into one frame of the screen?

    python -m benchmarks.microscope --steps 200

Opens the translation page in headless Chromium (requirements-dev.txt, and Debian's chromium), waits for its sample, and
presses the arrow keys. Of each step: what the page computes for it (the handler of the key, then style and layout, in
milliseconds), and how many frames later it is on the screen. Seconds are the clock's: run it with nothing beside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks import measuring
from benchmarks.page_load import start_server, stop

FRAME = 1000 / 60
PATIENCE = 300_000
STEPPING = """
async (view, steps) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const times = [];
  let forwards = true;
  for (let number = 0; number < steps; number++) {
    const before = view.innerHTML.length + view.innerText;
    const start = await frame(), began = performance.now();
    const key = forwards ? "ArrowRight" : "ArrowLeft";
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
    const handled = performance.now();
    void view.getBoundingClientRect();
    const laidOut = performance.now();
    const shown = await frame();
    if (view.innerHTML.length + view.innerText === before) forwards = !forwards; // the sentence's end
    else times.push({ handler: handled - began, layout: laidOut - handled, frame: shown - start });
  }
  return times;
}
"""


def main() -> int:
    """Steps, and prints the percentiles; 1 where the median step does not fit into a frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="keys pressed (default: %(default)s)")
    parser.add_argument("--model", default="de-en", help="of translation (default: %(default)s)")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM") or shutil.which("chromium"), help="its path")
    parser.add_argument("--report", type=Path, help="write every step as JSON")
    args = parser.parse_args()
    if not args.chromium:
        print("There is no chromium on this machine: install it, or give --chromium PATH.", file=sys.stderr)
        return 2
    process, port = start_server(threads=1)
    try:
        times = step(f"http://127.0.0.1:{port}/translation?model={args.model}", args)
    finally:
        stop(process)
    facts = measuring.machine()
    measuring.write_report(args.report, {**facts, "steps": times})
    print(f"{len(times)} steps of the microscope, {args.model}. {measuring.headline(facts, 1)}")
    work = [one["handler"] + one["layout"] for one in times]
    for name, values in (
        ("handler", [one["handler"] for one in times]),
        ("style and layout", [one["layout"] for one in times]),
        ("both", work),
        ("to the next frame", [one["frame"] for one in times]),
    ):
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        print(f"{name:18s} p50 {cuts[49]:6.1f} ms   p95 {cuts[94]:6.1f} ms   p99 {cuts[98]:6.1f} ms")
    late = sum(one["frame"] > 1.5 * FRAME for one in times)
    print(f"{late} of {len(times)} steps came later than the next frame ({FRAME:.1f} ms)")
    return 1 if statistics.median(work) > FRAME else 0


def step(address: str, args: argparse.Namespace) -> list[dict[str, float]]:
    """What every step took, in milliseconds: `handler`, `layout`, and `frame`, until the next one began."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.wait_for_selector(".microscope .candidate")
        page.wait_for_timeout(3000)
        microscope = page.locator(".microscope").first  # in a shadow root, which locators look into
        microscope.evaluate(STEPPING, 20)  # compiled by the browser before the clock runs
        times = microscope.evaluate(STEPPING, args.steps)
        browser.close()
    return times


if __name__ == "__main__":
    sys.exit(main())
