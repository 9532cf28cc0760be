"""The network that a recipe describes: backbone, frame encoder and decoder."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from apps.shared.captioning.network import build_decoder, join
from apps.video_captioning.recipe import READY, VideoCaptioningRecipe
from models.encoder_decoder import EncoderDecoder
from models.encoders.frames import build_frame_encoder
from models.encoders.image import build_image_encoder


class ClipModel(keras.Model):
    """From a clip's frames to what the decoder starts from. `speaker` is the encoder–decoder on frame features.

    Args:
        backbone: see `models.encoders.image`; None where features come ready.
        speaker: an `EncoderDecoder` on float (batch, frames, features), rows of zeros where there is no frame;
            None where features alone are wanted.
    """

    def __init__(self, backbone: Any, speaker: EncoderDecoder | None = None, **kwargs):
        super().__init__(**kwargs)
        self.backbone, self.speaker = backbone, speaker
        self.built = True

    def call(self, pixels):
        """Frames float (n, height, width, 3), RGB, 0 to 255 → their features, float32 (n, features)."""
        return keras.ops.cast(keras.ops.mean(self.backbone(pixels), axis=(1, 2)), "float32")


def build_backbone(recipe: VideoCaptioningRecipe, fresh: bool = False) -> Any:
    """The image encoder of a recipe, or None where features come ready.

    Args:
        recipe: names it.
        fresh: put the published weights into it. A trained model brings its own.

    Raises:
        ValueError: there is no such encoder.
        ImportError: the package with its published weights is not installed.
    """
    if recipe.image_encoder == READY:
        return None
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # depthwise convolutions gain nothing from bfloat16
    try:
        backbone = build_image_encoder(recipe.image_encoder, "imagenet" if fresh else "")
    finally:
        keras.config.set_dtype_policy(policy)
    if fresh and hasattr(backbone, "take_published"):
        from data.published_weights import efficientnet_lite

        backbone.take_published(efficientnet_lite(recipe.image_encoder))
    return backbone


def build(recipe: VideoCaptioningRecipe, vocabulary_size: int, backbone: Any = None) -> ClipModel:
    """Makes the network around a backbone; `recipe.feature_size` says what it gives."""
    encoder = build_frame_encoder(
        recipe.encoder,
        recipe.feature_size,
        recipe.projection_size,
        recipe.cell,
        recipe.encoder_size,
        recipe.dropout,
    )
    speaker = join(encoder, build_decoder(recipe, vocabulary_size), recipe, name="speaker")
    source = np.ones((1, 1, recipe.feature_size), np.float32)
    speaker.decoder.build(encoder(source)["summary"].shape)
    speaker({"source": source, "target_in": np.ones((1, 2), np.int32)})
    return ClipModel(backbone, speaker, name="captioner")
