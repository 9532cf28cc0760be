"""Scores a captioner on photos: CIDEr-D, BLEU-1 to 4 and ROUGE-L, beside one caption for all and one human."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from apps.image_captioning.corpus import CaptionedPhotos
from apps.image_captioning.predictor import PhotoCaptioner
from apps.shared.progress import Progress
from apps.shared.task import Report
from metrics.captions import caption_scores
from models.decoding.options import SearchOptions


def evaluate(captioner: PhotoCaptioner, part: CaptionedPhotos, split: str, search: SearchOptions) -> Report:
    """Captions a split and scores it, greedy and by beam search.

    Args:
        captioner: the model.
        part: photos and their captions.
        split: its name, for the report.
        search: how to search; a beam search is compared with a greedy one.

    Raises:
        PhotoRefused, FileNotFoundError: a photo cannot be used; the message names it.
    """
    references = part.captions.captions
    searches = {search.method: search}
    if search.method == "beam":
        searches = {"greedy": replace(search, beam_size=1, n_best=1), **searches}
    began = time.perf_counter()
    features = encode(captioner, part)
    encoding = time.perf_counter() - began
    rows: dict[str, dict[str, Any]] = {}
    for name, how in searches.items():
        captioner.say(features[:1], how)  # traced before the clock runs
        began = time.perf_counter()
        said = [one.caption for one in captioner.say(features, how)]
        seconds = time.perf_counter() - began
        rows[name] = {**_scores(said, references), "decoding_seconds": round(seconds, 1)}
    shuffled = np.random.default_rng(0).permutation(len(said))
    rows["other photos' captions"] = _scores([said[number] for number in shuffled], references)
    constant = best_constant(references)
    rows["one caption for all"] = {**_scores([constant] * len(said), references), "caption": constant}
    if min(map(len, references)) > 1:
        rows["one human"] = _scores([one[0] for one in references], [one[1:] for one in references])
    return _report(captioner, split, search, rows, encoding)


def encode(captioner: PhotoCaptioner, part: CaptionedPhotos) -> np.ndarray:
    """The features of a split's photos, float32 (photos, regions, features), in its order."""
    names, found = part.captions.names, []
    with Progress("photos") as progress:
        for some in _groups(names, 64):
            photos = (captioner.read(part.files.open(name))[0] for name in some)
            found.append(captioner.features([photo for photo in photos if photo is not None]))
            progress.at(sum(map(len, found)))
    return np.concatenate(found)


def best_constant(references: Sequence[Sequence[str]], tried: int = 5) -> str:
    """Of the captions that people gave most often, the one that scores best (CIDEr-D) for every photo alike."""
    common = [caption for caption, _ in Counter(one for item in references for one in item).most_common(tried)]
    return max(common, key=lambda one: caption_scores([one] * len(references), references).cider_d)


def _groups(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def _scores(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Any]:
    scores = asdict(caption_scores(said, references))
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in scores.items()}


def _report(captioner, split: str, search: SearchOptions, rows: dict[str, dict[str, Any]], encoding: float) -> Report:
    best = rows[search.method]
    count, parameters = best["captions"], int(captioner.model.count_params())
    scores = {
        **best,
        "model": captioner.name,
        "split": split,
        "parameters": parameters,
        "search": asdict(search),
        "encoding_seconds": round(encoding, 1),
        "rows": rows,
    }
    lines = [f"{captioner.name} on {split}: {count:,} photos, {parameters:,} parameters", ""]
    lines.append(
        f"{'':<24}{'CIDEr-D':>9}{'BLEU-4':>8}{'BLEU-3':>8}{'BLEU-2':>8}{'BLEU-1':>8}{'ROUGE-L':>9}{'decoding s':>12}"
    )
    for name, row in rows.items():
        shown = f"beam {search.beam_size}" if name == "beam" else name
        lines.append(
            f"{shown:<24}{row['cider_d']:>9.1f}{row['bleu_4']:>8.1f}{row['bleu_3']:>8.1f}{row['bleu_2']:>8.1f}"
            f"{row['bleu_1']:>8.1f}{row['rouge_l']:>9.1f}{row.get('decoding_seconds', ''):>12}"
        )
    lines += ["", f"Opening and encoding the photos took {encoding:.0f} s.", best["signature"]]
    return Report(scores=scores, table="\n".join(lines))
