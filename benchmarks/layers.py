"""How fast are the recurrent layers? Forward and backward pass against Keras, PyTorch and the roofline.

    python -m benchmarks.layers                          both shapes, one pinned thread and two (minutes)
    python -m benchmarks.layers --shapes 64,16,256,512 --threads 1 --rounds 5
    python -m benchmarks.layers --report layers.json

All layers of one precision are timed in one process, in turn, round after round (the order moves on with each); a
ratio is the median over the rounds of the two times of the same round, so a neighbour that slows a round slows both.
Besides the wall clock it takes the process' CPU time: on a busy machine the steadier of the two for one thread.

The roofline is the operations of all products, 3 * 2 * batch * time * (inputs + units) * 4 * units, over the best rate
that TensorFlow reaches in the recurrent product alone, the weights times (units, batch) or (batch, units) times the
weights, measured in the same rounds. PyTorch is compared where it is installed (requirements-bench.txt); it may be in
another environment.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import measuring

SHAPES = ("64,16,256,512", "64,200,256,512")
BLOCK = 4  # cells in a block of the block layer
PRODUCTS = 20  # recurrent products in one timing of their rate
REFERENCE = "keras.layers.LSTM, jit"
CLOCKS = ("wall", "cpu")


def main() -> int:
    """Starts one process for each number of threads, and prints what they measured."""
    args = parse_arguments()
    if args.child:
        measure(args)
        return 0
    facts, results = measuring.machine(), []
    for threads in args.threads:
        for shape in args.shapes:
            results.append(run_child(args, threads, shape))
            print(measuring.headline(measuring.machine(), threads) + table(results[-1]), end="\n\n")
    measuring.write_report(args.report, {"machine": facts, "results": results})
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
    parser.add_argument("--torch-python", default=sys.executable, help="a Python that has torch (default: this one)")
    parser.add_argument("--report", type=Path, help="write the times of all rounds as JSON")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_child(args, threads: int, shape: str) -> dict:
    """Measures one shape in a process of its own: TensorFlow fixes its threads when it starts."""
    command = [sys.executable, "-m", "benchmarks.layers", "--child", "--shapes", shape, "--threads", str(threads)]
    command += ["--rounds", str(args.rounds), "--torch-python", args.torch_python, "--precisions", *args.precisions]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measure(args) -> None:
    """The child: times everything at one shape and writes JSON to standard output."""
    threads, shape = args.threads[0], tuple(int(number) for number in args.shapes[0].split(","))
    measuring.set_threads(threads)

    torch, precisions = torch_process(args, shape, threads), {}
    for precision in args.precisions:
        runs: dict[str, Callable] = tensorflow_runs(shape, precision)
        if torch:
            runs["torch.nn.LSTM"] = functools.partial(torch, "both", precision=precision)
        precisions[precision] = measuring.in_turn(runs, args.rounds)
    if torch:
        torch.close()
    result = {
        "shape": shape,
        "threads": threads,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "load": os.getloadavg()[0],
        "times": precisions,
    }
    json.dump(result, sys.stdout)


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


def torch_process(args, shape, threads: int) -> measuring.TorchProcess | None:
    """PyTorch's layer in its process, where PyTorch is installed."""
    import numpy as np

    if measuring.TorchProcess.missing(args.torch_python):
        return None
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(0)
    drawn = {"x": rng.normal(size=(batch, steps, inputs)), "above": rng.normal(size=(batch, steps, units))}
    arrays = {name: array.astype("float32") for name, array in drawn.items()}
    return measuring.TorchProcess(args.torch_python, arrays, threads, peer="pytorch_lstm.py")


def operations(shape, name: str) -> float:
    """Multiplications and additions in all products, forward once and backward twice."""
    batch, steps, inputs, units = shape
    columns = {"LSTMBlock": units // BLOCK * (3 + BLOCK), "CoupledGateLSTM": 3 * units}.get(
        name.split(",")[0], 4 * units
    )
    return 6 * batch * steps * (inputs + units) * columns


def best_rates(shape, times: dict, clock: str) -> list[float]:
    """The best rate of the recurrent product in each round, operations a second: the roofline."""
    batch, _, _, units = shape
    seconds = [clocks[clock] for name, clocks in times.items() if name.startswith("product")]
    return [2 * batch * units * 4 * units * PRODUCTS / min(of_round) for of_round in zip(*seconds, strict=True)]


def table(result: dict) -> str:
    """The medians of one child as text."""
    batch, steps, inputs, units = shape = result["shape"]
    lines = [
        f"\n({batch}, {steps}, {inputs}) -> {units}, forward and backward, {operations(shape, '') / 1e9:.2f} GFLOP "
        f"(block and coupled have fewer), oneDNN {result['onednn']}"
    ]
    for precision, times in result["times"].items():
        rates = [statistics.median(best_rates(shape, times, clock)) / 1e9 for clock in CLOCKS]
        lines.append(f"{precision}, by wall clock and by CPU time; ratios below 1 are faster")
        lines.append(f"  {'':24s}{'ms':>15s}{'of roofline':>15s}{'to Keras, jit':>15s}{'to torch':>15s}")
        lines += [row(name, times, shape) for name in times if not name.startswith("product")]
        lines.append(f"  {'recurrent product':24s}{rates[0]:9.0f} {rates[1]:5.0f}  GFLOP/s")
    return "\n".join(lines)


def row(name: str, times: dict, shape) -> str:
    """One layer: its times, its shares of the roofline, and its ratios to the others."""
    cells = [[f"{1e3 * statistics.median(times[name][clock]):.0f}" for clock in CLOCKS]]
    pairs = [zip(times[name][clock], best_rates(shape, times, clock), strict=True) for clock in CLOCKS]
    shares = [statistics.median(operations(shape, name) / took / rate for took, rate in pair) for pair in pairs]
    cells.append([f"{share:.0%}" for share in shares])
    for other in (REFERENCE, "torch.nn.LSTM"):
        known = other in times
        cells.append([f"{measuring.ratio(times, name, other, clock):.2f}" if known else "" for clock in CLOCKS])
    return f"  {name:24s}" + "".join(f"{wall:>9s} {cpu:>5s}" for wall, cpu in cells)


if __name__ == "__main__":
    sys.exit(main())
