"""The captioner as a SavedModel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.video_captioning.predictor import ClipCaptioner
from data.tokenizers.special import IDS
from serving import export as saved_model
from serving.signatures.clip import ClipReader, ClipSignatures
from serving.signatures.text import SubwordWriter


def export(captioner: ClipCaptioner, output: Path) -> None:
    """Writes the SavedModel and its `signatures.md`.

    Args:
        captioner: the model.
        output: an empty folder.
    """
    recipe, model = captioner.recipe, captioner.model
    pixels = model if model.backbone is not None else None
    reader = ClipReader(recipe.feature_size, recipe.max_length, pixels, (recipe.frame_height, recipe.frame_width))
    signatures = ClipSignatures(
        model.backbone,
        captioner.speaker.encoder,
        captioner.speaker.decoder,
        reader,
        SubwordWriter(captioner.tokenizer.model),
        captioner.default_search(),
        IDS,
    )
    if pixels is not None:  # a clip of one frame of four pixels
        example = {"frames": np.full((1, 1, 2, 2, 3), 128).tolist(), "lengths": [1]}
    else:
        example = {"features": np.zeros((1, 1, recipe.feature_size)).tolist(), "lengths": [1]}
    saved_model.save(output, signatures, captioner.name, example)
