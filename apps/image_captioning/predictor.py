"""The trained captioner in use: photos in, captions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.image_captioning.network import PhotoModel
from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.shared.captioning.predictor import Captioner
from data.photos import Photo, open_photo, squash
from data.tokenizers.subwords import SubwordTokenizer
from models import backend
from models.explain import occlusion

AT_ONCE = 8
"""Photos encoded at once: more would cost memory and gain no time on a processor."""


class PhotoCaptioner(Captioner):
    """Captions photos with one trained model.

    An item is the path of a photo, the bytes of one, or a `data.photos.Photo`.

    Args:
        model: the `PhotoModel`.
        recipe: its recipe.
        tokenizer: of the captions.
        name: what the model is called.
    """

    task = "image_captioning"
    at_once = 64

    def __init__(self, model: PhotoModel, recipe: ImageCaptioningRecipe, tokenizer: SubwordTokenizer, name: str = ""):
        super().__init__(model.speaker, model.backbone.features, recipe, tokenizer, name)
        self.model = model
        self.size = recipe.image_size
        pixels = ((None, self.size, self.size, 3), "uint8")
        self._encode = backend.compiled(lambda photos: model(photos), [pixels])

    def read(self, item: Any) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Opens a photo and squashes it, uint8 (size, size, 3); see `Predictor.read` and `data.photos`."""
        if isinstance(item, str | Path) and not str(item).strip():
            return None, ()
        photo = item if isinstance(item, Photo) else open_photo(item)
        return squash(photo.image, self.size), photo.notices

    def features(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """What the decoder starts from: float32 (n, regions, features)."""
        parts = [
            np.asarray(self._encode(np.stack(values[start : start + AT_ONCE])))
            for start in range(0, len(values), AT_ONCE)
        ]
        return np.concatenate(parts)

    def occlude(self, item: Any, token_ids: Sequence[int], side: int = 7) -> tuple[np.ndarray, np.ndarray]:
        """What each token of a caption loses when a part of the photo is covered; see `models.explain.occlusion`.

        Args:
            item: the photo.
            token_ids: the caption, `</s>` included.
            side: rows and columns of the grid of places.

        Returns:
            float32 (tokens,), the log-probabilities with nothing covered; and float32 (tokens, side, side), by how much
            they fall with a grey square over each place.

        Raises:
            ValueError: there is no photo, or it is refused.
        """
        pixels, _ = self.read(item)
        if pixels is None:
            raise ValueError("There is no photo to cover.")
        height, width = pixels.shape[:2]
        boxes = occlusion.squares(height, width, side, side)
        found = [self.log_probs(self.features([pixels]), token_ids)]
        for start in range(0, len(boxes), AT_ONCE):  # all at once would take 50 maps' memory
            covered = occlusion.covered(pixels, boxes[start : start + AT_ONCE])
            found.append(self.log_probs(self.features(list(covered)), token_ids))
        log_probs = np.concatenate(found)
        return log_probs[0], (log_probs[0] - log_probs[1:]).T.reshape(-1, side, side)

    def source(self, item: Any, features: np.ndarray) -> dict[str, Any]:
        """The photo's name, and its regions, row by row."""
        shown = str(item) if isinstance(item, str | Path) else "photo"
        side = round(len(features) ** 0.5)
        rows, columns = (side, side) if side * side == len(features) else (1, len(features))
        regions = [
            {"id": number, "text": f"row {number // columns + 1}, column {number % columns + 1}"}
            for number in range(rows * columns)
        ]
        return {"text": shown, "rows": rows, "columns": columns, "tokens": regions, "words": []}
