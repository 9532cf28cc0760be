"""The DecodingTrace: one search for one input, step by step, as a document.

It is a dictionary ready for JSON. `models` writes ids, the predictor adds `task`, `model`, `source` and every `text`.

```
format       "carrousel.trace"
version      1
settings     the SearchOptions and "method": "greedy", "beam" or "sampling"; "prefix_ids": the tokens forced
source       the predictor's: {"text", "tokens": [{"id", "text"}], "words": [{"text", "tokens": [indices]}]}
steps        one a decoding step:
  position   0, 1, …
  forced     whether the token was prescribed
  expanded   one for each growing hypothesis, best first:
    beam       its node (0 is the empty hypothesis)
    entropy    of its next token, nats
    candidates the likeliest tokens [{"id", "text", "log_prob"}], likeliest first
    rest       {"count", "probability"} of all others together
  beams      what was kept, best first:
    node, parent      a node is one token of one hypothesis; parent is the node before it
    id, text          the token
    log_prob          its own, given its parent
    rank_in_parent    1 when it was the parent's likeliest token
    score, normalized sum of log-probabilities; score / length ** length_penalty
    length            tokens, </s> included
    finished          it has ended
    frozen            it had ended before this step, and is repeated here with its old node
  fallen     the best of what was not kept: as in beams, without node, and "why"
hypotheses   the answers, best first:
  ids, tokens, text   what was said, </s> included in ids and tokens
  score, normalized
  ended      "</s>" or "max_length"
  path       the node of each token
```
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from models.decoding.options import SearchOptions

FORMAT, VERSION = "carrousel.trace", 1


class TraceWriter:
    """Writes down a search as it happens.

    Args:
        options: the search's.
        ids: the special ids.
        prefix_ids: the tokens forced.
        shown: candidates written for each hypothesis.
        fallen: candidates that were not kept, written for each step.
    """

    def __init__(self, options: SearchOptions, ids: dict, prefix_ids=(), shown: int = 20, fallen: int = 5):
        self.options, self.ids, self.shown, self.fallen = options, ids, shown, fallen
        self.prefix_ids = [int(token_id) for token_id in prefix_ids]
        self.steps: list[dict[str, Any]] = []
        self.nodes: list[int] = [0] * options.beam_size  # the node of each place's hypothesis
        self.paths: list[list[int]] = [[] for _ in range(options.beam_size)]
        self.count = 0

    def step(self, position: int, log_probs, before: dict, after: dict, candidates: dict, parents, chosen) -> None:
        """Writes one step.

        Args:
            position: its number.
            log_probs: float32 (k, vocabulary), of the hypotheses before the step.
            before, after: the hypotheses around the step, NumPy, of one sentence: (k,) each, see `parts`.
            candidates: (k, width) each, see `parts.propose`.
            parents, chosen: int (k,).
        """
        growing = [k for k in range(len(parents)) if np.isfinite(before["scores"][k]) and not before["finished"][k]]
        expanded = [self._expanded(self.nodes[k], log_probs[k]) for k in growing]
        if position == 0 and self.options.method == "sampling":
            expanded = expanded[:1]  # all hypotheses are empty still, and alike
        kept, nodes, paths = [], list(self.nodes), [list(path) for path in self.paths]
        for place, parent in enumerate(parents):
            if np.isfinite(after["scores"][place]):
                kept.append(self._kept(place, int(parent), log_probs, before, after, nodes, paths))
        fallen = self._fallen(log_probs, before, candidates, set(chosen.tolist()), kept)
        self.nodes, self.paths = nodes, paths
        forced = position < len(self.prefix_ids)
        self.steps.append(
            {"position": position, "forced": forced, "expanded": expanded, "beams": kept, "fallen": fallen}
        )

    def _expanded(self, node: int, log_probs) -> dict[str, Any]:
        best = _likeliest(log_probs, self.shown)
        probabilities = np.exp(log_probs.astype(np.float64))
        rest = max(0.0, 1.0 - float(probabilities[best].sum()))
        entropy = -float((probabilities * np.where(probabilities > 0, log_probs, 0)).sum())
        return {
            "beam": node,
            "entropy": round(entropy, 4),
            "candidates": [{"id": int(token), "log_prob": round(float(log_probs[token]), 5)} for token in best],
            "rest": {"count": int(len(log_probs) - len(best)), "probability": round(rest, 6)},
        }

    def _kept(self, place: int, parent: int, log_probs, before, after, nodes, paths) -> dict[str, Any]:
        frozen = bool(before["finished"][parent])
        if frozen:
            node, path = self.nodes[parent], self.paths[parent]
            length = int(after["lengths"][place])
            token = int(after["tokens"][place][length - 1])
            log_prob, rank, above = 0.0, 0, self._parent_of(path)
        else:
            self.count += 1
            node, path, above = self.count, [*self.paths[parent], self.count], self.nodes[parent]
            token = int(after["last"][place])
            log_prob = float(log_probs[parent][token])
            rank = 1 + int((log_probs[parent] > log_probs[parent][token]).sum())
        nodes[place], paths[place] = node, path
        entry = self._entry(above, token, log_prob, rank, after["scores"][place], after["lengths"][place])
        return {"node": node, **entry, "finished": bool(after["finished"][place]), "frozen": frozen}

    @staticmethod
    def _parent_of(path: list[int]) -> int:
        return path[-2] if len(path) > 1 else 0

    def _entry(self, parent: int, token: int, log_prob: float, rank: int, score, length) -> dict[str, Any]:
        return {
            "parent": parent,
            "id": token,
            "log_prob": round(log_prob, 5),
            "rank_in_parent": rank,
            "score": round(float(score), 5),
            "normalized": round(float(score) / max(1, int(length)) ** self.options.length_penalty, 5),
            "length": int(length),
        }

    def _fallen(self, log_probs, before, candidates, chosen: set[int], kept) -> list[dict[str, Any]]:
        if self.options.method == "sampling" or not kept:
            return []
        width = candidates["ids"].shape[-1]
        scores, lengths = candidates["scores"].reshape(-1), candidates["lengths"].reshape(-1)
        ranked = scores / np.maximum(lengths, 1) ** self.options.length_penalty
        lost = [c for c in np.argsort(-ranked, kind="stable") if c not in chosen and np.isfinite(scores[c])]
        last, entries = kept[-1]["normalized"], []
        for candidate in lost[: self.fallen]:
            parent, token = int(candidate) // width, int(candidates["ids"].reshape(-1)[candidate])
            frozen = bool(before["finished"][parent])
            token = int(before["tokens"][parent][before["lengths"][parent] - 1]) if frozen else token
            rank = 0 if frozen else 1 + int((log_probs[parent] > log_probs[parent][token]).sum())
            log_prob = 0.0 if frozen else float(log_probs[parent][token])
            above = self._parent_of(self.paths[parent]) if frozen else self.nodes[parent]
            entry = self._entry(above, token, log_prob, rank, scores[candidate], lengths[candidate])
            why = f"its normalised score {ranked[candidate]:.2f} is below {last:.2f}, the last one kept"
            entries.append({**entry, "finished": frozen or token == self.ids["eos"], "frozen": frozen, "why": why})
        return entries

    def finish(self, hypotheses: dict) -> dict[str, Any]:
        """The whole document, ids only.

        Args:
            hypotheses: after the last step, NumPy, of one sentence, in the places of the last step.

        Raises:
            ValueError: no hypothesis has a score that is a number.
        """
        found = [k for k in range(len(hypotheses["scores"])) if np.isfinite(hypotheses["scores"][k])]
        if not found:
            raise ValueError("The model gives no answer a probability: its weights are damaged, or made to overflow.")
        answers = [self._answer(k, hypotheses) for k in found]
        answers.sort(key=lambda answer: -answer["normalized"])
        settings = {**asdict(self.options), "method": self.options.method, "prefix_ids": self.prefix_ids}
        return {
            "format": FORMAT,
            "version": VERSION,
            "settings": settings,
            "steps": self.steps,
            "hypotheses": answers[: max(self.options.n_best, self.options.beam_size)],
        }

    def _answer(self, place: int, hypotheses: dict) -> dict[str, Any]:
        length = int(hypotheses["lengths"][place])
        ids = [int(token) for token in hypotheses["tokens"][place][:length]]
        score = float(hypotheses["scores"][place])
        return {
            "ids": ids,
            "score": round(score, 5),
            "normalized": round(score / max(1, length) ** self.options.length_penalty, 5),
            "ended": "</s>" if ids and ids[-1] == self.ids["eos"] else "max_length",
            "path": self.paths[place],
        }


def _likeliest(log_probs, count: int):
    """The places of the `count` greatest, greatest first; the earlier place wins a tie."""
    if count < len(log_probs):
        least = np.partition(log_probs, -count)[-count]
        places = np.flatnonzero(log_probs >= least)
    else:
        places = np.arange(len(log_probs))
    return places[np.argsort(-log_probs[places], kind="stable")][:count]


def add_text(trace: dict[str, Any], spell) -> dict[str, Any]:
    """Adds the token's text wherever there is an id.

    Args:
        trace: from `TraceWriter.finish`; changed in place.
        spell: ids → their texts.
    """
    for step in trace["steps"]:
        for group in ([*step["beams"], *step["fallen"]], *(one["candidates"] for one in step["expanded"])):
            for entry, text in zip(group, spell([entry["id"] for entry in group]), strict=True):
                entry["text"] = text
    for answer in trace["hypotheses"]:
        answer["tokens"] = spell(answer["ids"])
    return trace
