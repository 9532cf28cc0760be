"""Scores word vectors: analogies, and likeness against people's judgement, with what is out of vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.shared.errors import UserError, starting
from apps.shared.task import Report
from apps.word_vectors.predictor import WordExplorer
from data.corpora import word_relations
from data.corpora.word_relations import Analogy, Pair
from data.word_vectors import WordVectors
from metrics.correlation import spearman

BLOCK = 512


def evaluate(explorer: WordExplorer, options: Any) -> Report:
    """Scores vectors on analogies and on pairs of words.

    Args:
        explorer: the vectors.
        options: a `WordVectorsEvaluateOptions`.
    """
    with starting():
        sections, lists = _read(options)
    vectors = explorer.vectors
    analogies = {name: score_analogies(vectors, questions) for name, questions in sections.items()}
    similarities = {name: score_pairs(vectors, pairs) for name, pairs in lists.items()}
    scores: dict[str, Any] = {}
    if analogies:
        total = _total(list(analogies.values()))
        scores |= {"analogies": total["accuracy"], "analogies_out_of_vocabulary": total["out_of_vocabulary"]}
    scores |= {name: row["spearman"] for name, row in similarities.items()}
    scores |= {"model": explorer.name, "words": len(vectors), "width": vectors.width}
    scores |= {"analogies_by_section": analogies, "similarities": similarities}
    return Report(scores=scores, table=_table(explorer, analogies, similarities))


def _read(options: Any) -> tuple[dict[str, list[Analogy]], dict[str, list[Pair]]]:
    if options.analogies_file or options.similarities_file:
        own = options.analogies_file, options.similarities_file
        return (
            word_relations.read_analogies(own[0]) if own[0] else {},
            {own[1].stem: word_relations.read_similarities(own[1])} if own[1] else {},
        )
    if options.data_dir is None:
        raise UserError(
            "No lists to score on. Name the folder of questions-words.txt and the word-sim lists with --data-dir "
            "or in CARROUSEL_DATA, or give --analogies-file or --similarities-file."
        )
    find = word_relations.find
    return (
        word_relations.read_analogies(find(options.data_dir, word_relations.ANALOGIES)),
        {
            name: word_relations.read_similarities(find(options.data_dir, file))
            for name, file in word_relations.SIMILARITIES.items()
        },
    )


def score_analogies(vectors: WordVectors, questions: Sequence[Analogy]) -> dict[str, Any]:
    """How often the nearest word to second - first + third, these three left out, is the fourth.

    Returns:
        `accuracy` in percent of the questions whose four words are known (None where there are none), `questions`,
        `right`, `known`, and `out_of_vocabulary`: the share of the other questions, in percent.
    """
    found = [[vectors.find(word) for word in question] for question in questions]
    rows = np.array([row for row in found if None not in row], dtype=np.int64).reshape(-1, 4)
    right = 0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        first, second, third = (vectors.unit[block[:, place]] for place in range(3))
        cosines = (second - first + third) @ vectors.unit.T
        for place in range(3):
            cosines[np.arange(len(block)), block[:, place]] = -np.inf
        right += int((cosines.argmax(axis=1) == block[:, 3]).sum())
    return _row(len(questions), len(rows), right)


def _row(questions: int, known: int, right: int) -> dict[str, Any]:
    return {
        "accuracy": round(100 * right / known, 2) if known else None,
        "questions": questions,
        "known": known,
        "right": right,
        "out_of_vocabulary": round(100 * (1 - known / questions), 2),
    }


def _total(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return _row(*(sum(row[name] for row in rows) for name in ("questions", "known", "right")))


def score_pairs(vectors: WordVectors, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Rank correlation of cosines with people's scores.

    Returns:
        `spearman` times 100 over the pairs whose words are known (None where there are fewer than two), `pairs`,
        `known`, and `out_of_vocabulary`: the share of the other pairs, in percent.
    """
    rows = [(vectors.find(pair.first), vectors.find(pair.second), pair.score) for pair in pairs]
    known = [row for row in rows if row[0] is not None and row[1] is not None]
    cosines = [float(vectors.unit[first] @ vectors.unit[second]) for first, second, _ in known]
    rank = spearman(cosines, [score for _, _, score in known])
    return {
        "spearman": None if np.isnan(rank) else round(100 * rank, 2),
        "pairs": len(pairs),
        "known": len(known),
        "out_of_vocabulary": round(100 * (1 - len(known) / len(pairs)), 2),
    }


def _table(explorer: WordExplorer, analogies: Mapping[str, Any], similarities: Mapping[str, Any]) -> str:
    lines = [f"{explorer.name}: {len(explorer.vectors):,} words, {explorer.vectors.width} numbers each"]
    if analogies:
        lines += ["", f"{'analogies':<30}{'accuracy':>9}{'questions':>11}{'out of vocabulary':>19}"]
        for name, row in [*analogies.items(), ("all", _total(list(analogies.values())))]:
            lines.append(_line(name, row["accuracy"], row["questions"], row["out_of_vocabulary"]))
    if similarities:
        lines += ["", f"{'likeness':<30}{'Spearman':>9}{'pairs':>11}{'out of vocabulary':>19}"]
        for name, row in similarities.items():
            lines.append(_line(name, row["spearman"], row["pairs"], row["out_of_vocabulary"]))
    return "\n".join(lines)


def _line(name: str, score: float | None, count: int, missing: float) -> str:
    return f"{name:<30}{'–' if score is None else format(score, '.2f'):>9}{count:>11,}{missing:>18.1f}%"
