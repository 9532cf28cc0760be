"""How long does one translation take from a cold start, beyond TensorFlow's own import?

    python -m benchmarks.cold_start --model de-en

Starts `python -c "import tensorflow"` and `python -m apps.translation predict --text …` in turn, each a process of its
own; the difference is what tokenizer, model, tracing and search cost. `--help` is timed beside them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import measuring


def main() -> int:
    """Measures and prints a table; 1 where the difference is above two seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="de-en", help="a model folder or a shipped one (default: %(default)s)")
    parser.add_argument("--text", default="Ein Hund rennt am Strand.", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="starts of each (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write every timing as JSON")
    args = parser.parse_args()
    module = [sys.executable, "-m", "apps.translation"]
    commands = {
        "import tensorflow": [sys.executable, "-c", "import tensorflow"],
        "predict --text": [*module, "predict", "--model", args.model, "--text", args.text],
        "predict --text, beam 1": [*module, "predict", "--model", args.model, "--text", args.text, "--beam-size", "1"],
        "--help": [*module, "predict", "--help"],
    }
    times = measuring.in_turn({name: lambda c=command: started(c) for name, command in commands.items()}, args.rounds)
    facts = measuring.machine()
    measuring.write_report(args.report, {**facts, "times": times})
    print(f"Cold start. {measuring.headline(facts, facts['cores'])}")
    for name, clocks in times.items():
        wall, cpu = (statistics.median(clocks[clock]) for clock in ("wall", "cpu"))
        print(f"{name:26s}{wall:8.2f} s{cpu:8.2f} s of CPU")
    beyond = {
        clock: statistics.median(
            mine - theirs
            for mine, theirs in zip(times["predict --text"][clock], times["import tensorflow"][clock], strict=True)
        )
        for clock in ("wall", "cpu")
    }
    print(f"beyond TensorFlow's import: {beyond['wall']:.2f} s, {beyond['cpu']:.2f} s of CPU (at most 2)")
    return 0 if beyond["wall"] <= 2 else 1


def started(command: list[str]) -> dict[str, float]:
    """Runs a command; the seconds by the clock and of the CPU, its own and its children's.

    Raises:
        SystemExit: it failed.
    """
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall, after = time.perf_counter() - begun, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": wall, "cpu": used}


if __name__ == "__main__":
    sys.exit(main())
