"""Every cell on a real task, tagging, at equal parameters and equal budget.

    python -m benchmarks.cells --data-dir DIR

The tagger is the shipped one's recipe with learned embeddings; of every cell the two recurrent parts, over words and
over characters, are as wide as it takes to have as many weights as the LSTM's. Word and character tables are the same
in all rows. The scores are accuracies on the test set, after the epoch that was best on the dev set. Finished
trainings are kept in the report and skipped when the command is given again.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

CELLS = ("lstm", "rnn", "peephole", "block", "coupled", "gru")


def recipe_of(cell: str, units: int, epochs: int) -> Any:
    """The tagger's recipe with a cell; the characters' part is a third as wide as the words'."""
    from apps.pos_tagging.recipe import TaggingRecipe

    return TaggingRecipe(
        cell=cell, units=units, character_units=2 * (units // 6), epochs=epochs, embeddings="learned", patience=0
    )


def recurrent_weights(recipe: Any) -> int:
    """How many weights the recurrent parts of a recipe's tagger have."""
    from models.layers.build import build_cell

    def count(units: int, inputs: int) -> int:
        one = build_cell(recipe.cell, units)
        one.build((None, inputs))
        return int(one.count_params())

    words = count(recipe.units, recipe.embedding_size + 2 * recipe.character_units)
    return 2 * words + 2 * count(recipe.character_units, recipe.character_size)


def as_large_as(cell: str, target: int, epochs: int) -> Any:
    """The recipe with a cell whose recurrent parts come nearest to so many weights."""
    widths = range(12, 1200, 4)
    above = bisect.bisect_left(widths, target, key=lambda units: recurrent_weights(recipe_of(cell, units, epochs)))
    near = (recipe_of(cell, widths[at], epochs) for at in (max(0, above - 1), above))
    return min(near, key=lambda recipe: abs(recurrent_weights(recipe) - target))


def run(recipe: Any, seed: int, data_dir: Path, treebank: str) -> dict[str, Any]:
    """One training and its scores."""
    import keras

    from apps.pos_tagging.task import TaggingEvaluateOptions, TaggingOptions, TaggingTask

    keras.utils.set_random_seed(seed)
    task, recipe = TaggingTask(), replace(recipe, treebank=treebank)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        model = task.train(recipe, TaggingOptions(output=Path(folder) / "model", data_dir=data_dir, seed=seed))
        seconds = time.process_time() - began
        tagger = task.open(model)
        scores = task.evaluate(tagger, TaggingEvaluateOptions(model="", split="test", data_dir=data_dir), None).scores
        dev = json.loads((model / "metrics.json").read_text(encoding="utf-8"))["dev"]
    return {
        "accuracy": scores["accuracy"],
        "unknown_accuracy": scores["unknown_accuracy"],
        "dev": dev["score"],
        "cpu_seconds": round(seconds),
        "units": recipe.units,
        "recurrent_weights": recurrent_weights(recipe),
    }


def table(report: dict[str, dict]) -> str:
    """The table in Markdown: a row for each cell, mean and standard deviation over the seeds there are."""
    lines = [
        "| cell | units a direction | recurrent weights | test accuracy | unknown words | dev | CPU seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cell in dict.fromkeys(name.split("/")[0] for name in report):
        runs = [one for name, one in report.items() if name.split("/")[0] == cell]
        mean = {key: statistics.mean(one[key] for one in runs) for key in runs[0]}
        spread = f" ± {statistics.stdev(one['accuracy'] for one in runs):.2f}" if len(runs) > 1 else ""
        lines.append(
            f"| {cell} | {runs[0]['units']} | {runs[0]['recurrent_weights']:,} | {mean['accuracy']:.2f}{spread} | "
            f"{mean['unknown_accuracy']:.1f} | {mean['dev']:.2f} | {mean['cpu_seconds']:.0f} |"
        )
    return "\n".join(lines)


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The flags."""
    folder = os.environ.get("CARROUSEL_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=folder, required=folder is None, help="the corpora")
    parser.add_argument("--treebank", default="UD_English-EWT", help="its folder there (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of each training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each cell (default: %(default)s)")
    parser.add_argument("--units", type=int, default=200, help="of the LSTM (default: %(default)s)")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--report", type=Path, default=Path("runs/cells.json"), help="default: %(default)s")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Trains what is not in the report yet and prints the table.

    Returns:
        0 when all is done, 2 when the report holds trainings of other settings.
    """
    args = parse_arguments(given)
    settings = {"epochs": args.epochs, "units": args.units, "treebank": args.treebank}
    kept = json.loads(args.report.read_text(encoding="utf-8")) if args.report.exists() else {"settings": settings}
    if kept["settings"] != settings:
        print(f"{args.report} holds trainings of other settings; name another file with --report.", file=sys.stderr)
        return 2
    runs = kept.setdefault("runs", {})
    target = recurrent_weights(recipe_of("lstm", args.units, args.epochs))
    for seed in range(1, args.seeds + 1):
        for cell in args.cells:
            if f"{cell}/{seed}" in runs:
                continue
            runs[f"{cell}/{seed}"] = run(as_large_as(cell, target, args.epochs), seed, args.data_dir, args.treebank)
            args.report.parent.mkdir(parents=True, exist_ok=True)
            args.report.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            print(table(runs).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
