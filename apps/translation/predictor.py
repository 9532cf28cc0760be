"""The trained translator in use: sentences in, translations out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.shared.predictor import Predictor, Result
from apps.shared.searching import Searches
from apps.translation.recipe import TranslationRecipe
from data.batches import pad
from data.text import clean
from data.tokenizers.special import BOS_ID, EOS_ID, IDS, UNK_ID
from data.tokenizers.subwords import SubwordTokenizer
from models.decoding.options import SearchOptions
from models.decoding.trace import add_text

if TYPE_CHECKING:
    from models.explain.edits import Edit


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One answer of a search.

    Attributes:
        translation: the text.
        score: sum of the tokens' log-probabilities, `</s>` included; 0 is certain.
        normalized: score / tokens ** length_penalty: what answers are ranked by.
    """

    translation: str
    score: float
    normalized: float


@dataclass(frozen=True, kw_only=True)
class Translation(Result):
    """A translated sentence.

    Attributes:
        translation: the best hypothesis' text.
        score, normalized: see `Hypothesis`.
        n_best: all hypotheses asked for, best first, where more than one was.
    """

    translation: str = ""
    score: float = 0.0
    normalized: float = 0.0
    n_best: tuple[Hypothesis, ...] = ()

    def to_line(self) -> str:
        """The translation."""
        return self.translation

    def to_json(self) -> dict[str, Any]:
        """See `Result.to_json`; `n_best` only where it was asked for."""
        values = super().to_json()
        if not values["n_best"]:
            del values["n_best"]
        return values


class Translator(Predictor):
    """Translates sentences with one trained encoder–decoder.

    Args:
        model: the `EncoderDecoder`.
        recipe: its recipe.
        source, target: its tokenizers.
        name: what the model is called.
    """

    batch_size = 256
    """Sentences searched at once, fewer where `most_rows` is reached first."""
    most_rows = 1280
    """Hypotheses stepped at once: their logits then stay near the processor."""
    many = 64
    """Sentences from which on it pays to prepare the decoder's weights, see `RecurrentDecoder.prepare`."""

    def __init__(
        self, model, recipe: TranslationRecipe, source: SubwordTokenizer, target: SubwordTokenizer, name: str = ""
    ):
        self.model, self.recipe, self.source, self.target, self.name = model, recipe, source, target, name
        self.searches = Searches(model.encoder, model.decoder, ((None,), "int32"), IDS)

    def default_search(self) -> SearchOptions:
        """Beam 5 with the length penalty that the recipe was tuned to."""
        return SearchOptions(length_penalty=self.recipe.length_penalty)

    def read(self, item: str) -> tuple[list[int] | None, tuple[str, ...]]:
        """Cleans a sentence and spells it in pieces; see `Predictor.read`."""
        cleaned = clean(item)
        if not cleaned.text:
            return None, cleaned.notices
        source_ids = self.source.encode(cleaned.text)
        notices = cleaned.notices
        if not self._knows_any(source_ids):
            notices = (*notices, "There is nothing in it that the model knows: the answer means nothing.")
        if len(source_ids) > self.recipe.max_source_length:
            notice = (
                f"The sentence has {len(source_ids)} tokens and the model reads {self.recipe.max_source_length}: "
                "the end was cut off. Translate it in parts."
            )
            return [*source_ids[: self.recipe.max_source_length - 1], EOS_ID], (*notices, notice)
        return source_ids, notices

    def _knows_any(self, source_ids: Sequence[int]) -> bool:
        said = [token_id for token_id in source_ids if token_id not in (UNK_ID, EOS_ID)]
        return any(piece != "▁" for piece in self.source.pieces(said))

    def answer(self, values: Sequence[list[int]], search: SearchOptions | None = None) -> list[Translation]:
        """Translates prepared sentences, like lengths together; see `Predictor.answer`."""
        search = search or self.default_search()
        order = sorted(range(len(values)), key=lambda number: len(values[number]))
        answers: list[Translation | None] = [None] * len(values)
        size = max(1, min(self.batch_size, self.most_rows // search.beam_size))
        prepared = self.searches.prepare() if len(values) >= self.many else None
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            found = self.search([values[number] for number in numbers], search, prepared)
            for row, number in enumerate(numbers):
                answers[number] = self._translation(found, row, search)
        return [answer for answer in answers if answer is not None]

    def empty(self) -> Translation:
        """The translation of nothing."""
        return Translation(input="")

    def search(
        self, sources: Sequence[Sequence[int]], search: SearchOptions, prepared: dict[str, Any] | None = None
    ) -> dict[str, np.ndarray]:
        """Searches one batch in the compiled graph.

        Args:
            sources: source ids, `</s>` at the end.
            search: how.
            prepared: from `Searches.prepare`, with the weights as they are now; or None.

        Returns:
            See `models.decoding.graph.search`, as NumPy arrays.
        """
        from models import backend

        limits = np.array([self.limit(source, search) for source in sources], dtype=np.int32)
        prefix_ids = self.encode(search.prefix) if search.prefix else []
        width = -(-max(map(len, sources)) // backend.WIDTH_STEP) * backend.WIDTH_STEP
        return self.searches.batch(pad(sources, width), limits, search, prefix_ids, prepared)

    def score(self, sentences: Sequence[str], translations: Sequence[str]) -> np.ndarray:
        """How likely given translations are.

        Args:
            sentences: what is translated; what is too long for the model is cut.
            translations: one of each.

        Returns:
            float32 (n,): log p(translation | sentence), `</s>` included, as `Hypothesis.score`.
        """
        sources = [self.read(sentence)[0] or [EOS_ID] for sentence in sentences]
        targets = [self.target.encode(clean(text).text) for text in translations]
        order = sorted(range(len(sources)), key=lambda number: (len(targets[number]), len(sources[number])))
        scores = np.zeros(len(sources), np.float32)
        for start in range(0, len(order), self.batch_size):
            numbers = order[start : start + self.batch_size]
            target_out = pad([targets[number] for number in numbers])
            target_in = np.concatenate([np.full_like(target_out[:, :1], BOS_ID), target_out[:, :-1]], axis=1)
            source = pad([sources[number] for number in numbers])
            scores[numbers] = np.asarray(self._forced(source, target_in, target_out))
        return scores

    @cached_property
    def _forced(self) -> Callable[..., Any]:
        from models import backend
        from models.encoder_decoder import answer_log_probability

        def log_probability(source, target_in, target_out):
            state = self.model.decoder.start(self.model.encoder(source))
            return answer_log_probability(self.model.decoder(target_in, state), target_out)

        whole = ((None, None), "int32")
        return backend.compiled(log_probability, [whole, whole, whole])

    def limit(self, source_ids: Sequence[int], search: SearchOptions) -> int:
        """Most tokens of a translation: twice the source's and ten, at most `max_length`."""
        return min(search.max_length, 2 * len(source_ids) + 10)

    def trace(
        self,
        item: str,
        search: SearchOptions | None = None,
        prefix_ids: Sequence[int] = (),
        edits: Sequence[Edit] = (),
    ) -> dict[str, Any]:
        """The whole search for one sentence, step by step; see `Predictor.trace`.

        Args:
            item: the sentence.
            search: how to search; `search.prefix` is text that the translation must begin with.
            prefix_ids: the same as target ids, in place of `search.prefix`.
            edits: units held at a value, see `models.explain.edits`.

        Returns:
            A DecodingTrace, see `models.decoding.trace`.
        """
        search = search or self.default_search()
        source_ids, notices = self.read(item)
        if source_ids is None:
            raise ValueError("There is nothing to translate: the text is empty.")
        if search.prefix and not len(prefix_ids):
            prefix_ids = self.encode(search.prefix)
        limit = self.limit(source_ids, search)
        trace = self.searches.trace(pad([source_ids]), limit, search, prefix_ids, edits)
        add_text(trace, self.target.pieces)
        for answer in trace["hypotheses"]:
            answer["text"] = self.target.decode(answer["ids"])
        head = {name: trace.pop(name) for name in ("format", "version")}
        head |= {"task": "translation", "model": self.name, "source": self.source_tokens(item, source_ids)}
        return {**head, **({"notices": list(notices)} if notices else {}), **trace}

    def source_tokens(self, text: str, source_ids: Sequence[int]) -> dict[str, Any]:
        """The `source` of a trace: the text, its pieces, and which pieces make which word; `</s>` belongs to none."""
        # A sentence that was cut ends with a </s> of its own, and unknown characters are shown as they are.
        pieces = [*self.source.spell(clean(text).text)[: len(source_ids) - 1], *self.source.pieces(source_ids[-1:])]
        words: list[dict[str, Any]] = []
        for number, piece in enumerate(pieces):
            if source_ids[number] == EOS_ID:
                continue
            if piece.startswith("▁") or not words:
                words.append({"text": "", "tokens": []})
            words[-1]["tokens"].append(number)
            words[-1]["text"] += piece.removeprefix("▁")
        tokens = [{"id": int(i), "text": piece} for i, piece in zip(source_ids, pieces, strict=True)]
        return {"text": text, "tokens": tokens, "words": words}

    @property
    def explainer(self) -> Any:
        """The model's `models.explain.explainer.Explainer`."""
        return self.searches.explainer

    def encoder_input(self, item: str) -> np.ndarray:
        """The source ids of a sentence, int32 (1, time)."""
        source_ids, _ = self.read(item)
        return pad([source_ids or [EOS_ID]])

    def spell(self, token_ids: Sequence[int]) -> list[str]:
        """The target pieces with these ids."""
        return self.target.pieces(token_ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of target ids."""
        return self.target.decode(token_ids)

    def encode(self, text: str) -> list[int]:
        """The target ids that begin a translation."""
        return self.target.encode(text, add_eos=False)

    def _translation(self, found: dict[str, np.ndarray], row: int, search: SearchOptions) -> Translation:
        hypotheses = tuple(
            Hypothesis(
                translation=self.target.decode(found["tokens"][row, place]),
                score=float(found["scores"][row, place]),
                normalized=float(found["normalized"][row, place]),
            )
            for place in range(search.n_best)
            if np.isfinite(found["scores"][row, place])
        )
        best = hypotheses[0] if hypotheses else Hypothesis(translation="", score=np.nan, normalized=np.nan)
        return Translation(
            input="",
            translation=best.translation,
            score=best.score,
            normalized=best.normalized,
            n_best=hypotheses if search.n_best > 1 else (),
        )
