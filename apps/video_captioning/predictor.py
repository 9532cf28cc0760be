"""The trained captioner in use: clips in, captions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.shared.captioning.scoring import IDS
from apps.shared.predictor import Predictor, Result
from apps.shared.searching import Searches
from apps.video_captioning.features import Extractor
from apps.video_captioning.network import ClipModel
from apps.video_captioning.recipe import VideoCaptioningRecipe
from data.clips import Clip, open_clip
from data.frame_features import FrameFeatures, evenly, padded
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
class ClipCaption(Result):
    """A clip in words.

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


class ClipCaptioner(Predictor):
    """Captions clips with one trained model.

    An item is the path of a clip, of a folder of frames, or of a `.npy` with ready features; or a `data.clips.Clip`, or
    features, float (frames, features).

    Args:
        model: the `ClipModel`.
        recipe: its recipe.
        tokenizer: of the captions.
        name: what the model is called.
    """

    at_once = 16

    def __init__(self, model: ClipModel, recipe: VideoCaptioningRecipe, tokenizer: SubwordTokenizer, name: str = ""):
        self.model, self.recipe, self.tokenizer, self.name = model, recipe, tokenizer, name
        speaker: Any = model.speaker
        self.speaker = speaker
        self.searches = Searches(speaker.encoder, speaker.decoder, ((None, recipe.feature_size), "float32"), IDS)
        self._extractor: Extractor | None = None

    def default_search(self) -> SearchOptions:
        """Beam 4 with the length penalty that the recipe was tuned to."""
        return SearchOptions(beam_size=4, length_penalty=self.recipe.length_penalty, max_length=self.recipe.max_length)

    @property
    def extractor(self) -> Extractor:
        """Frames → features; the same as in training.

        Raises:
            ValueError: the model takes ready features alone.
        """
        if self.model.backbone is None:
            raise ValueError("This model reads ready frame features, not clips: give it a .npy file.")
        if self._extractor is None:
            self._extractor = Extractor(self.model, self.recipe)
        return self._extractor

    def read(self, item: Any) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Decodes a clip and computes its frames' features, float32 (frames, features); see `Predictor.read`."""
        if isinstance(item, Clip):
            return self.extractor(item.frames), item.notices
        if isinstance(item, np.ndarray):
            return self._checked(np.atleast_2d(np.asarray(item, np.float32))), ()
        if not str(item).strip():
            return None, ()
        path = Path(item)
        if path.suffix.lower() == ".npy":
            return self._checked(FrameFeatures(path)[path.stem]), ()
        extractor = self.extractor
        clip = open_clip(path)
        return extractor(clip.frames), clip.notices

    def _checked(self, features: np.ndarray) -> np.ndarray:
        if features.shape[1] != self.recipe.feature_size:
            raise ValueError(
                f"The features have {features.shape[1]} values a frame; this model reads {self.recipe.feature_size}."
            )
        return evenly(features, self.recipe.max_frames)

    def answer(self, values: Sequence[np.ndarray], search: SearchOptions | None = None) -> list[ClipCaption]:
        """Captions clips from their features; see `Predictor.answer`."""
        search = search or self.default_search()
        answers = []
        for start in range(0, len(values), 128):
            part = list(values[start : start + 128])
            limits = np.full(len(part), self.limit(search), np.int32)
            prefix_ids = self.encode(search.prefix) if search.prefix else ()
            found = self.searches.batch(padded(part), limits, search, prefix_ids)
            answers += [self._caption(found, row, search) for row in range(len(part))]
        return answers

    def empty(self) -> ClipCaption:
        """The caption of nothing."""
        return ClipCaption(input="")

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
        """The whole search for one clip, step by step; see `Predictor.trace`.

        Args:
            item: see this class.
            search: how to search; `search.prefix` is text that the caption must begin with.
            prefix_ids: the same as token ids, in place of `search.prefix`.
            edits: units held at a value, see `models.explain.edits`.
        """
        search = search or self.default_search()
        features, notices = self.read(item)
        if features is None:
            raise ValueError("There is no clip to caption.")
        if search.prefix and not len(prefix_ids):
            prefix_ids = self.encode(search.prefix)
        trace = self.searches.trace(features[None], self.limit(search), search, prefix_ids, edits)
        add_text(trace, self.tokenizer.pieces)
        for answer in trace["hypotheses"]:
            answer["text"] = self.decode(answer["ids"])
        head = {name: trace.pop(name) for name in ("format", "version")}
        shown = str(item) if isinstance(item, (str, Path)) else "clip"
        frames = [{"id": number, "text": f"frame {number + 1}"} for number in range(len(features))]
        source = {"text": shown, "tokens": frames, "words": []}
        head |= {"task": "video_captioning", "model": self.name, "source": source}
        return {**head, **({"notices": list(notices)} if notices else {}), **trace}

    def arriving(self, features: np.ndarray, caption_ids: Sequence[int]) -> list[float]:
        """The log-probability of a caption after one frame, two, … : how it grows as frames arrive.

        Args:
            features: float32 (frames, features).
            caption_ids: the caption, `</s>` included.

        Returns:
            One sum of log-probabilities a frame.
        """
        from keras import ops

        count = len(features)
        rows = np.tril(np.ones((count, count), np.float32))[..., None] * features
        target = np.tile(np.asarray(caption_ids, np.int32), (len(rows), 1))
        target_in = np.concatenate([np.full((len(rows), 1), IDS["bos"], np.int32), target[:, :-1]], axis=1)
        logits = self.speaker({"source": rows.astype(np.float32), "target_in": target_in}, training=False)
        log_probs = np.asarray(ops.log_softmax(logits, axis=-1))
        return np.take_along_axis(log_probs, target[..., None], axis=-1)[..., 0].sum(axis=1).tolist()

    @property
    def explainer(self) -> Any:
        """The model's `models.explain.explainer.Explainer`."""
        return self.searches.explainer

    def encoder_input(self, item: Any) -> np.ndarray:
        """The features of a clip, float32 (1, frames, features)."""
        features, _ = self.read(item)
        if features is None:
            raise ValueError("There is no clip to caption.")
        return features[None]

    def spell(self, token_ids: Sequence[int]) -> list[str]:
        """The pieces with these ids."""
        return self.tokenizer.pieces(token_ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids."""
        return self.tokenizer.decode(token_ids)

    def encode(self, text: str) -> list[int]:
        """The ids that begin a caption."""
        return self.tokenizer.encode(text, add_eos=False)

    def _caption(self, found: dict[str, np.ndarray], row: int, search: SearchOptions) -> ClipCaption:
        said = tuple(
            SaidCaption(
                caption=self.decode(found["tokens"][row, place]),
                score=float(found["scores"][row, place]),
                normalized=float(found["normalized"][row, place]),
            )
            for place in range(search.n_best)
            if np.isfinite(found["scores"][row, place])
        )
        best = said[0]
        return ClipCaption(
            input="",
            caption=best.caption,
            score=best.score,
            normalized=best.normalized,
            n_best=said if search.n_best > 1 else (),
        )
