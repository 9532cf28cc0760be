"""Scores of captions with several references, as the COCO evaluation (Chen et al. 2015) counts them.

BLEU-1 to 4 (Papineni et al. 2002) over the whole corpus, ROUGE-L (Lin 2004) with β = 1.2, and CIDEr-D; no end token is
counted. Tokens are made by `tokens_of`: lower case, punctuation out. COCO's own tokenizer is Stanford's PTB tokenizer,
which needs Java; on captions the two differ in clitics ("dog's", "it's") alone.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from metrics.cider import CiderD, DocumentFrequencies

ORDERS = 4
BETA = 1.2
SIGNATURE = "lowercase, no punctuation, no end token; corpus BLEU by closest length, ROUGE-L beta 1.2, CIDEr-D sigma 6"
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*", re.UNICODE)


@dataclass(frozen=True, kw_only=True)
class CaptionScores:
    """Scores of a corpus of captions, all times 100; more is better.

    Attributes:
        cider_d: CIDEr-D, of 1000 at most.
        bleu_1, bleu_2, bleu_3, bleu_4: BLEU with orders up to this one, 0 to 100.
        rouge_l: ROUGE-L, 0 to 100.
        captions: how many.
        references: the mean number of references a caption.
        frequencies: whose document frequencies CIDEr-D took: "these references", or "given".
        signature: how it was counted.
    """

    cider_d: float
    bleu_1: float
    bleu_2: float
    bleu_3: float
    bleu_4: float
    rouge_l: float
    captions: int
    references: float
    frequencies: str = "these references"
    signature: str = SIGNATURE


def tokens_of(caption: str) -> tuple[str, ...]:
    """A caption's words in lower case, without punctuation; apostrophes and hyphens within a word stay."""
    return tuple(_WORD.findall(caption.lower()))


def caption_scores(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], frequencies: DocumentFrequencies | None = None
) -> CaptionScores:
    """Scores captions against their references.

    Args:
        hypotheses: one caption an item.
        references: each item's references, at least one.
        frequencies: the document frequencies for CIDEr-D; None takes those of `references`.

    Raises:
        ValueError: the two differ in number, are empty, or an item has no reference.
    """
    if len(hypotheses) != len(references):
        raise ValueError(f"There are {len(hypotheses):,} captions, and references for {len(references):,} items.")
    if not hypotheses:
        raise ValueError("There is nothing to score: no caption.")
    said = [tokens_of(caption) for caption in hypotheses]
    wanted = [[tokens_of(caption) for caption in item] for item in references]
    cider = CiderD(wanted, frequencies).scores(range(len(said)), said)
    bleu = corpus_bleu_n(said, wanted)
    rouge = sum(rouge_l(one, item) for one, item in zip(said, wanted, strict=True)) / len(said)
    return CaptionScores(
        cider_d=100 * float(cider.mean()),
        bleu_1=bleu[0],
        bleu_2=bleu[1],
        bleu_3=bleu[2],
        bleu_4=bleu[3],
        rouge_l=100 * rouge,
        captions=len(said),
        references=sum(map(len, references)) / len(references),
        frequencies="given" if frequencies else "these references",
    )


def corpus_bleu_n(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """BLEU-1 to BLEU-4 of a corpus, 0 to 100.

    Each n-gram counts at most as often as in the reference that has it most. The brevity penalty compares the length of
    all hypotheses with that of all closest references; the shorter wins a tie.

    Args:
        hypotheses: tokens of one sentence an item.
        references: tokens of each item's references.
    """
    matched, possible = [0] * ORDERS, [0] * ORDERS
    length = closest = 0
    for hypothesis, item in zip(hypotheses, references, strict=True):
        length += len(hypothesis)
        closest += min((abs(len(one) - len(hypothesis)), len(one)) for one in item)[1]
        for n in range(1, ORDERS + 1):
            most: Counter = Counter()
            for one in item:
                most |= _count(one, n)
            found = _count(hypothesis, n)
            matched[n - 1] += sum((found & most).values())
            possible[n - 1] += sum(found.values())
    penalty = 1.0 if length >= closest else math.exp(1 - closest / length) if length else 0.0
    scores, product = [], 1.0
    for n in range(ORDERS):
        product *= matched[n] / possible[n] if possible[n] else 0.0
        scores.append(100 * penalty * product ** (1 / (n + 1)))
    return scores


class SentenceBleu:
    """Smoothed BLEU-4 of single captions, quick enough to be a reward of self-critical training.

    From the second order on one is added to what matched and to what there is (Lin & Och 2004), so that a caption
    without a matching 4-gram still differs from a worse one; orders longer than the caption are left out. The mean over
    a corpus is not the corpus' BLEU.

    Args:
        references: for each item its references, each a sequence of tokens.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[str]]]):
        self._lengths = [[len(one) for one in item] for item in references]
        self._most = [self._union(item) for item in references]

    @staticmethod
    def _union(item: Sequence[Sequence[str]]) -> Counter:
        """How often each n-gram is in the reference that has it most."""
        most: Counter = Counter()
        for one in item:
            for n in range(1, ORDERS + 1):
                most |= _count(one, n)
        return most

    def score(self, item: int, hypothesis: Sequence[str]) -> float:
        """BLEU-4 of one caption of an item, 0 to 1."""
        length = len(hypothesis)
        if not length:
            return 0.0
        logarithm, orders = 0.0, min(ORDERS, length)
        for n in range(1, orders + 1):
            matched = sum(min(count, self._most[item][gram]) for gram, count in _count(hypothesis, n).items())
            if not matched and n == 1:
                return 0.0
            added = int(n > 1)
            logarithm += math.log((matched + added) / (length - n + 1 + added)) / orders
        closest = min((abs(other - length), other) for other in self._lengths[item])[1]
        return math.exp(logarithm + min(0.0, 1 - closest / length))


def rouge_l(hypothesis: Sequence[str], references: Sequence[Sequence[str]], beta: float = BETA) -> float:
    """ROUGE-L of one sentence, 0 to 1, as COCO counts it.

    From the longest common subsequence with each reference come precision and recall; the best of each, which may be
    of different references, make an F-measure in which recall weighs `beta` times as much.
    """
    precision = recall = 0.0
    for one in references:
        common = _common_subsequence(hypothesis, one)
        precision = max(precision, common / max(1, len(hypothesis)))
        recall = max(recall, common / max(1, len(one)))
    if not precision or not recall:
        return 0.0
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


def _count(tokens: Sequence[str], n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, row by row of the usual table."""
    row = [0] * (len(second) + 1)
    for token in first:
        before = 0
        for place, other in enumerate(second, start=1):
            above = row[place]
            row[place] = before + 1 if token == other else max(above, row[place - 1])
            before = above
    return row[-1]
