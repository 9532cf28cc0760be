"""MSVD's clips by a model of MSR-VTT: as it is, and fine-tuned by 5-fold cross-validation.

    python -m benchmarks.msvd --data-dir DIR [--model NAME] [--epochs N] [--folds N] [--report FILE.json]

The clips at hand, not the official test list: every clip is captioned once, by a model that has not seen it. A fold's
model starts from the given one (--start-from), learns from three fifths, and is chosen by another.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.captioning.text import CaptionSet
from apps.video_captioning.evaluation import best_constant
from apps.video_captioning.task import VideoCaptioningOptions, VideoCaptioningTask
from data.corpora import msvd
from metrics.captions import caption_scores
from serving import store

FOLDS = 5
SHOWN = ("cider_d", "bleu_4", "rouge_l")


def clips_at_hand(data_dir: Path) -> tuple[CaptionSet, Path]:
    """The clips that are there, with their captions, in an order that a seed decides."""
    folder = msvd.clips(data_dir)
    items = [
        one for split in msvd.SPLITS for one in msvd.read(data_dir, split) if (folder / f"{one.name}.mp4").is_file()
    ]
    order = np.random.default_rng(0).permutation(len(items))
    return CaptionSet.of([items[number] for number in order]), folder


def write_captions(path: Path, captions: CaptionSet, numbers: Sequence[int]) -> Path:
    """Some clips' captions as COCO has them."""
    images = [{"id": int(number), "file_name": captions.names[number]} for number in numbers]
    said = [{"image_id": int(number), "caption": one} for number in numbers for one in captions.captions[number]]
    path.write_text(json.dumps({"images": images, "annotations": said}), encoding="utf-8")
    return path


def fine_tuned(captioner: Any, model: Path, folder: Path, fold: int, captions: CaptionSet, epochs: int) -> Any:
    """The captioner of one fold, which is tested on the clips whose number modulo 5 it has."""
    of = np.arange(len(captions)) % FOLDS
    dev = (fold + 1) % FOLDS
    files = {
        "captions_file": write_captions(
            folder / f"train-{fold}.json", captions, np.flatnonzero((of != fold) & (of != dev))
        ),
        "dev_captions_file": write_captions(folder / f"dev-{fold}.json", captions, np.flatnonzero(of == dev)),
    }
    recipe = replace(
        captioner.recipe,
        start_from=str(model),
        corpus="files",
        epochs=epochs,
        learning_rate=3e-4,
        warmup_steps=10,
        batch_size=64,
        average=0.9,
        language_epochs=0,
        self_critical_epochs=0,
    )
    options = VideoCaptioningOptions(
        output=folder / f"model-{fold}", data_dir=None, features=folder / "features", **files
    )
    task = VideoCaptioningTask()
    return task.open(task.train(recipe, options))


def main() -> None:
    """Runs it and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="msrvtt", help="a model folder or a shipped one (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of fine-tuning (default: %(default)s)")
    parser.add_argument("--folds", type=int, default=FOLDS, help="0 leaves fine-tuning out (default: %(default)s)")
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    captions, clips = clips_at_hand(args.data_dir)
    path = store.resolve(args.model, "video_captioning")
    captioner = VideoCaptioningTask().open(path)
    said: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "features").mkdir()
        features = []
        for clip in captions.names:
            features.append(captioner.read(clips / f"{clip}.mp4")[0])
            np.save(folder / "features" / f"{clip}.npy", features[-1])
        said["as it is"] = [one.caption for one in captioner.answer(features)]
        tuned = [""] * len(captions)
        for fold in range(args.folds):
            of_fold = fine_tuned(captioner, path, folder, fold, captions, args.epochs)
            numbers = range(fold, len(captions), FOLDS)
            for number, one in zip(numbers, of_fold.answer([features[n] for n in numbers]), strict=True):
                tuned[number] = one.caption
            print(f"fold {fold} is done", file=sys.stderr, flush=True)
        if args.folds == FOLDS:
            said["fine-tuned, 5 folds"] = tuned
    references = captions.captions
    said["other clips' captions"] = [said["as it is"][n] for n in np.random.default_rng(1).permutation(len(captions))]
    said["one caption for all"] = [best_constant(references)] * len(captions)
    said["one human"] = [one[0] for one in references]
    rows = {
        name: asdict(caption_scores(answers, [one[1:] for one in references] if name == "one human" else references))
        for name, answers in said.items()
    }
    print(f"{len(captions)} clips{'':<14}" + "".join(f"{name:>10}" for name in SHOWN))
    for name, row in rows.items():
        print(f"{name:<24}" + "".join(f"{row[one]:>10.1f}" for one in SHOWN))
    if args.report:
        args.report.write_text(json.dumps({"model": args.model, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
