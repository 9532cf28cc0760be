"""Scores a captioner on a split, beside what it must beat: one caption for all, and other clips' features."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from apps.shared.errors import starting
from apps.shared.task import Report
from apps.video_captioning.corpus import CaptionedClips, read_split
from apps.video_captioning.predictor import ClipCaptioner
from metrics.captions import CaptionScores, caption_scores, tokens_of
from metrics.cider import CiderD
from models.decoding.options import SearchOptions

PLACES = ("subject", "relation", "object")


def evaluate(captioner: ClipCaptioner, options: Any, search: SearchOptions) -> Report:
    """Captions a split and scores it, greedy and by beam search, with two controls.

    Args:
        captioner: the model.
        options: a `VideoCaptioningEvaluateOptions`.
        search: how to search; a beam search is compared with a greedy one.
    """
    recipe = captioner.recipe
    with starting():
        recipe = replace(recipe, corpus=options.corpus_read or recipe.corpus)
        part = read_split(recipe, options.split or "test", options, lambda: captioner.extractor)
        if part.features.shape[-1] != recipe.feature_size:
            raise ValueError(
                f"The clips have {part.features.shape[-1]} features a frame; this model reads {recipe.feature_size}."
            )
    references = part.captions.captions
    searches = {"beam" if search.beam_size > 1 else search.method: search}
    if search.beam_size > 1 and search.method == "beam":
        searches = {"greedy": replace(search, beam_size=1, n_best=1), **searches}
    rows: dict[str, dict[str, Any]] = {}
    said: list[str] = []
    for name, how in searches.items():
        began = time.perf_counter()
        said = say(captioner, part.features, how)
        rows[name] = {**_scores(said, references), "seconds": round(time.perf_counter() - began, 1)}
    shuffled = np.random.default_rng(0).permutation(len(said))
    rows["shuffled features"] = _scores([said[number] for number in shuffled], references)
    constant = best_constant(references)
    rows["one caption for all"] = {**_scores([constant] * len(said), references), "caption": constant}
    if min(map(len, references)) > 1:
        rows["one human"] = _scores([one[0] for one in references], [one[1:] for one in references])
    return _report(captioner, options.split or "test", search, rows, part, said)


def say(captioner: ClipCaptioner, features: np.ndarray, search: SearchOptions) -> list[str]:
    """A caption for each of float32 (clips, frames, features)."""
    return [one.caption for one in captioner.answer(list(features), search)]


def best_constant(references: Sequence[Sequence[str]], tried: int = 5) -> str:
    """Of the captions that people gave most often, the one that scores best (CIDEr-D) for every clip alike."""
    common = [caption for caption, _ in Counter(one for item in references for one in item).most_common(tried)]
    cider = CiderD([[tokens_of(one) for one in item] for item in references])
    items = range(len(references))
    return max(common, key=lambda one: cider.scores(items, [tokens_of(one)] * len(references)).mean())


def exact(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Share of subjects, relations and objects that are right, and of whole triples, 0 to 100."""
    triples = [(one.split(" ") + [""] * 3)[:3] for one in said]
    wanted = [one[0].split(" ") for one in references]
    right = np.array([[a == b for a, b in zip(*pair, strict=True)] for pair in zip(triples, wanted, strict=True)])
    scores = {name: 100 * float(share) for name, share in zip(PLACES, right.mean(axis=0), strict=True)}
    return {**scores, "triple": 100 * float(right.all(axis=1).mean())}


def _scores(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Any]:
    scores: CaptionScores = caption_scores(said, references)
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in asdict(scores).items()}


def _report(captioner, split: str, search: SearchOptions, rows: dict, part: CaptionedClips, said: list[str]) -> Report:
    best = rows["beam" if "beam" in rows else next(iter(rows))]
    parameters = int(captioner.model.count_params())
    scores = {
        **best,
        "model": captioner.name,
        "split": split,
        "parameters": parameters,
        "search": asdict(search),
        "rows": rows,
    }
    lines = [f"{captioner.name} on {split}: {len(said):,} clips, {parameters:,} parameters", ""]
    lines.append(f"{'':<22}{'CIDEr-D':>9}{'BLEU-4':>8}{'ROUGE-L':>9}{'BLEU-1':>8}{'seconds':>9}")
    for name, row in rows.items():
        shown = f"beam {search.beam_size}" if name == "beam" else name
        lines.append(
            f"{shown:<22}{row['cider_d']:>9.1f}{row['bleu_4']:>8.1f}{row['rouge_l']:>9.1f}{row['bleu_1']:>8.1f}"
            f"{row.get('seconds', ''):>9}"
        )
    if captioner.recipe.corpus == "video_svo":
        scores["exact"] = exact(said, part.captions.captions)
        lines += ["", "exact: " + ", ".join(f"{name} {value:.1f}" for name, value in scores["exact"].items())]
    lines += ["", best["signature"]]
    return Report(scores=scores, table="\n".join(lines))
