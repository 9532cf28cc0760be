"""The model card that a training writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

from typing import Any

from apps.shared.captioning.card import Card, write_card
from apps.video_captioning.recipe import READY, VideoCaptioningRecipe

_DATA = {
    "msrvtt": (
        "MSR-VTT (Xu et al. 2016), 20 captions a clip, official splits, of which only the clips with frames at hand "
        "were used: two to four frames of 160 × 120 pixels a clip, as ImageCoDe (Krojer et al. 2022) chose them. "
        "Research use; the clips belong to their uploaders, and none is in this model's folder."
    ),
    "msvd": (
        "MSVD (Chen & Dolan 2011), official lists, of which only the clips at hand were used. Research use; the clips "
        "belong to their uploaders, and none is in this model's folder."
    ),
    "video_svo": "ResNet-152 features of 447 clips with one subject, relation and object each. No licence is stated.",
    "files": "The user's own clips.",
}


def model_card(
    recipe: VideoCaptioningRecipe, metrics: dict[str, Any], options: Any, parameters: int, clips: int
) -> str:
    """Writes the card of a trained captioner, in Markdown.

    Args:
        recipe: the model's.
        metrics: `stages` and `dev_beam_4_by_length_penalty`.
        options: the run's; says the seed and whose files were read.
        parameters: of the model, its image encoder included.
        clips: trained on.
    """
    own = "files" if options.captions_file is not None else recipe.corpus
    data = f"{_DATA[own]} {clips:,} clips were trained on."
    if recipe.image_encoder == READY:
        reads = f"Ready frame features ({recipe.feature_size} a frame)"
    else:
        reads = (
            f"Frames, squashed to {recipe.frame_width} × {recipe.frame_height} pixels, are read by "
            f"{recipe.image_encoder} (frozen), the mean of whose last map is a frame's features; these"
        )
        data += (
            f" The image encoder is that of the captioner {recipe.start_from}, whose card has the terms of its data."
            if recipe.start_from
            else f" The image encoder has ImageNet weights of {recipe.image_encoder}, from the package "
            f"{recipe.image_encoder}-pytorch-model 0.1.0 (Apache-2.0)."
        )
    how = "are averaged over time" if recipe.encoder == "mean-pool" else "are read by an LSTM, whose last state is kept"
    card = Card(
        title="Captions for clips, without attention",
        network=f"{reads} {how}; that one vector is all that the decoder sees.",
        data=data,
        evaluate="python -m apps.video_captioning evaluate --model DIR",
        limits="It says what its corpus says: people who talk, cook, sing, drive and play, in the words of a crowd. It "
        "sees a few still frames: what happens between them, who speaks, and what is said, it guesses. Sex, age and "
        "number of people are often wrong, text within pictures is not read. Do not use it where a wrong "
        "word does harm.",
    )
    return write_card(card, recipe, metrics, options, parameters)
