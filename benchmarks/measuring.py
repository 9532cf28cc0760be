"""What the speed benchmarks share: timing in turn, the PyTorch process, the report."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that all of them have."""
    folder = os.environ.get("CARROUSEL_DATA")
    parser.add_argument("--data-dir", type=Path, default=folder, help="the corpora; default: CARROUSEL_DATA")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each row (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="for all, ours and theirs (default: %(default)s)")
    parser.add_argument("--torch-python", default=sys.executable, help="a Python that has torch (default: this one)")
    parser.add_argument("--report", type=Path, help="write every timing as JSON")


def set_threads(threads: int) -> None:
    """Must be called before TensorFlow is imported."""
    import models  # noqa: F401  (switches oneDNN on, as every command does; without it our products are half as fast)

    for name in THREADS:
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(CORES)[-threads:])


def unpin() -> None:
    """Takes back the pinning of `set_threads`: processes that are started from here on would share those cores."""
    if CORES:
        os.sched_setaffinity(0, CORES)


def in_turn(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Times each of `runs` once a round, the order moving on with each, so that a slow round is slow for all.

    Args:
        runs: by name; one that works in another process gives {"wall": seconds, "cpu": seconds} itself.
        rounds: timings of each, after one that is not counted.

    Returns:
        {name: {"wall": [seconds], "cpu": [seconds]}}
    """
    times: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in runs}
    order = list(runs)
    for number in range(-1, rounds):
        for name in order:
            wall, cpu = time.perf_counter(), time.process_time()
            own = runs[name]()
            took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            if isinstance(own, dict) and "wall" in own:
                took = own
            print(f"  {name}: {took['wall']:.2f} s, {took['cpu']:.2f} s of CPU", file=sys.stderr)
            if number >= 0:
                for clock in ("wall", "cpu"):
                    times[name][clock].append(took[clock])
        order = [*order[1:], order[0]]
    return times


def ratio(times: dict, slow: str, fast: str, clock: str = "wall", scale: float = 1.0) -> float:
    """How many times faster `fast` is: the median over the rounds of the two times of the same round."""
    pairs = zip(times[slow][clock], times[fast][clock], strict=True)
    return statistics.median(scale * a / b for a, b in pairs)


class TorchProcess:
    """PyTorch at work in a process of its own; see `benchmarks.peers.pytorch`.

    Args:
        python: the interpreter.
        arrays: weights (their names begin with "w:") and data for it.
        threads: for its arithmetic.
        peer: which script in `benchmarks/peers`.
    """

    def __init__(self, python: str, arrays: dict, threads: int, peer: str = "pytorch.py"):
        import numpy as np

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "arrays.npz"
        np.savez(path, **arrays)
        script = Path(__file__).parent / "peers" / peer
        self.process = subprocess.Popen(
            [python, str(script), str(path), str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @staticmethod
    def missing(python: str) -> bool:
        """Whether that interpreter has no torch; says so."""
        try:
            found = subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode == 0
        except OSError:
            found = False
        if not found:
            print(
                "PyTorch is not installed, so nothing is compared with it: "
                "pip install -r requirements-bench.txt, or give --torch-python",
                file=sys.stderr,
            )
        return not found

    def __call__(self, do: str, **arguments: Any) -> dict:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the PyTorch process ended; its error stands above")
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def weights_of(model) -> dict:
    """The weights of a translator as the PyTorch peer names them.

    Raises:
        SystemExit: it is built otherwise than the peer.
    """
    import numpy as np

    encoder, decoder = model.encoder, model.decoder
    fits = (
        encoder.summary == "pooled"
        and not encoder.reverse
        and decoder.context_layer is not None
        and decoder.tie_embeddings
        and len(decoder.cells) == 1
        and all(len(cells) == 2 and type(cells[0]).__name__ == "LSTMCell" for cells in encoder.stack.cells)
    )
    if not fits:
        raise SystemExit("The PyTorch peer has the shipped models' form: LSTM, bidirectional, pooled, every-step.")
    found = {"source": encoder.embedding.embeddings, "target": decoder.embedding.embeddings}
    cells = {"decoder": decoder.cells[0].cell}
    for level, (forward, backward) in enumerate(encoder.stack.cells):
        cells |= {f"encoder.{level}.forward": forward.cell, f"encoder.{level}.backward": backward.cell}
    for name, cell in cells.items():
        found |= {f"{name}.kernel": cell.kernel, f"{name}.recurrent": cell.recurrent_kernel, f"{name}.bias": cell.bias}
    start_h, start_c = decoder.start_layers[0]
    layers = {"start_h": start_h, "start_c": start_c, "context": decoder.context_layer, "readout": decoder.readout}
    for name, layer in layers.items():
        found |= {f"{name}.kernel": layer.kernel, f"{name}.bias": layer.bias}
    found |= {"context_to_readout.kernel": decoder.context_to_readout.kernel, "output_bias": decoder.output_bias}
    found["context_to_gates"] = decoder.context_to_gates.kernel
    if model.bag_layer is not None:
        found |= {"bag.kernel": model.bag_layer.kernel, "bag.bias": model.bag_layer.bias}
    return {f"w:{name}": np.asarray(value) for name, value in found.items()}


def watched(command: list[str], **arguments: Any) -> dict[str, Any]:
    """Runs a command and says what it took.

    Args:
        command: program and arguments.
        arguments: of `subprocess.Popen`.

    Returns:
        `rc`, `out` and `err` (text), `seconds` by the clock, and `peak`: the most memory that it held, in bytes, or
        what this process held when it started it, where that is more.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, **arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begun
        for file in (out, err):
            file.seek(0)
        texts = {"out": out.read(), "err": err.read()}
    unit = 1 if sys.platform == "darwin" else 1024
    return {"rc": process.returncode, **texts, "seconds": seconds, "peak": usage.ru_maxrss * unit}


def machine() -> dict:
    """What the numbers depend on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{platform.machine()} with {', '.join(wide) or 'no wide vectors'}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def headline(facts: dict, threads: int) -> str:
    """The machine in one line."""
    busy = " (busy: ratios by CPU time are the steadier)" if facts["load"] > facts["cores"] / 2 else ""
    return f"{facts['date']}, {facts['processor']}, {threads} thread(s), load {facts['load']}{busy}"


def write_report(path: Path | None, report: dict) -> None:
    """Writes the timings as JSON, where it was asked for."""
    if path:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
