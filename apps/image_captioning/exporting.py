"""The captioner as a SavedModel: image bytes in, captions out."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from apps.image_captioning.predictor import PhotoCaptioner
from data.tokenizers.special import IDS
from serving import export as saved_model
from serving.signatures.photo import PhotoEncoder, PhotoReader
from serving.signatures.speaking import SpeakingSignatures
from serving.signatures.text import SubwordWriter


def export(captioner: PhotoCaptioner, output: Path) -> None:
    """Writes the SavedModel and its `signatures.md`.

    Args:
        captioner: the model.
        output: an empty folder.
    """
    recipe, model = captioner.recipe, captioner.model
    signatures = SpeakingSignatures(
        PhotoEncoder(model, captioner.speaker.encoder),
        captioner.speaker.decoder,
        PhotoReader(captioner.size, recipe.max_length),
        SubwordWriter(captioner.tokenizer.model),
        captioner.default_search(),
        IDS,
        answer="caption",
    )
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 140, 220)).save(file, "PNG")
    example = {"image_bytes": [{"b64": base64.b64encode(file.getvalue()).decode()}]}
    saved_model.save(output, signatures, captioner.name, example)
