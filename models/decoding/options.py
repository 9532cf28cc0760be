"""How to search: what a user can set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

MOST = 10_000
"""Hypotheses and tokens: memory grows with their product."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Settings of one search.

    With `temperature` at 0 the search is a beam search (greedy where `beam_size` is 1); above 0 it draws `beam_size`
    samples.
    """

    beam_size: int = 5
    """Hypotheses kept at every step; 1 is greedy."""
    length_penalty: float = 1.0
    """Hypotheses are ranked by score / length ** length_penalty; 0 ranks by the plain sum of log-probabilities."""
    max_length: int = 80
    """Most tokens of an answer, </s> included."""
    n_best: int = 1
    """Answers returned an input, at most beam_size."""
    temperature: float = 0.0
    """0 searches; above 0 samples from the distribution with this temperature."""
    top_k: int = 0
    """Sampling: only the k likeliest tokens; 0 for all."""
    top_p: float = 1.0
    """Sampling: only the likeliest tokens that hold this share of the probability (Holtzman et al. 2020)."""
    seed: int = 0
    """Sampling: the same seed gives the same answers."""
    prefix: str = ""
    """Text that every answer must begin with."""

    def __post_init__(self):
        rules = {
            "beam_size": (1 <= self.beam_size <= MOST, f"between 1 and {MOST:,}"),
            "length_penalty": (0 <= self.length_penalty < math.inf, "at least 0"),
            "max_length": (1 <= self.max_length <= MOST, f"between 1 and {MOST:,}"),
            "n_best": (1 <= self.n_best <= self.beam_size, f"between 1 and beam_size ({self.beam_size})"),
            "temperature": (0 <= self.temperature < math.inf, "at least 0"),
            "top_k": (0 <= self.top_k < 2**31, "at least 0"),
            "seed": (0 <= self.seed < 2**63, "at least 0"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} must be {rule}, got {getattr(self, name)!r}.")

    @property
    def method(self) -> str:
        """ "beam", "greedy" or "sampling"."""
        if self.temperature:
            return "sampling"
        return "greedy" if self.beam_size == 1 else "beam"


@dataclass(frozen=True, kw_only=True)
class GraphSearchOptions:
    """Settings of a beam search in the graph that are known only when it runs, as in a SavedModel.

    Takes the place of `SearchOptions` in `models.decoding.graph`. Whoever feeds the tensors sees to their range.
    """

    beam_size: Any
    """int32 scalar, at least 1."""
    length_penalty: Any
    """float32 scalar, at least 0."""
    max_length: int
    """See `SearchOptions`."""
    method: ClassVar[str] = "beam"
    temperature: ClassVar[float] = 0.0
    top_k: ClassVar[int] = 0
    top_p: ClassVar[float] = 1.0
