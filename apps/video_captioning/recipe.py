"""What can be set for clips, and the recipes of the shipped models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.shared.captioning.recipe import CaptioningRecipe

CORPORA = ("msrvtt", "msvd", "video_svo", "files")
READY = "features"


@dataclass(frozen=True, kw_only=True)
class VideoCaptioningRecipe(CaptioningRecipe):
    """Frame features, their summary, and a decoder that speaks from it (Venugopalan et al. 2015).

    Its stages: captions as text; teacher forcing on the features of a frozen image encoder; self-critical. `start_from`
    may be a captioner of photos of the same sizes: its image encoder then makes the features, and its decoder goes on.
    """

    corpus: str = "msrvtt"
    """msrvtt, msvd, video_svo, or files: the user's own, see --captions-file."""
    fold: int = 0
    """Which fifth of video_svo is for testing."""
    encoder: str = "mean-pool"
    """mean-pool, the mean over frames; or s2vt, an LSTM that reads the frames before the decoder speaks."""
    image_encoder: str = "efficientnet-lite0"
    """What makes a frame's features: efficientnet-lite0 or -lite2; or features, where they come ready (--features)."""
    feature_size: int = 0
    """Features of a frame; found out from what is read."""
    frame_width: int = 224
    """Width that frames are brought to, in pixels."""
    frame_height: int = 168
    """Height that frames are brought to."""
    max_frames: int = 28
    """Most frames of a clip: of longer ready features as many are taken, evenly spaced."""
    projection_size: int = 256
    """s2vt: width of what the frames' LSTM reads."""
    encoder_size: int = 512
    """s2vt: units of the frames' LSTM."""
    language_epochs: int = 0
    """Passes over the captions of all training clips as text, before any clip is seen; 0 leaves this stage out."""

    made_clips: int = 0
    """So many clips, made of Flickr8k's training photos by a moving camera, are learnt from beside the corpus'."""

    def __post_init__(self):
        super().__post_init__()
        if self.corpus not in CORPORA:
            raise ValueError(f"corpus must be one of {', '.join(CORPORA)}, got {self.corpus!r}.")
        if self.encoder not in ("mean-pool", "s2vt"):
            raise ValueError(f"encoder must be mean-pool or s2vt, got {self.encoder!r}.")
        if not 0 <= self.fold < 5:
            raise ValueError(f"fold must be 0 to 4, got {self.fold!r}.")
        lowest = {"frame_width": 32, "frame_height": 32, "max_frames": 1}
        lowest |= {"feature_size": 0, "language_epochs": 0, "made_clips": 0}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}.")
        if self.made_clips and self.image_encoder == READY:
            raise ValueError("made_clips needs an image_encoder: ready features have none for its frames.")


_CLIPS: dict[str, Any] = {
    "epochs": 3,
    "learning_rate": 2e-3,
    "dropout": 0.3,
    "average": 0.99,
    "patience": 0,
    "warmup_steps": 150,
    "vocabulary": 2000,
    "decoder_size": 256,
    "encoder_size": 256,
    "self_critical_epochs": 5,
    "self_critical_rate": 3e-4,
    "max_length": 13,
}
_FROM_PHOTOS: dict[str, Any] = {
    **_CLIPS,
    "start_from": "image_captioning/flickr8k",
    "image_encoder": "efficientnet-lite2",
    "decoder_size": 512,
    "learning_rate": 1e-3,
    "dropout": 0.5,
}
_REWARDED: dict[str, Any] = {**_FROM_PHOTOS, "self_critical_epochs": 8, "self_critical_bleu": 1.0}
_TRIPLES: dict[str, Any] = {
    "corpus": "video_svo",
    "image_encoder": READY,
    "vocabulary": 1000,
    "max_length": 16,
    "epochs": 20,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "warmup_steps": 20,
    "dropout": 0.3,
    "average": 0.9,
    "patience": 0,
    "embedding_size": 128,
    "decoder_size": 256,
    "encoder_size": 256,
}

RECIPES = {
    # Shipped, from a captioner of MSR-VTT's frames: --recipe msrvtt-frames of image_captioning, then --start-from.
    "msrvtt": VideoCaptioningRecipe(**_REWARDED),
    "msrvtt-s2vt-from-photos": VideoCaptioningRecipe(**_REWARDED, encoder="s2vt", context="start"),
    "msrvtt-mean-pool-from-photos": VideoCaptioningRecipe(**_FROM_PHOTOS),
    "msrvtt-s2vt": VideoCaptioningRecipe(**_CLIPS, encoder="s2vt", context="start"),
    "msrvtt-mean-pool": VideoCaptioningRecipe(**_CLIPS),
    "video-svo": VideoCaptioningRecipe(**_TRIPLES),
    "video-svo-s2vt": VideoCaptioningRecipe(**_TRIPLES, encoder="s2vt", context="start"),
}
