"""The network that a recipe describes: backbone, summary and decoder."""

from __future__ import annotations

import keras
import numpy as np

from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.shared.captioning.network import build_decoder, join
from models.encoder_decoder import EncoderDecoder
from models.encoders.image import FeatureEncoder, as_regions, build_image_encoder


class PhotoModel(keras.Model):
    """From pixels to what the decoder starts from. `speaker` is the encoder–decoder on features.

    Args:
        backbone: see `models.encoders.image`.
        speaker: an `EncoderDecoder` with a `FeatureEncoder`.
    """

    def __init__(self, backbone, speaker: EncoderDecoder, **kwargs):
        super().__init__(**kwargs)
        self.backbone, self.speaker = backbone, speaker
        self.built = True

    def call(self, pixels):
        """float (batch, height, width, 3), RGB, 0 to 255 → features of regions, float32 (batch, regions, features)."""
        return keras.ops.cast(as_regions(self.backbone(pixels)), "float32")


def build(recipe: ImageCaptioningRecipe, vocabulary_size: int, fresh: bool = False) -> PhotoModel:
    """Makes the network.

    Args:
        recipe: what it is made of.
        vocabulary_size: the tokenizer's true size.
        fresh: put the published weights into the backbone; the rest is random. A trained model brings its own.

    Raises:
        ValueError: there is no such backbone.
        ImportError: the package with its published weights is not installed.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # depthwise convolutions gain nothing from bfloat16
    try:
        weights = recipe.image_weights or "imagenet" if fresh else ""
        backbone = build_image_encoder(
            recipe.image_encoder, weights, split=-recipe.fine_tune_blocks, size=recipe.image_size
        )
    finally:
        keras.config.set_dtype_policy(policy)
    if fresh and hasattr(backbone, "take_published"):
        from data.published_weights import efficientnet_lite

        backbone.take_published(efficientnet_lite(recipe.image_encoder))
    encoder = FeatureEncoder(backbone.features, name="encoder")
    encoder.build(None)
    speaker = join(encoder, build_decoder(recipe, vocabulary_size), recipe, name="speaker")
    source = np.ones((1, 1, backbone.features), np.float32)
    speaker.decoder.build(encoder(source)["summary"].shape)
    speaker({"source": source, "target_in": np.ones((1, 2), np.int32)})
    return PhotoModel(backbone, speaker, name="captioner")
