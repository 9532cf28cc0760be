"""How fast does the translator train? Target tokens a second, against the same model in PyTorch, in one run.

    python -m benchmarks.training --recipe de-en --data-dir DATA               (under ten minutes)
    python -m benchmarks.training --steps 4 --rounds 1 --torch-python OTHER/bin/python --report training.json

Both take the same batches of the training set in turn, in float32, from the same weights: teacher forcing with label
smoothing and the bag-of-words loss, dropout with one mask over time, word dropout, clipping, AdamW. Ours runs as
`train` does (Keras' `fit`, padding made on the way). Averaging of weights is off in both; `--with-average` puts ours
in a row of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from typing import Any

from benchmarks import measuring

SETTINGS = ("dropout", "word_dropout", "label_smoothing", "bag_of_words", "weight_decay", "clip_norm")


def main() -> int:
    """Measures and prints a table."""
    args = parse_arguments()
    measuring.set_threads(args.threads)
    import warnings

    import keras

    warnings.simplefilter("ignore")
    keras.utils.set_random_seed(1)
    recipe, sizes, batches = make_batches(args)
    facts, tokens = measuring.machine(), sum(int((target > 0).sum()) for _, target in batches)
    plain = replace(recipe, average=0.0)
    model, step = our_run(plain, sizes, batches)
    runs: dict[str, Any] = {"carrousel": step}
    if args.with_average:
        runs["carrousel, averaging weights"] = our_run(recipe, sizes, batches)[1]
    torch = None
    if not measuring.TorchProcess.missing(args.torch_python):
        arrays = measuring.weights_of(model)
        for number, (inputs, target) in enumerate(batches):
            arrays |= {f"source{number}": inputs["source"], f"target_in{number}": inputs["target_in"]}
            arrays[f"target_out{number}"] = target
        torch = measuring.TorchProcess(args.torch_python, arrays, args.threads)
        facts |= {name: value for name, value in torch("about").items() if name in ("torch", "parameters")}
        settings = {name: getattr(plain, name) for name in SETTINGS}
        numbers = list(range(len(batches)))
        runs["torch nn.LSTM"] = lambda: torch("train", steps=numbers, settings=settings)
    times = measuring.in_turn(runs, args.rounds)
    if torch:
        torch.close()
    report = {**facts, "steps": len(batches), "tokens": tokens, "batch": recipe.batch_size, "times": times}
    measuring.write_report(args.report, report)
    print(table(report, args))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measuring.add_arguments(parser)
    parser.add_argument("--recipe", default="de-en", help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=16, help="batches a timing (default: %(default)s)")
    parser.add_argument("--with-average", action="store_true", help="time ours with averaged weights too")
    args = parser.parse_args()
    if args.data_dir is None:
        parser.error("give the folder of corpora with --data-dir, or name it in CARROUSEL_DATA.")
    return args


def make_batches(args) -> tuple[Any, tuple[int, int], list]:
    """The recipe, the sizes of the vocabularies, and the first batches of the first epoch."""
    from apps.translation.corpus import ParallelText, TrainingBatches, learn_subwords
    from apps.translation.recipe import RECIPES
    from data.corpora import multi30k

    recipe = RECIPES[args.recipe]
    pairs = multi30k.read_pairs(args.data_dir, "train", recipe.source, recipe.target)
    source, target = learn_subwords(pairs, recipe)
    text = ParallelText(train=pairs, dev=pairs[:1], source=source, target=target)
    epoch = TrainingBatches(text, recipe, seed=1)(0)
    return recipe, (source.size, target.size), [epoch[number] for number in range(min(args.steps, len(epoch)))]


def our_run(recipe, sizes: tuple[int, int], batches) -> tuple[Any, Any]:
    """Our model, and what trains it on all batches."""
    from apps.translation import network
    from training import fit

    model = network.build(recipe, *sizes)
    fit.compile_model(model, recipe, steps_per_epoch=454)
    given = fit.EpochBatches(batches)
    return model, lambda: model.fit(given, shuffle=False, verbose=0)


def table(report: dict, args) -> str:
    """The medians as text."""
    times = report["times"]
    lines = [
        f"Training, float32, {report['steps']} steps of {report['batch']} pairs, {report['tokens']:,} target tokens. "
        + measuring.headline(report, args.threads),
        f"{'':34s}{'tokens/s':>10s}{'tokens/CPU s':>14s}",
    ]
    for name, clocks in times.items():
        wall, cpu = (report["tokens"] / statistics.median(clocks[clock]) for clock in ("wall", "cpu"))
        lines.append(f"{name:34s}{wall:10,.0f}{cpu:14,.0f}")
    if "torch nn.LSTM" in times:
        wall, cpu = (measuring.ratio(times, "torch nn.LSTM", "carrousel", clock) for clock in ("wall", "cpu"))
        lines.append(f"against torch nn.LSTM: {wall:.2f} by the clock, {cpu:.2f} by CPU time (floor 0.8, aim 1.0)")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
