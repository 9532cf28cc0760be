"""Scores a tagger on a treebank's own words: known and unknown ones, from one side and from both, and its pace."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from apps.pos_tagging.corpus import read_split
from apps.pos_tagging.predictor import VERDICTS, PartOfSpeechTagger, TaggedText
from apps.shared.errors import starting
from apps.shared.task import Report
from data.corpora.conllu import TaggedSentence
from metrics.tagging import confusions, tag_accuracy

CONFUSIONS = 8


def evaluate(tagger: PartOfSpeechTagger, options: Any) -> Report:
    """Tags the words of a split and scores them.

    Args:
        tagger: the model.
        options: a `TaggingEvaluateOptions`.
    """
    with starting():
        sentences = read_split(tagger.recipe, options.split, options)
    texts = [sentence.words for sentence in sentences]
    tagger.tag_words(texts[: tagger.batch_size])  # traced before the clock runs
    began = time.perf_counter()
    results = tagger.tag_words(texts)
    seconds = time.perf_counter() - began
    scores = {**_scores(tagger, sentences, results), "seconds": round(seconds, 2)}
    scores["sentences_per_second"] = round(len(sentences) / seconds, 1)
    scores |= {"model": tagger.name, "split": options.split, "parameters": int(tagger.model.count_params())}
    return Report(scores=scores, table=_table(scores, str(options.conllu_file or options.split)))


def _scores(
    tagger: PartOfSpeechTagger, sentences: Sequence[TaggedSentence], results: Sequence[TaggedText]
) -> dict[str, Any]:
    words = [word for sentence in sentences for word in sentence.words]
    gold = [tag for sentence in sentences for tag in sentence.tags]
    found = {name: _all(results, name) for name in VERDICTS}
    groups = {
        "all": list(range(len(words))),
        "known": [n for n, word in enumerate(words) if tagger.vocabulary.knows(word)],
        "unknown": [n for n, word in enumerate(words) if not tagger.vocabulary.knows(word)],
    }
    accuracy = {
        name: {group: _percent([tags[n] for n in at], [gold[n] for n in at]) for group, at in groups.items()}
        for name, tags in found.items()
    }
    whole = [result.tags == sentence.tags for result, sentence in zip(results, sentences, strict=True)]
    by_tag = {
        tag: {
            "words": count,
            "right": sum(1 for one, other in zip(found["joint"], gold, strict=True) if one == other == tag),
        }
        for tag, count in sorted(Counter(gold).items())
    }
    return {
        "accuracy": accuracy["joint"]["all"],
        "unknown_accuracy": accuracy["joint"]["unknown"],
        "known_accuracy": accuracy["joint"]["known"],
        "sentence_accuracy": round(100 * sum(whole) / len(whole), 2),
        "sentences": len(sentences),
        "words": len(words),
        "unknown_words": len(groups["unknown"]),
        "by_verdict": accuracy,
        "by_tag": by_tag,
        "confusions": [
            {"right": right, "found": other, "times": times}
            for right, other, times in confusions(found["joint"], gold, CONFUSIONS)
        ],
    }


def _all(results: Sequence[TaggedText], verdict: str) -> list[str]:
    name = "tags" if verdict == "joint" else f"{verdict}_tags"
    return [tag for result in results for tag in getattr(result, name)]


def _percent(found: Sequence[str], gold: Sequence[str]) -> float | None:
    return round(100 * tag_accuracy(found, gold), 2) if gold else None


def _table(scores: dict[str, Any], split: str) -> str:
    unknown = scores["unknown_words"] / scores["words"]
    lines = [
        f"{scores['model']} on {split}: {scores['sentences']:,} sentences, {scores['words']:,} words "
        f"({unknown:.1%} unknown), {scores['parameters']:,} parameters",
        "",
        f"{'UPOS accuracy':<22}{'all':>8}{'known':>8}{'unknown':>9}",
    ]
    names = {"joint": "both sides", "forward": "forward only", "backward": "backward only"}
    for verdict, name in names.items():
        row = scores["by_verdict"][verdict]
        lines.append(f"{name:<22}{_shown(row['all']):>8}{_shown(row['known']):>8}{_shown(row['unknown']):>9}")
    lines += [
        "",
        f"whole sentences right: {scores['sentence_accuracy']:.2f}",
        f"{scores['sentences_per_second']:,.0f} sentences/s ({scores['seconds']:.1f} s)",
        "",
        f"{'most frequent mistakes':<22}{'times':>8}",
    ]
    lines += [f"{one['right']:<8} as {one['found']:<11}{one['times']:>8}" for one in scores["confusions"]]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
