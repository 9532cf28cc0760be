"""The score on the dev set: loss and greedy CIDEr-D after every epoch, and the length penalty that suits a beam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from apps.shared.captioning.batches import EncodedCaptions, Sources
from apps.shared.captioning.recipe import CaptioningRecipe
from apps.shared.captioning.text import CaptionSet
from apps.shared.searching import Searches
from data.batches import pad
from data.tokenizers.special import BOS_ID, IDS
from data.tokenizers.subwords import SubwordTokenizer
from metrics.captions import caption_scores
from models import backend
from models.decoding.options import SearchOptions
from models.encoder_decoder import token_loss

PENALTIES = (0.4, 0.7, 1.0, 1.3)
AT_ONCE = 128


class DevScore:
    """Scores a training model on the dev set; what `training.fit.Run` calls.

    Args:
        captions: the dev set, its captions the references.
        sources: what the encoder reads of its items, in epoch 0.
        tokenizer, recipe: the model's.
        of: the training model → its encoder–decoder.
    """

    def __init__(
        self,
        captions: CaptionSet,
        sources: Sources,
        tokenizer: SubwordTokenizer,
        recipe: CaptioningRecipe,
        of: Callable[[Any], Any] = lambda model: model,
    ):
        self.captions, self.sources, self.tokenizer, self.recipe, self.of = captions, sources, tokenizer, recipe, of
        self.encoded = EncodedCaptions(captions, tokenizer, recipe.max_length)
        self.searches: Searches | None = None

    def __call__(self, model) -> dict[str, float]:
        """`loss` in nats a token of each item's first caption; `score`: greedy CIDEr-D; `bleu_4`, greedy."""
        model = self.of(model)
        if self.searches is None:
            self._compile(model)
        found = self.scores(SearchOptions(beam_size=1))
        return {"loss": round(self._loss(), 4), "score": round(found.cider_d, 2), "bleu_4": round(found.bleu_4, 2)}

    def scores(self, search: SearchOptions) -> Any:
        """`metrics.captions.CaptionScores` of a search with the model as it is now."""
        assert self.searches is not None, "score the model once first"
        return caption_scores(self.say(search), self.captions.captions)

    def say(self, search: SearchOptions) -> list[str]:
        """A caption for each item."""
        assert self.searches is not None
        said = []
        for items in self._parts():
            limits = np.full(len(items), min(search.max_length, self.recipe.max_length), np.int32)
            found = self.searches.batch(self.sources.take(items, 0), limits, search)
            said += [self.tokenizer.decode(row) for row in found["tokens"][:, 0]]
        return said

    def _parts(self) -> list[np.ndarray]:
        return [
            np.arange(len(self.captions))[start : start + AT_ONCE] for start in range(0, len(self.captions), AT_ONCE)
        ]

    def _compile(self, model) -> None:
        shape = self.sources.take(np.arange(1), 0).shape[1:]
        self.searches = Searches(model.encoder, model.decoder, (shape, "float32"), IDS)

        def loss(source, target_in, target_out):
            state = model.decoder.start(model.encoder(source))
            _, nats, count = token_loss(model.decoder(target_in, state), target_out)
            return nats, count

        whole = ((None, None), "int32")
        self.loss = backend.compiled(loss, [((None, *shape), "float32"), whole, whole])

    def _loss(self) -> float:
        total = tokens = 0.0
        for items in self._parts():
            targets = [self.encoded.plain[item][0] for item in items]
            target_in = pad([[BOS_ID, *target[:-1]] for target in targets])
            nats, count = self.loss(self.sources.take(items, 0), target_in, pad(targets))
            total, tokens = total + float(nats) * float(count), tokens + float(count)
        return total / tokens


def tune_length_penalty(score: DevScore, model, beam_size: int = 4) -> tuple[float, dict[str, dict[str, float]]]:
    """Chooses the length penalty by the beam's CIDEr-D on the dev set.

    Returns:
        The penalty; and CIDEr-D and BLEU-4 by penalty.
    """
    score(model)
    found = {}
    for penalty in PENALTIES:
        scores = score.scores(
            SearchOptions(beam_size=beam_size, length_penalty=penalty, max_length=score.recipe.max_length)
        )
        found[penalty] = {"cider_d": round(scores.cider_d, 2), "bleu_4": round(scores.bleu_4, 2)}
    best = max(found, key=lambda penalty: found[penalty]["cider_d"])
    return best, {str(penalty): row for penalty, row in found.items()}


def with_penalty(recipe: Any, penalty: float) -> Any:
    """The recipe with the tuned length penalty."""
    return replace(recipe, length_penalty=penalty)
