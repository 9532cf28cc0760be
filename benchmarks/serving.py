"""How many answers does a served model give, how fast, and are they the asker's own?

    python -m benchmarks.serving --model translation/de-en --input sentences.de
    python -m benchmarks.serving --model sentiment/sst-2 --input reviews.txt --url http://localhost:8501

Clients ask one text at a time, each as soon as it has its last answer. Every answer is compared with that of the plain
predictor (`python -m apps.APP predict --json`): an answer that crossed to another client, or changed with its batch, is
counted and ends the benchmark with code 1. Without --url it starts `serving.engines.ray_serve` itself and watches the
memory of its replicas.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measuring import headline, machine, write_report

ROOT = Path(__file__).resolve().parents[1]
CLOSE = 1e-3
"""Scores may differ by this: sums in another order."""


def main() -> int:
    """Measures, and prints one line for every number of clients."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server must not outlive this
    texts = [line for line in options.input.read_text(encoding="utf-8").splitlines() if line.strip()][: options.texts]
    expected = plain_answers(options.model, texts)
    rows, wrong = [], 0
    with _server(options) as (url, name, process):
        load = Load(url, name, texts, expected)
        load.run(1, 20)
        print(headline(machine(), options.threads))
        print(
            "clients  requests  a second    p50 ms    p95 ms    p99 ms  wrong  ties  errors  memory MiB, before → after"
        )
        plan = [(clients, options.requests) for clients in options.clients]
        plan += [(options.clients[-1], options.soak // 5)] * 5 if options.soak else []
        for clients, requests in plan:
            row = {"memory_before": memory(process), **load.run(clients, requests), "memory": memory(process)}
            rows.append(row)
            wrong += row["wrong"] + row["errors"]
            print(
                f"{clients:7d} {row['requests']:9d} {row['per_second']:9.1f} {row['p50']:9.0f} {row['p95']:9.0f} "
                f"{row['p99']:9.0f} {row['wrong']:6d} {row['ties']:5d} {row['errors']:7d}  "
                f"{row['memory_before']:.0f} → {row['memory']:.0f}",
                flush=True,
            )
    write_report(options.report, {"machine": machine(), "model": options.model, "rows": rows})
    return 1 if wrong else 0


def plain_answers(model: str, texts: list[str]) -> list[dict[str, Any]]:
    """What the command says of each text."""
    app, _, name = model.partition("/")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts"
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        line = [sys.executable, "-m", f"apps.{app}", "predict", "--model", name, "--json", "--input", str(path)]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class Load:
    """Clients at a server.

    Args:
        url: of the server.
        name: of the model.
        texts: what is asked, in turn.
        expected: the plain predictor's answers.
    """

    def __init__(self, url: str, name: str, texts: list[str], expected: list[dict[str, Any]]):
        self.host, self.path = urlsplit(url).netloc, f"/v1/models/{name}:predict"
        self.texts, self.expected = texts, expected
        self.bodies = [json.dumps({"instances": [{"text": text}]}).encode() for text in texts]

    def run(self, clients: int, requests: int) -> dict[str, Any]:
        """Sends requests from so many clients at once; gives rate, times in ms and what was wrong."""
        numbers, times = iter(range(requests)), []
        counts = {"wrong": 0, "ties": 0, "errors": 0}
        lock = threading.Lock()

        def client() -> None:
            connection = http.client.HTTPConnection(self.host, timeout=120)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                which = number % len(self.texts)
                began = time.perf_counter()
                said = self._ask(connection, which)
                took = time.perf_counter() - began
                with lock:
                    times.append(1000 * took)
                    if said:
                        counts[said] += 1
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(clients)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        return {
            "clients": clients,
            "requests": len(times),
            "per_second": len(times) / seconds,
            **{f"p{part}": cuts[part - 1] for part in (50, 95, 99)},
            **counts,
        }

    def _ask(self, connection: http.client.HTTPConnection, which: int) -> str:
        """What is wrong with the answer to a text: nothing, `wrong`, `ties` (equally good) or `errors`."""
        try:
            connection.request("POST", self.path, self.bodies[which], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            connection.close()
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return "errors"
        if answer.status != 200:
            print(f"{answer.status}: {content.decode('utf-8', 'replace')[:200]}", file=sys.stderr)
            return "errors"
        [row] = json.loads(content)["predictions"]
        return compare(row, self.expected[which])


def compare(row: dict[str, Any], expected: dict[str, Any]) -> str:
    """An answer of the server against the predictor's, in the fields that both have.

    Returns:
        "" where they agree, "ties" where another text has the same score, else "wrong".
    """
    shared = [name for name in row if name in expected]
    numbers = [name for name in shared if isinstance(row[name], float)]
    close = all(abs(row[name] - expected[name]) < CLOSE for name in numbers)
    same = all(row[name] == expected[name] for name in shared if name not in numbers)
    if shared and close and same:
        return ""
    return "ties" if numbers and close else "wrong"


def memory(process: int) -> float:
    """MiB of all replicas below a process; 0 where the system does not tell."""
    parents, replicas = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            number = int(path.name)
            parents[number] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if b"ServeReplica" in (path / "cmdline").read_bytes():
                pages = int((path / "statm").read_text().split()[1])
                replicas.append((number, pages * 4096 / 2**20))
        except (OSError, ValueError):
            continue

    def below(number: int) -> bool:
        seen = itertools.takewhile(lambda one: one > 1, _chain(number, parents))
        return process in seen

    return sum(size for number, size in replicas if below(number))


def _chain(number: int, parents: dict[int, int]) -> Iterator[int]:
    while number:
        yield number
        number = parents.get(number, 0)


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """The server's address, the model's name, and the process to watch (0: none)."""
    name = options.name or options.model.rpartition("/")[2]
    if options.url:
        yield options.url, name, 0
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--model", options.model, "--port", port, "--replicas", options.replicas, "--threads", options.threads]
    words += ["--queue-limit", 2 * max(options.clients), "--timeout", 120, "--max-batch-size", options.max_batch_size]
    line = [sys.executable, "-m", "serving.engines.ray_serve", *map(str, words)]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        if not process.stdout.readline():
            raise SystemExit("The server did not start; its error stands above.")
        yield f"http://127.0.0.1:{port}", name, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="translation/de-en", help="APP/NAME, of texts (default: %(default)s)")
    parser.add_argument("--input", type=Path, required=True, help="texts, one a line")
    parser.add_argument("--texts", type=int, default=500, help="of these so many are asked (default: %(default)s)")
    parser.add_argument("--url", help="a server that runs; default: one is started")
    parser.add_argument("--name", help="the model's name there (default: that of --model)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64], help="at once (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="for each number (default: %(default)s)")
    parser.add_argument("--soak", type=int, default=0, help="then so many more, memory looked at five times")
    parser.add_argument("--replicas", type=int, default=1, help="of the server started (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of each replica (default: %(default)s)")
    parser.add_argument("--max-batch-size", type=int, default=64, help="(default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write all as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
