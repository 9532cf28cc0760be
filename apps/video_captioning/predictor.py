"""The trained captioner in use: clips in, captions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.captioning.predictor import Captioner
from apps.video_captioning.features import Extractor
from apps.video_captioning.network import ClipModel
from apps.video_captioning.recipe import VideoCaptioningRecipe
from data.clips import Clip, open_clip
from data.frame_features import FrameFeatures, evenly, padded
from data.tokenizers.subwords import SubwordTokenizer


class ClipCaptioner(Captioner):
    """Captions clips with one trained model.

    An item is the path of a clip, of a folder of frames, or of a `.npy` with ready features; or a `data.clips.Clip`, or
    features, float (frames, features).

    Args:
        model: the `ClipModel`.
        recipe: its recipe.
        tokenizer: of the captions.
        name: what the model is called.
    """

    task = "video_captioning"
    at_once = 16
    recipe: VideoCaptioningRecipe

    def __init__(self, model: ClipModel, recipe: VideoCaptioningRecipe, tokenizer: SubwordTokenizer, name: str = ""):
        super().__init__(model.speaker, recipe.feature_size, recipe, tokenizer, name)
        self.model = model
        self._extractor: Extractor | None = None

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

    def features(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Clips of different lengths as one array, float32 (n, frames, features)."""
        return padded(list(values))

    def source(self, item: Any, features: np.ndarray) -> dict[str, Any]:
        """The clip's name, and its frames."""
        shown = str(item) if isinstance(item, (str, Path)) else "clip"
        frames = [{"id": number, "text": f"frame {number + 1}"} for number in range(len(features))]
        return {"text": shown, "tokens": frames, "words": []}

    def arriving(self, features: np.ndarray, caption_ids: Sequence[int]) -> list[float]:
        """The log-probability of a caption after one frame, two, … : how it grows as frames arrive.

        Args:
            features: float32 (frames, features).
            caption_ids: the caption, `</s>` included.

        Returns:
            One sum of log-probabilities a frame.
        """
        count = len(features)
        rows = np.tril(np.ones((count, count), np.float32))[..., None] * features
        return self.log_probs(rows.astype(np.float32), caption_ids).sum(axis=1).tolist()
