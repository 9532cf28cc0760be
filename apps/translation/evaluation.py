"""Scores a translator on a test set: BLEU and chrF, greedy and by beam search, and BLEU by source length."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from apps.shared.charts import line_chart
from apps.shared.errors import starting
from apps.shared.task import Report
from apps.translation.corpus import read_split
from apps.translation.predictor import Translator
from metrics.bleu import LengthBucket, bleu_by_length, corpus_scores
from models.decoding.options import SearchOptions


def evaluate(translator: Translator, options: Any, search: SearchOptions) -> Report:
    """Translates a split and scores it.

    Args:
        translator: the model.
        options: a `TranslationEvaluateOptions`.
        search: how to search; a beam search is compared with a greedy one.
    """
    with starting():
        pairs = read_split(translator.recipe, options.split, options)
    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    searches = {search.method: search}
    if search.method == "beam":
        searches = {"greedy": replace(search, beam_size=1, n_best=1), **searches}
    rows, curves = {}, {}
    for name, options_of_search in searches.items():
        translator.predict(sources[: translator.batch_size], options_of_search)  # traced before the clock runs
        began = time.perf_counter()
        results = translator.predict(sources, options_of_search)
        seconds = time.perf_counter() - began
        hypotheses = [result.to_line() for result in results]
        rows[name] = {**asdict(corpus_scores(hypotheses, references)), "seconds": round(seconds, 2)}
        curves[name] = bleu_by_length(hypotheses, references, [len(source.split()) for source in sources])
    return _report(translator, options.split, search, rows, curves)


def _report(translator, split: str, search: SearchOptions, rows: dict, curves: dict) -> Report:
    best = rows[search.method]
    parameters = int(translator.model.count_params())
    scores = {
        **{name: _rounded(value) for name, value in best.items()},
        "model": translator.name,
        "split": split,
        "parameters": parameters,
        "search": asdict(search),
        "searches": {name: {key: _rounded(value) for key, value in row.items()} for name, row in rows.items()},
        "by_source_length": {name: [asdict(bucket) for bucket in curve] for name, curve in curves.items()},
    }
    title = f"{translator.name} on {split}: {best['sentences']:,} sentences, {parameters:,} parameters"
    table = "\n".join([title, "", *_score_table(rows, search), "", *_length_table(curves), "", *_signatures(best)])
    return Report(scores=scores, table=table, plot=_plot(translator.name, split, curves))


def _score_table(rows: dict[str, dict], search: SearchOptions) -> list[str]:
    lines = [f"{'search':<14}{'BLEU':>8}{'BLEU lc':>9}{'chrF':>8}{'chrF lc':>9}{'length':>8}{'seconds':>9}"]
    for name, row in rows.items():
        shown = f"beam {search.beam_size}" if name == "beam" else name
        lines.append(
            f"{shown:<14}{row['bleu']:>8.1f}{row['bleu_lowercased']:>9.1f}{row['chrf']:>8.1f}"
            f"{row['chrf_lowercased']:>9.1f}{row['length_ratio']:>8.2f}{row['seconds']:>9.1f}"
        )
    return lines


def _length_table(curves: dict[str, Sequence[LengthBucket]]) -> list[str]:
    first = next(iter(curves.values()))
    lines = [f"{'source words':<14}{'sentences':>10}" + "".join(f"{name + ' BLEU lc':>16}" for name in curves)]
    for number, bucket in enumerate(first):
        values = [curve[number].bleu for curve in curves.values()]
        shown = "".join(f"{'–' if value is None else format(value, '.1f'):>16}" for value in values)
        lines.append(f"{_span(bucket):<14}{bucket.sentences:>10,}{shown}")
    return lines


def _span(bucket: LengthBucket) -> str:
    return f"{bucket.shortest} and more" if bucket.longest is None else f"{bucket.shortest} to {bucket.longest}"


def _signatures(row: dict) -> list[str]:
    return [f"{name}: {signature}" for name, signature in row["signatures"].items()]


def _plot(name: str, split: str, curves: dict[str, Sequence[LengthBucket]]) -> str:
    labels = [_span(bucket) for bucket in next(iter(curves.values()))]
    return line_chart(
        title=f"What one summary holds: {name} on {split}",
        across="words of the source sentence",
        up="BLEU, lowercased",
        labels=labels,
        series={name: [bucket.bleu for bucket in curve] for name, curve in curves.items()},
    )


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value
