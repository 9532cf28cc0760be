"""A trained captioner in use, whatever it puts into words: what photos and clips share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.shared.captioning.recipe import CaptioningRecipe
from apps.shared.predictor import Predictor, Result
from apps.shared.searching import Searches
from data.tokenizers.special import IDS
from data.tokenizers.subwords import SubwordTokenizer
from models.decoding.options import SearchOptions
from models.decoding.trace import add_text

if TYPE_CHECKING:
    from models.explain.edits import Edit


@dataclass(frozen=True, kw_only=True)
class SaidCaption:
    """One answer of a search.

    Attributes:
        caption: the text.
        score: sum of the tokens' log-probabilities, `</s>` included; 0 is certain.
        normalized: score / tokens ** length_penalty: what answers are ranked by.
    """

    caption: str
    score: float
    normalized: float


@dataclass(frozen=True, kw_only=True)
class Caption(Result):
    """Something put into words.

    Attributes:
        caption: the best hypothesis' text.
        score, normalized: see `SaidCaption`.
        n_best: all hypotheses asked for, best first, where more than one was.
    """

    caption: str = ""
    score: float = 0.0
    normalized: float = 0.0
    n_best: tuple[SaidCaption, ...] = ()

    def to_line(self) -> str:
        """The caption."""
        return self.caption

    def to_json(self) -> dict[str, Any]:
        """See `Result.to_json`; `n_best` only where it was asked for."""
        values = super().to_json()
        if not values["n_best"]:
            del values["n_best"]
        return values


class Captioner(Predictor):
    """Puts prepared inputs into words with one encoder–decoder on features.

    Args:
        speaker: the `EncoderDecoder`; its encoder reads float32 (batch, regions, features).
        features: how many a region has.
        recipe: the model's.
        tokenizer: of the captions.
        name: what the model is called.
    """

    task = ""
    searched_at_once = 128

    def __init__(
        self, speaker: Any, features: int, recipe: CaptioningRecipe, tokenizer: SubwordTokenizer, name: str = ""
    ):
        self.speaker, self.recipe, self.tokenizer, self.name = speaker, recipe, tokenizer, name
        self._path: Callable | None = None
        self.searches = Searches(speaker.encoder, speaker.decoder, ((None, features), "float32"), IDS)

    @abstractmethod
    def features(self, values: Sequence[Any]) -> np.ndarray:
        """What the encoder reads of prepared inputs, float32 (n, regions, features)."""

    @abstractmethod
    def source(self, item: Any, features: np.ndarray) -> dict[str, Any]:
        """The `source` of a trace, for one input and its features, float32 (regions, features)."""

    def default_search(self) -> SearchOptions:
        """Beam 4 with the length penalty that the recipe was tuned to."""
        return SearchOptions(beam_size=4, length_penalty=self.recipe.length_penalty, max_length=self.recipe.max_length)

    def answer(self, values: Sequence[Any], search: SearchOptions | None = None) -> list[Caption]:
        """Captions prepared inputs; see `Predictor.answer`."""
        search, answers = search or self.default_search(), []
        for start in range(0, len(values), self.searched_at_once):  # the features of all would not fit
            answers += self.say(self.features(values[start : start + self.searched_at_once]), search)
        return answers

    def say(self, features: np.ndarray, search: SearchOptions) -> list[Caption]:
        """Captions of features, float32 (n, regions, features)."""
        answers = []
        prefix_ids = self.encode(search.prefix) if search.prefix else ()
        for start in range(0, len(features), self.searched_at_once):
            part = features[start : start + self.searched_at_once]
            limits = np.full(len(part), self.limit(search), np.int32)
            found = self.searches.batch(part, limits, search, prefix_ids)
            answers += [self._caption(found, row, search) for row in range(len(part))]
        return answers

    def empty(self) -> Caption:
        """The caption of nothing."""
        return Caption(input="")

    def limit(self, search: SearchOptions) -> int:
        """Most tokens of a caption."""
        return min(search.max_length, self.recipe.max_length)

    def trace(
        self,
        item: Any,
        search: SearchOptions | None = None,
        prefix_ids: Sequence[int] = (),
        edits: Sequence[Edit] = (),
    ) -> dict[str, Any]:
        """The whole search for one input, step by step; see `Predictor.trace`.

        Args:
            item: the input.
            search: how to search; `search.prefix` is text that the caption must begin with.
            prefix_ids: the same as token ids, in place of `search.prefix`.
            edits: units held at a value, see `models.explain.edits`.

        Returns:
            A DecodingTrace, see `models.decoding.trace`.
        """
        search = search or self.default_search()
        features, notices = self._read_one(item)
        if search.prefix and not len(prefix_ids):
            prefix_ids = self.encode(search.prefix)
        trace = self.searches.trace(features, self.limit(search), search, prefix_ids, edits)
        add_text(trace, self.tokenizer.pieces)
        for answer in trace["hypotheses"]:
            answer["text"] = self.decode(answer["ids"])
        head = {name: trace.pop(name) for name in ("format", "version")}
        head |= {"task": self.task, "model": self.name, "source": self.source(item, features[0])}
        return {**head, **({"notices": list(notices)} if notices else {}), **trace}

    def _read_one(self, item: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        value, notices = self.read(item)
        if value is None:
            raise ValueError("There is nothing to caption.")
        return self.features([value]), notices

    def log_probs(self, features: np.ndarray, token_ids: Sequence[int]) -> np.ndarray:
        """How likely the tokens of one finished caption are for many inputs.

        Args:
            features: float32 (n, regions, features).
            token_ids: the caption, `</s>` included.

        Returns:
            float32 (n, tokens), the log-probability of each after those before it.
        """
        if self._path is None:
            self._path = self._compiled_path()
        target = np.tile(np.asarray(token_ids, np.int32), (len(features), 1))
        target_in = np.concatenate([np.full((len(target), 1), IDS["bos"], np.int32), target[:, :-1]], axis=1)
        parts = [slice(start, start + self.searched_at_once) for start in range(0, len(target), self.searched_at_once)]
        return np.concatenate([np.asarray(self._path(features[at], target_in[at], target[at])) for at in parts])

    def _compiled_path(self) -> Callable:
        from keras import ops

        from models import backend

        def path(source, target_in, target_out):
            logits = self.speaker({"source": source, "target_in": target_in}, training=False)
            chosen = ops.take_along_axis(logits, ops.expand_dims(target_out, -1), axis=-1)[..., 0]
            return chosen - ops.logsumexp(logits, axis=-1)

        ids = ((None, None), "int32")
        return backend.compiled(path, [((None, *self.searches.shape), self.searches.dtype), ids, ids])

    @property
    def explainer(self) -> Any:
        """The model's `models.explain.explainer.Explainer`."""
        return self.searches.explainer

    def encoder_input(self, item: Any) -> np.ndarray:
        """The features of one input, float32 (1, regions, features)."""
        return self._read_one(item)[0]

    def spell(self, token_ids: Sequence[int]) -> list[str]:
        """The pieces with these ids."""
        return self.tokenizer.pieces(token_ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids."""
        return self.tokenizer.decode(token_ids)

    def encode(self, text: str) -> list[int]:
        """The ids that begin a caption."""
        return self.tokenizer.encode(text, add_eos=False)

    def _caption(self, found: dict[str, np.ndarray], row: int, search: SearchOptions) -> Caption:
        said = tuple(
            SaidCaption(
                caption=self.decode(found["tokens"][row, place]),
                score=float(found["scores"][row, place]),
                normalized=float(found["normalized"][row, place]),
            )
            for place in range(search.n_best)
            if np.isfinite(found["scores"][row, place])
        )
        best = said[0] if said else SaidCaption(caption="", score=np.nan, normalized=np.nan)
        return Caption(
            input="",
            caption=best.caption,
            score=best.score,
            normalized=best.normalized,
            n_best=said if search.n_best > 1 else (),
        )
