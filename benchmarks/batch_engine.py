"""What does `predict --engine ray` answer a second with 1, 2, … workers, and what does the engine itself cost?

    python -m benchmarks.batch_engine --model translation/de-en --input sentences.de --shards 8 --workers 1 2

The input is cut into shards. The plain predictor answers them one after the other in this process; then the command
does, with each number of workers. Both are timed from the moment when every worker has its first shard behind it, so
that starting Ray and opening the model do not count; how long that took stands beside. The share lost to the engine is
1 - rate / (workers × plain rate). The outputs are compared with the plain ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.capacity import task_of
from benchmarks.measuring import headline, machine, set_threads, unpin, write_report

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Measures, and prints one line for the plain predictor and for each number of workers."""
    options = _options()
    lines = options.input.read_bytes().splitlines()[: options.lines]
    each = len(lines) // options.shards
    if each < 1 or options.shards < 2 * max(options.workers):
        raise SystemExit("Give more lines, or at least two shards a worker.")
    set_threads(1)
    facts = machine()
    print(headline(facts, 1))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        for number in range(options.shards):
            part = lines[number * each : (number + 1) * each]
            (source / f"{number:03d}.txt").write_bytes(b"".join(line + b"\n" for line in part))
        plain, expected = _plain(options.model, source, Path(folder) / "plain", each)
        print(f"plain predictor  {plain:8.1f} lines a second")
        unpin()
        rows = []
        for workers in options.workers:
            output = Path(folder) / f"out-{workers}"
            rate, start, total = _engine(options.model, source, output, workers, each)
            lost = 1 - rate / (workers * plain)
            same = {path.name: path.read_bytes() for path in output.glob("*.txt")} == expected
            rows.append(
                {"workers": workers, "rate": rate, "first_shard": start, "total": total, "lost": lost, "same": same}
            )
            print(
                f"{workers} worker(s)      {rate:8.1f} lines a second, {100 * lost:.0f} % lost to the engine; "
                f"first shard after {start:.0f} s, all after {total:.0f} s; "
                f"{'the same lines' if same else 'OTHER LINES'}",
                flush=True,
            )
    write_report(
        options.report, {"machine": facts, "model": options.model, "lines": len(lines), "plain": plain, "rows": rows}
    )
    return 0 if all(row["same"] for row in rows) else 1


def _plain(model: str, source: Path, output: Path, each: int) -> tuple[float, dict[str, bytes]]:
    """Lines a second behind the first shard, and what was answered."""
    from apps.shared import shards
    from apps.shared.commands.opening import find_model, open_model, stored_recipe

    app, _, name = model.partition("/")
    task = task_of(app)
    search = task.default_search(stored_recipe(task, ["--model", name])) if task.speaks else None
    predictor = open_model(task, find_model(task, name))
    output.mkdir()
    found, began = shards.find(source, "text", 1), 0.0
    for number, shard in enumerate(found):
        shards.answer(predictor, shard, "text", search, False, output)
        began = began if number else time.perf_counter()
    rate = each * (len(found) - 1) / (time.perf_counter() - began)
    return rate, {path.name: path.read_bytes() for path in output.iterdir()}


def _engine(model: str, source: Path, output: Path, workers: int, each: int) -> tuple[float, float, float]:
    """Lines a second behind the first shard of every worker, seconds to the first shard, seconds in all."""
    app, _, name = model.partition("/")
    words = [
        "--engine",
        "ray",
        "--workers",
        workers,
        "--threads",
        1,
        "--model",
        name,
        "--input",
        source,
        "--output",
        output,
    ]
    line = [sys.executable, "-m", f"apps.{app}", "predict", *map(str, words)]
    began = time.time()
    subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    total = time.time() - began
    ends = sorted(path.stat().st_mtime for path in output.glob("*.txt"))
    rate = each * (len(ends) - workers) / (ends[-1] - ends[workers - 1])
    return rate, ends[0] - began, total


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="translation/de-en", help="APP/NAME, of texts (default: %(default)s)")
    parser.add_argument("--input", type=Path, required=True, help="texts, one a line")
    parser.add_argument("--lines", type=int, default=8000, help="of these so many (default: %(default)s)")
    parser.add_argument("--shards", type=int, default=8, help="cut into (default: %(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="(default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write all as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
