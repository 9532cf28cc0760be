"""The model card that a training writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

import datetime
from dataclasses import fields, replace
from typing import Any

from apps.pos_tagging.recipe import TaggingRecipe
from apps.shared import embeddings

TERMS = {
    "UD_English-EWT": (
        "UD_English-EWT (Silveira et al. 2014, https://universaldependencies.org): weblogs, newsgroups, email, reviews "
        "and answers. CC BY-SA 4.0."
    ),
}


def model_card(recipe: TaggingRecipe, metrics: dict[str, Any], options: Any, parameters: int, sentences: int) -> str:
    """Writes the card of a trained tagger, in Markdown.

    Args:
        recipe: the model's.
        metrics: `dev` and `epochs`, as `training.train` found them.
        options: the run's; says the seed and whose files were read.
        parameters: of the model.
        sentences: trained on.
    """
    choice = embeddings.parse(recipe.embeddings)
    if "/" in choice.place or "\\" in choice.place:  # a path of one machine says nothing on another
        recipe = replace(recipe, embeddings=choice.kept)
    own = options.train_file is not None
    named = TERMS.get(recipe.treebank, f"The treebank {recipe.treebank}; see its own README for its terms.")
    data = "The user's own file" if own else named
    changed = [
        f"`--{field.name.replace('_', '-')} {value}`"
        for field in fields(recipe)
        if (value := getattr(recipe, field.name)) != field.default
    ]
    dev = metrics["dev"]
    return f"""# Part-of-speech tagging: {"own treebank" if own else recipe.treebank}

A tagger of `{recipe.cell}` cells: {recipe.layers} layer(s) of {recipe.units} units in each direction, over word vectors
of {recipe.embedding_size} numbers and a character reader of 2 x {recipe.character_units} units. Universal tags (UPOS).
{parameters:,} parameters.

## Data and its terms

{data}

{sentences:,} training sentences. Word embeddings: `{recipe.embeddings}`; pretrained vectors carry the terms of their
text (see the card of the word vectors).

## Training

{metrics["epochs"]} epochs, seed {options.seed}, {options.precision}, on {datetime.date.today():%Y-%m-%d}. What differs
from the defaults: {", ".join(changed) or "nothing"}. The whole recipe is in recipe.json.

## Figures

Dev set, after the best epoch, on the treebank's own words: {dev["score"]:.2f} % right from both sides,
{dev["forward"]:.2f} forward only, {dev["backward"]:.2f} backward only.
Test: `python -m apps.pos_tagging evaluate --model DIR`.

## Limits

One language and the texts of its treebank. Raw text is cut into words by rules (`data/tokenizers/words.py`) that do not
always cut as the treebank does. Text of several sentences in a line is read as one.
"""
