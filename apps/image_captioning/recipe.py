"""What can be set for photos, and the recipes of the shipped models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.shared.captioning.recipe import CaptioningRecipe

CORPORA = ("flickr8k", "msrvtt", "files")


@dataclass(frozen=True, kw_only=True)
class ImageCaptioningRecipe(CaptioningRecipe):
    """A photo's features, and a decoder that speaks from them (Vinyals et al. 2015, "Show and Tell").

    Its stages: the decoder on the features of a frozen image encoder; the encoder's last blocks with it; self-critical.
    """

    corpus: str = "flickr8k"
    """flickr8k; msrvtt: the frames of its clips; or files: the user's own, see --captions-file."""
    image_encoder: str = "efficientnet-lite2"
    """efficientnet-lite0 to -lite4, a model of keras.applications, or hub:HANDLE."""
    image_weights: str = ""
    """Weights of a keras.applications model: a file, or imagenet, which Keras fetches and empty means."""
    image_size: int = 224
    """Side of the squares that photos become, in pixels."""
    views: int = 4
    """Looks at each training photo, kept on the disk: the photo as it is, and crops, half of them mirrored."""
    least_area: float = 0.6
    """The smallest share of a photo that a crop shows."""
    fine_tune_epochs: int = 0
    """Passes of the second stage, which trains the encoder's last blocks too; 0 leaves it out."""
    fine_tune_blocks: int = 5
    """How many blocks of an efficientnet-lite it trains, and the head."""
    fine_tune_rate: float = 2e-4
    """Its peak learning rate."""
    fine_tune_batch: int = 24
    """Its photos a batch, each with all its captions."""

    def __post_init__(self):
        super().__post_init__()
        if self.corpus not in CORPORA:
            raise ValueError(f"corpus must be one of {', '.join(CORPORA)}, got {self.corpus!r}.")
        least = {"image_size": 32, "views": 1, "fine_tune_epochs": 0, "fine_tune_blocks": 1, "fine_tune_batch": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"{name} must be at least {value}, got {getattr(self, name)!r}.")
        if not 0 < self.least_area <= 1:
            raise ValueError(f"least_area must be above 0 and at most 1, got {self.least_area!r}.")
        if self.fine_tune_epochs and not self.image_encoder.startswith("efficientnet-lite"):
            raise ValueError(f"Only an efficientnet-lite can be fine-tuned, got {self.image_encoder!r}.")


_FROZEN: dict[str, Any] = {
    "epochs": 7,
    "batch_size": 64,
    "learning_rate": 1.5e-3,
    "dropout": 0.5,
    "average": 0.997,
    "patience": 0,
    "warmup_steps": 300,
}
_FRAMES: dict[str, Any] = {
    **_FROZEN,
    "corpus": "msrvtt",
    "start_from": "image_captioning/flickr8k",
    "epochs": 1,
    "learning_rate": 1e-3,
    "warmup_steps": 100,
    "views": 2,
    "fine_tune_epochs": 3,
    "fine_tune_rate": 3e-4,
}

RECIPES = {
    "flickr8k": ImageCaptioningRecipe(
        **_FROZEN,
        views=6,
        fine_tune_epochs=13,
        fine_tune_rate=3e-4,
        self_critical_epochs=7,
        self_critical_rate=1.5e-4,
        self_critical_batch=48,
        self_critical_bleu=1.0,
    ),
    "flickr8k-frozen": ImageCaptioningRecipe(**_FROZEN),
    "msrvtt-frames": ImageCaptioningRecipe(**_FRAMES),
}
