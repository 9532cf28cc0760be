"""Subject, relation and object of 447 clips: mean-pool against s2vt and nearest neighbour, by 5-fold cross-validation.

python -m benchmarks.video_svo --data-dir DIR [--epochs N] [--folds N] [--report FILE.json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.video_captioning.corpus import read_split
from apps.video_captioning.evaluation import exact, say
from apps.video_captioning.recipe import RECIPES
from apps.video_captioning.task import VideoCaptioningOptions, VideoCaptioningTask

FOLDS = 5


def nearest(train, test) -> list[str]:
    """The caption of the training clip whose mean features are nearest by cosine."""
    means = [part.features.mean(axis=1) for part in (train, test)]
    a, b = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in means)
    return [train.captions.captions[number][0] for number in (b @ a.T).argmax(axis=1)]


def run(data_dir: Path, folder: Path, fold: int, epochs: int, seed: int) -> dict[str, dict[str, float]]:
    """Exact matches of one fold, by method."""
    import keras  # after the applications, which switch oneDNN on

    found = {}
    for name, label in (("video-svo", "mean-pool"), ("video-svo-s2vt", "s2vt")):
        recipe = replace(RECIPES[name], fold=fold, epochs=epochs or RECIPES[name].epochs)
        options = VideoCaptioningOptions(output=folder / f"{name}-{fold}", data_dir=data_dir, seed=seed)
        keras.utils.set_random_seed(seed)
        task = VideoCaptioningTask()
        captioner = task.open(task.train(recipe, options))
        parts = [read_split(recipe, split, options, lambda: None) for split in ("train", "test")]  # type: ignore
        found[label] = exact(say(captioner, parts[1].features, captioner.default_search()), parts[1].captions.captions)
        found["nearest neighbour"] = exact(nearest(*parts), parts[1].captions.captions)
        print(f"fold {fold}, {label}: {found[label]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Runs all folds and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=int, default=FOLDS, help="fewer for a first look")
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folds = [
            run(arguments.data_dir, Path(folder), fold, arguments.epochs, arguments.seed)
            for fold in range(arguments.folds)
        ]
    rows = {
        method: {name: round(float(np.mean([fold[method][name] for fold in folds])), 1) for name in folds[0][method]}
        for method in folds[0]
    }
    print(f"{'':<20}" + "".join(f"{name:>10}" for name in next(iter(rows.values()))))
    for method, row in rows.items():
        print(f"{method:<20}" + "".join(f"{value:>10.1f}" for value in row.values()))
    if arguments.report:
        arguments.report.write_text(json.dumps({"mean": rows, "folds": folds}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
