"""What decides about a text's label: pooling, layers, cells and embeddings compared on SST-2 at one small budget.

    python -m benchmarks.sentiment --data-dir DIR

Every row is the base with one thing changed, trained on the 6,920 whole sentences for so many epochs, by so many seeds.
The scores are accuracies on the test set, after the epoch that was best on the dev set.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

BASE = {"pooling": "max", "layers": 1, "cell": "lstm", "embeddings": "learned"}


def main() -> int:
    """Trains all rows and prints the table."""
    args = parse_arguments()
    rows = {}
    for name, changed in variants(args.data_dir).items():
        if args.only not in name:
            continue
        runs = [run(changed, seed, args) for seed in range(1, args.seeds + 1)]
        rows[name] = {"test": [one["test"] for one in runs], "dev": [one["dev"] for one in runs], **runs[0]["size"]}
        print(line(name, rows[name]), file=sys.stderr, flush=True)
    print(table(rows, args))
    if args.report:
        args.report.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


def parse_arguments() -> argparse.Namespace:
    """The flags."""
    folder = os.environ.get("CARROUSEL_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=folder, required=folder is None, help="the corpora")
    parser.add_argument("--epochs", type=int, default=6, help="of each training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each row (default: %(default)s)")
    parser.add_argument("--units", type=int, default=48, help="of each direction (default: %(default)s)")
    parser.add_argument("--only", default="", help="only rows with this in their name")
    parser.add_argument("--report", type=Path, help="write every score as JSON")
    return parser.parse_args()


def variants(data_dir: Path) -> dict[str, dict]:
    """The rows: what differs from the base."""
    glove = Path(data_dir) / "glove" / "glove.6B.50d.first10000.txt.gz"
    rows: dict[str, dict] = {"base: max, 1 layer, LSTM, learned": {}}
    rows |= {f"pooling {name}": {"pooling": name} for name in ("mean", "last")}
    rows |= {"one direction, pooling last": {"pooling": "last", "bidirectional": False}}
    rows |= {f"{count} layers": {"layers": count} for count in (2, 3)}
    rows |= {f"cell {name}": {"cell": name} for name in ("rnn", "gru")}
    rows |= {f"embeddings {name}": {"embeddings": name} for name in ("one-hot", "word2vec")}
    if glove.is_file():
        rows["embeddings glove (10,000 words)"] = {"embeddings": f"glove:{glove}"}
    return rows


def run(changed: dict, seed: int, args: argparse.Namespace) -> dict:
    """One training and its scores."""
    import keras

    from apps.sentiment.recipe import SentimentRecipe
    from apps.sentiment.task import SentimentEvaluateOptions, SentimentOptions, SentimentTask

    recipe = SentimentRecipe(
        corpus="sst-2", phrases=False, vocabulary=6000, rarest=2, embedding_size=50, units=args.units, window=60,
        epochs=args.epochs, batch_size=32, learning_rate=3e-3, warmup_steps=50, dropout=0.4, label_smoothing=0.0,
        average=0.98, patience=0, **{**BASE, **changed},
    )  # fmt: skip
    keras.utils.set_random_seed(seed)
    task = SentimentTask()
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        options = SentimentOptions(output=Path(folder) / "model", data_dir=args.data_dir, seed=seed)
        critic = task.open(task.train(recipe, options))
        seconds = time.process_time() - began
        scores = {
            split: task.evaluate(
                critic, SentimentEvaluateOptions(model="", split=split, data_dir=args.data_dir), None
            ).scores
            for split in ("dev", "test")
        }
    size = {"parameters": scores["test"]["parameters"], "cpu_seconds": round(seconds)}
    return {"dev": scores["dev"]["accuracy"], "test": scores["test"]["accuracy"], "size": size}


def line(name: str, row: dict) -> str:
    """A row of the table."""
    mean, spread = statistics.mean(row["test"]), statistics.stdev(row["test"]) if len(row["test"]) > 1 else 0.0
    return (
        f"| {name} | {mean:.1f} ± {spread:.1f} | {statistics.mean(row['dev']):.1f} | {row['parameters']:,} | "
        f"{row['cpu_seconds']} |"
    )


def table(rows: dict, args: argparse.Namespace) -> str:
    """The table in Markdown."""
    head = f"SST-2, whole sentences, {args.units} units a direction, {args.epochs} epochs, {args.seeds} seeds"
    lines = [
        head,
        "",
        "| changed | test accuracy | dev | parameters | CPU seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *(line(name, row) for name, row in rows.items())])


if __name__ == "__main__":
    sys.exit(main())
