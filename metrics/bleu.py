"""BLEU (Papineni et al. 2002) and chrF (Popović 2015), as sacreBLEU (Post 2018) computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sacrebleu.metrics import BLEU, CHRF


@dataclass(frozen=True, kw_only=True)
class TranslationScores:
    """Scores of a corpus; each from 0 to 100, more is better.

    Attributes:
        bleu: BLEU, tokenized by 13a, case counts.
        bleu_lowercased: the same on lowercased text.
        chrf: chrF2 (characters up to order 6, no word order), case counts.
        chrf_lowercased: the same on lowercased text.
        brevity_penalty: BLEU's factor for hypotheses shorter than their references, 0 to 1.
        length_ratio: words of the hypotheses to words of the references.
        sentences: how many.
        signatures: sacreBLEU's description of each score, by the score's name.
    """

    bleu: float
    bleu_lowercased: float
    chrf: float
    chrf_lowercased: float
    brevity_penalty: float
    length_ratio: float
    sentences: int
    signatures: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class LengthBucket:
    """BLEU of the sentences whose source has a like length.

    Attributes:
        shortest, longest: the bucket's bounds in source words, both included; `longest` is None for the last.
        sentences: how many.
        bleu: BLEU of these sentences, 0 to 100; None when there is none.
    """

    shortest: int
    longest: int | None
    sentences: int
    bleu: float | None


def corpus_scores(hypotheses: Sequence[str], references: Sequence[str]) -> TranslationScores:
    """Scores a corpus with one reference a sentence.

    Args:
        hypotheses: the system's sentences, detokenized.
        references: what they should be, in the same order.

    Raises:
        ValueError: the two differ in number, or are empty.
    """
    _check(hypotheses, references)
    metrics = {
        "bleu": BLEU(),
        "bleu_lowercased": BLEU(lowercase=True),
        "chrf": CHRF(),
        "chrf_lowercased": CHRF(lowercase=True),
    }
    scores = {name: metric.corpus_score(list(hypotheses), [list(references)]) for name, metric in metrics.items()}
    return TranslationScores(
        **{name: score.score for name, score in scores.items()},
        brevity_penalty=scores["bleu"].bp,
        length_ratio=scores["bleu"].ratio,
        sentences=len(hypotheses),
        signatures={name: str(metric.get_signature()) for name, metric in metrics.items()},
    )


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = True) -> float:
    """BLEU alone, 0 to 100, for instance to choose the best checkpoint.

    Raises:
        ValueError: the two differ in number, or are empty.
    """
    _check(hypotheses, references)
    return BLEU(lowercase=lowercase).corpus_score(list(hypotheses), [list(references)]).score


def sentence_bleu(hypothesis: str, reference: str, lowercase: bool = True) -> float:
    """BLEU of one sentence, 0 to 100, as a reward for a sample.

    Orders longer than the hypothesis are left out (effective order) and orders without a match count as half of the
    last (exponential smoothing, Chen & Cherry 2014, method 3), so that a short or a bad sample still differs from a
    worse one. Its average over a corpus is not the corpus' BLEU.
    """
    return _sentence_metric(lowercase).sentence_score(hypothesis, [reference]).score


@lru_cache(maxsize=2)
def _sentence_metric(lowercase: bool) -> BLEU:
    return BLEU(lowercase=lowercase, effective_order=True)


def bleu_by_length(
    hypotheses: Sequence[str],
    references: Sequence[str],
    source_lengths: Sequence[int],
    edges: Sequence[int] = (1, 6, 11, 16, 21, 26),
    lowercase: bool = True,
) -> list[LengthBucket]:
    """BLEU for short and for long sources apart: the curve that shows what one fixed-size summary forgets.

    Args:
        hypotheses, references: as for `corpus_scores`.
        source_lengths: words of each source.
        edges: the shortest length of each bucket, rising. Shorter sources are left out.
        lowercase: as for `corpus_bleu`.

    Returns:
        One bucket an edge, in order.

    Raises:
        ValueError: the arguments differ in number, are empty, or `edges` does not rise.
    """
    _check(hypotheses, references)
    if len(source_lengths) != len(hypotheses):
        raise ValueError(f"There are {len(hypotheses):,} hypotheses and {len(source_lengths):,} source lengths.")
    if list(edges) != sorted(set(edges)):
        raise ValueError(f"edges must rise, got {list(edges)}.")
    buckets = []
    for number, shortest in enumerate(edges):
        longest = edges[number + 1] - 1 if number + 1 < len(edges) else None
        chosen = [
            row
            for row, length in enumerate(source_lengths)
            if length >= shortest and (longest is None or length <= longest)
        ]
        score = (
            corpus_bleu([hypotheses[n] for n in chosen], [references[n] for n in chosen], lowercase) if chosen else None
        )
        buckets.append(LengthBucket(shortest=shortest, longest=longest, sentences=len(chosen), bleu=score))
    return buckets


def _check(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    if len(hypotheses) != len(references):
        raise ValueError(
            f"There are {len(hypotheses):,} hypotheses and {len(references):,} references; line n of one belongs to "
            "line n of the other."
        )
    if not hypotheses:
        raise ValueError("There is nothing to score: no hypothesis.")
