"""How fast are the recurrent layers? Forward and backward pass against Keras, PyTorch and the roofline.

    python -m benchmarks.layers                          both shapes, one pinned thread and two (minutes)
    python -m benchmarks.layers --shapes 64,16,256,512 --threads 1 --rounds 5
    python -m benchmarks.layers --report layers.json

All layers of one precision are timed in one process, in turn, round after round (the order moves on with each); a
ratio is the median over the rounds of the two times of the same round, so a neighbour that slows a round slows both.
Besides the wall clock it takes the process' CPU time: on a busy machine the steadier of the two for one thread.

The roofline is the operations of all products, 3 * 2 * batch * time * (inputs + units) * 4 * units, over the best rate
that TensorFlow reaches in the recurrent product alone, the weights times (units, batch) or (batch, units) times the
weights, measured in the same rounds. PyTorch is compared where it is installed (requirements-bench.txt).
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SHAPES = ("64,16,256,512", "64,200,256,512")
BLOCK = 4  # cells in a block of the block layer
PRODUCTS = 20  # recurrent products in one timing of their rate
REFERENCE = "keras.layers.LSTM, jit"


def main() -> int:
    """Starts one process for each number of threads, and prints what they measured."""
    args = parse_arguments()
    if args.child:
        measure(args)
        return 0
    print(f"{processor()}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before", file=sys.stderr)
    results = []
    for threads in args.threads:
        for shape in args.shapes:
            results.append(run_child(args, threads, shape))
            print(table(results[-1]))
    if args.report:
        report = {"date": datetime.date.today().isoformat(), "processor": processor(), "results": results}
        args.report.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shapes", nargs="+", default=list(SHAPES), help="batch,time,inputs,units (default: %(default)s)"
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9, help="timings of each layer (default: %(default)s)")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="default: %(default)s")
    parser.add_argument("--report", type=Path, help="write the times of all rounds as JSON")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_child(args, threads: int, shape: str) -> dict:
    """Measures one shape in a process of its own: TensorFlow fixes its threads when it starts."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    settings = dict.fromkeys(names, threads)
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "benchmarks.layers", "--child", "--shapes", shape, "--threads", str(threads)]
    command += ["--rounds", str(args.rounds), "--precisions", *args.precisions]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measure(args) -> None:
    """The child: times everything at one shape and writes JSON to standard output."""
    threads, shape = args.threads[0], tuple(int(number) for number in args.shapes[0].split(","))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    import models  # noqa: F401  (sets what TensorFlow is started with, for Keras' layers and ours alike)

    precisions = {}
    for precision in args.precisions:
        runs = {**tensorflow_runs(shape, precision), **torch_runs(shape, precision, threads)}
        precisions[precision] = time_in_turn(runs, args.rounds)
    result = {
        "shape": shape,
        "threads": threads,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "load": os.getloadavg()[0],
        "times": precisions,
    }
    json.dump(result, sys.stdout)


def time_in_turn(runs: dict[str, Callable], rounds: int) -> dict:
    """Times each of `runs` once a round: {name: {"wall": [seconds], "cpu": [seconds]}}."""
    times: dict = {name: {"wall": [], "cpu": []} for name in runs}
    for run in runs.values():
        run()  # traces, compiles, warms the caches
        run()
    order = list(runs)
    for _ in range(rounds):
        for name in order:
            wall, cpu = time.perf_counter(), time.process_time()
            runs[name]()
            times[name]["wall"].append(time.perf_counter() - wall)
            times[name]["cpu"].append(time.process_time() - cpu)
        order = [*order[1:], order[0]]
    return times


def tensorflow_runs(shape, precision) -> dict[str, Callable]:
    """Keras' layer and ours, as a graph and compiled by XLA, and the recurrent product alone."""
    import keras
    import numpy as np
    import tensorflow as tf

    from models.layers.coupled_gate_lstm import CoupledGateLSTM
    from models.layers.lstm_block import LSTMBlock
    from models.layers.peephole_lstm import PeepholeLSTM

    batch, steps, inputs, units = shape
    rng = np.random.default_rng(0)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    x, above = (tf.cast(rng.normal(size=(batch, steps, width)), precision) for width in (inputs, units))

    def passes(layer, jit):
        layer.build((batch, steps, inputs))
        weights = [weight.value for weight in layer.weights]

        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = layer(x, training=True)
            return tape.gradient(outputs, [x, *weights], output_gradients=above)

        run = tf.function(both, jit_compile=jit, autograph=False)
        return lambda: run(x)[0].numpy()

    def product(transposed):
        weights = tf.cast(rng.normal(size=(4 * units, units)), precision)
        states = [tf.cast(rng.normal(size=(units, batch)), precision) for _ in range(PRODUCTS)]
        if transposed:
            weights, states = tf.transpose(weights), [tf.transpose(state) for state in states]

        def multiply():
            products = [tf.matmul(state, weights) if transposed else tf.matmul(weights, state) for state in states]
            return tf.add_n([one[:1, :1] for one in products])

        return tf.function(multiply, autograph=False)

    def layers():
        settings = {"return_sequences": True, "dtype": policy}
        yield "keras.layers.LSTM", keras.layers.LSTM(units, use_cudnn=False, **settings)
        yield "PeepholeLSTM", PeepholeLSTM(units, **settings)
        yield "LSTMBlock", LSTMBlock(units // BLOCK, BLOCK, **settings)
        yield "CoupledGateLSTM", CoupledGateLSTM(units, **settings)

    found = {"product (4H, H) (H, b)": product(False), "product (b, H) (H, 4H)": product(True)}
    for jit in (False, True) if precision == "float32" else (False,):
        found |= {name + ", jit" * jit: passes(layer, jit) for name, layer in layers()}
    return found


def torch_runs(shape, precision, threads) -> dict[str, Callable]:
    """PyTorch's layer, where PyTorch is installed."""
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed (requirements-bench.txt): compared without it", file=sys.stderr)
        return {}
    import torch

    torch.set_num_threads(threads)
    batch, steps, inputs, units = shape
    dtype = getattr(torch, precision)
    layer = torch.nn.LSTM(inputs, units, batch_first=True).to(dtype)
    x = torch.randn(batch, steps, inputs, dtype=dtype, requires_grad=True)
    above = torch.randn(batch, steps, units, dtype=dtype)

    def run():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x)[0].backward(above)

    return {"torch.nn.LSTM": run}


def operations(shape, name: str) -> float:
    """Multiplications and additions in all products, forward once and backward twice."""
    batch, steps, inputs, units = shape
    columns = {"LSTMBlock": units // BLOCK * (3 + BLOCK), "CoupledGateLSTM": 3 * units}.get(
        name.split(",")[0], 4 * units
    )
    return 6 * batch * steps * (inputs + units) * columns


def best_rates(shape, times: dict) -> list[float]:
    """The best rate of the recurrent product in each round, operations a second: the roofline."""
    batch, _, _, units = shape
    walls = [clocks["wall"] for name, clocks in times.items() if name.startswith("product")]
    return [2 * batch * units * 4 * units * PRODUCTS / min(of_round) for of_round in zip(*walls, strict=True)]


def table(result: dict) -> str:
    """The medians of one child as text."""
    batch, steps, inputs, units = shape = result["shape"]
    lines = [
        f"\n({batch}, {steps}, {inputs}) -> {units}, {result['threads']} thread(s), forward and backward, "
        f"{operations(shape, '') / 1e9:.2f} GFLOP (all but block and coupled), oneDNN {result['onednn']}, "
        f"load {result['load']:.1f}"
    ]
    for precision, times in result["times"].items():
        rate = statistics.median(best_rates(shape, times))
        lines.append(
            f"{precision}: {rate / 1e9:.0f} GFLOP/s in the recurrent product; "
            f"ratios below 1 are faster, by wall clock and CPU time"
        )
        lines.append(f"  {'':26s} {'ms':>8s} {'roofline':>9s} {'to keras jit':>16s} {'to torch':>16s}")
        lines += [row(name, times, shape) for name in times if not name.startswith("product")]
    return "\n".join(lines)


def row(name: str, times: dict, shape) -> str:
    """One layer: its time, its share of the roofline, and its ratios to the others."""
    walls = times[name]["wall"]
    rates = zip(walls, best_rates(shape, times), strict=True)
    share = statistics.median(operations(shape, name) / wall / rate for wall, rate in rates)
    cells = [f"  {name:26s} {1e3 * statistics.median(walls):8.1f} {share:9.0%}"]
    for other in (REFERENCE, "torch.nn.LSTM"):
        ratios = [
            f"{statistics.median(a / b for a, b in zip(times[name][clock], times[other][clock], strict=True)):.2f}"
            for clock in ("wall", "cpu")
            if other in times
        ]
        cells.append(f"{'  '.join(ratios):>17s}")
    return "".join(cells)


def processor() -> str:
    """The machine's kind, in a word or two: what the numbers depend on."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{platform.machine()} with {', '.join(wide) or 'no wide vectors'}"


if __name__ == "__main__":
    sys.exit(main())
