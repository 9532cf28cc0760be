"""The translation page under many people at once: whose answer is whose, how long it takes, and what memory it holds.

    python -m benchmarks.page_load --sessions 20 --requests 10

Starts `streamlit_app.py` and opens sessions over the websocket that a browser uses. Each session sends sentences of its
own, one after another as a person does, and reads what its page then shows: every answer is compared with the
predictor's for that very sentence. Ends with 1 where one differs, or where memory grew by more than `--growth` MiB over
the second half of the requests.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import measuring

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 900.0
"""Seconds for one page; the first request of all loads the model."""
WHO = ("Ein Mann", "Eine Frau", "Ein Kind", "Ein Hund", "Ein Mädchen", "Ein Junge", "Eine Katze", "Ein Arbeiter")
DOES = ("steht", "sitzt", "wartet", "schläft", "lacht", "spielt", "läuft", "singt", "arbeitet", "liest")
WHERE = ("am Strand", "im Park", "auf der Straße", "vor einem Haus", "neben einem Auto", "im Schnee", "auf dem Markt")
HOW = (
    "",
    " mit einem roten Ball",
    " mit einer alten Frau",
    " bei Nacht",
    " unter einem Baum",
    " in einer blauen Jacke",
)


@dataclass
class Asked:
    """One request.

    Attributes:
        session: whose.
        text: the sentence.
        shown: the answer on the page.
        answered, whole: seconds until the answer, and until the whole page with its microscope, was there.
    """

    session: int
    text: str
    shown: str = ""
    answered: float = 0.0
    whole: float = 0.0


@dataclass
class Round:
    """What the server held after every session had asked once more."""

    asked: list[Asked] = field(default_factory=list)
    memory: float = 0.0


def main() -> int:
    """Runs the sessions, prints a table; 1 where an answer is not its own or memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20, help="people at once (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=10, help="sentences each (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two of one person (%(default)s)")
    parser.add_argument("--model", default="de-en", help="one that reads German (default: %(default)s)")
    parser.add_argument(
        "--growth", type=float, default=60, help="MiB that memory may still grow (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the server's arithmetic (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write every request as JSON")
    args = parser.parse_args()
    process, port = start_server(args.threads)
    try:
        rounds = asyncio.run(drive(port, process.pid, args))
    finally:
        stop(process)
    wrong = not_their_own(rounds, args.model)
    return tell(rounds, wrong, args)


def start_server(threads: int) -> tuple[subprocess.Popen, int]:
    """The pages on a free port, once they answer."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {name: str(threads) for name in measuring.THREADS}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
            return process, port
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                process.kill()
                raise SystemExit("The pages did not start; try: streamlit run streamlit_app.py") from None
            time.sleep(0.3)


def stop(process: subprocess.Popen) -> None:
    """Ends the server."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def sentences(sessions: int, requests: int) -> list[list[str]]:
    """For each session sentences that no other has."""
    made = [f"{who} {does} {where}{how}." for who, does, where, how in itertools.product(WHO, DOES, WHERE, HOW)]
    random.Random(1).shuffle(made)
    if sessions * requests > len(made):
        raise SystemExit(f"There are {len(made):,} different sentences: ask for fewer.")
    return [made[number * requests : (number + 1) * requests] for number in range(sessions)]


async def drive(port: int, pid: int, args: argparse.Namespace) -> list[Round]:
    """Opens all sessions, then lets all of them ask, round after round."""
    people = [Session(port, number, args.model) for number in range(args.sessions)]
    await people[0].open()  # loads the model
    await asyncio.gather(*(person.open() for person in people[1:]))
    rounds = []
    for texts in zip(*sentences(args.sessions, args.requests), strict=True):
        asked = await asyncio.gather(*(person.ask(text) for person, text in zip(people, texts, strict=True)))
        rounds.append(Round(list(asked), memory_of(pid)))
        slowest = max(one.answered for one in asked)
        print(
            f"  round {len(rounds)}: {slowest:.1f} s for the last answer, {rounds[-1].memory:.0f} MiB", file=sys.stderr
        )
        await asyncio.sleep(args.pause)
    await asyncio.gather(*(person.close() for person in people))
    return rounds


class Session:
    """One person's page, over the websocket that a browser uses.

    Args:
        port: of the server.
        number: who.
        model: the model that the address asks for.
    """

    def __init__(self, port: int, number: int, model: str):
        self.port, self.number, self.model = port, number, model
        self.field = ""
        self.socket: Any = None

    async def open(self) -> None:
        """Opens the page at its sample."""
        import websockets

        address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        origin = f"http://127.0.0.1:{self.port}"
        # A server at work answers late; a browser waits, and so does this.
        patient = {"open_timeout": PATIENCE, "ping_interval": None, "max_size": None}
        self.socket = await websockets.connect(address, subprotocols=["streamlit"], origin=origin, **patient)
        await self._run("")
        if not self.field:
            raise SystemExit("The page has no field for a sentence.")

    async def ask(self, text: str) -> Asked:
        """Types a sentence and waits for the page."""
        return await self._run(text)

    async def close(self) -> None:
        """Leaves."""
        await self.socket.close()

    async def _run(self, text: str) -> Asked:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        message.rerun_script.page_name = "translation"
        message.rerun_script.query_string = f"model={self.model}"
        if text:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = self.field, text
        asked, begun = Asked(self.number, text), time.perf_counter()
        await self.socket.send(message.SerializeToString())
        while await asyncio.wait_for(self._read(asked, begun), PATIENCE):
            pass
        asked.whole = time.perf_counter() - begun
        if text and not asked.shown:
            raise SystemExit(f"The page shows no answer to {text!r}.")
        return asked

    async def _read(self, asked: Asked, begun: float) -> bool:
        """Takes one message; False where the page is finished."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = ForwardMsg()
        message.ParseFromString(await self.socket.recv())
        kind = message.WhichOneof("type")
        if kind == "delta":
            element = message.delta.new_element
            if element.WhichOneof("type") == "text_area":
                self.field = element.text_area.id
            elif element.WhichOneof("type") == "exception":
                raise SystemExit(f"The page shows an error: {element.exception.message}")
            elif element.WhichOneof("type") == "text" and not asked.shown:
                asked.shown, asked.answered = element.text.body, time.perf_counter() - begun
        return kind != "script_finished"


def memory_of(pid: int) -> float:
    """What a process holds, in MiB; 0 where the system does not say it so."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def not_their_own(rounds: list[Round], model: str) -> list[Asked]:
    """The requests whose page showed something else than the predictor answers."""
    measuring.set_threads(1)
    from apps.translation.task import TranslationTask
    from models.decoding.options import SearchOptions
    from serving import store

    translator = TranslationTask().open(store.resolve(model, "translation"))
    asked = [one for each in rounds for one in each.asked]
    search = SearchOptions(beam_size=5, length_penalty=translator.recipe.length_penalty)
    answers = translator.predict([one.text for one in asked], search)
    return [one for one, answer in zip(asked, answers, strict=True) if one.shown != answer.to_line()]


def tell(rounds: list[Round], wrong: list[Asked], args: argparse.Namespace) -> int:
    """The figures; the exit code."""
    facts, asked = measuring.machine(), [one for each in rounds for one in each.asked]
    measuring.write_report(args.report, {**facts, "requests": [vars(one) for one in asked]})
    print(f"The translation page under {args.sessions} people. {measuring.headline(facts, args.threads)}")
    print(f"{len(asked):,} requests, no two alike; {len(wrong)} pages showed another answer than their own")
    for one in wrong[:5]:
        print(f"  session {one.session}: {one.text!r} gave {one.shown!r}")
    for name in ("answered", "whole"):
        times = sorted(getattr(one, name) for one in asked)
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        print(f"{name:9s} p50 {cuts[49]:6.2f} s   p95 {cuts[94]:6.2f} s   p99 {cuts[98]:6.2f} s")
    memory = [each.memory for each in rounds]
    half, last = memory[len(memory) // 2], memory[-1]
    print(f"memory of the server: {memory[0]:.0f} MiB after a round, {half:.0f} half-way, {last:.0f} at the end")
    return 1 if wrong or last - half > args.growth else 0


if __name__ == "__main__":
    sys.exit(main())
