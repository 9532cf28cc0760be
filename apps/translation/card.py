"""The model card that a training writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

import datetime
from dataclasses import fields
from typing import Any

from apps.shared.stages import summary_of
from apps.translation.recipe import TranslationRecipe

MULTI30K = (
    "Multi30k, task 1 (Elliott et al. 2016, https://github.com/multi30k/dataset): 29,000 sentence pairs that describe "
    "photos. No licence file; its README allows non-commercial research and education and asks for citation. These "
    "terms are the corpus', and a cautious user applies them to what was trained on it."
)


def model_card(recipe: TranslationRecipe, metrics: dict[str, Any], options: Any, parameters: int, pairs: int) -> str:
    """Writes the card of a trained translator, in Markdown.

    Args:
        recipe: the model's.
        metrics: `stages` and `dev_beam_5_by_length_penalty`, as `training.train` found them.
        options: the run's; says the seed and whose files were read.
        parameters: of the model.
        pairs: sentence pairs trained on.
    """
    own = options.source_file is not None
    data = f"The user's own files, {pairs:,} sentence pairs." if own else f"{MULTI30K} {pairs:,} pairs were used."
    beams = ", ".join(f"{a}: {score:.1f}" for a, score in metrics["dev_beam_5_by_length_penalty"].items())
    changed = [
        f"`--{field.name.replace('_', '-')} {value}`"
        for field in fields(recipe)
        if (value := getattr(recipe, field.name)) != field.default
    ]
    ways = "in both directions" if recipe.bidirectional else "in one direction"
    return f"""# {recipe.source}-{recipe.target}: translation without attention

An encoder–decoder of `{recipe.cell}` cells: {recipe.encoder_layers} encoder layer(s) of {recipe.encoder_size} units
{ways}, summary `{recipe.summary}`, {recipe.decoder_layers} decoder layer(s) of {recipe.decoder_size} units, context
`{recipe.context}`. {parameters:,} parameters. One vector of fixed size carries the sentence.

## Data and its terms

{data}

## Training

Seed {options.seed}, {options.precision}, on {datetime.date.today():%Y-%m-%d}. What differs from the defaults:
{", ".join(changed)}. The whole recipe is in recipe.json.

{summary_of(metrics["stages"])}

## Figures

Dev set: `loss` above is in nats a token, `score` greedy BLEU (sacreBLEU, 13a, lowercased). Beam 5 by length penalty:
{beams}.
Test figures: `python -m apps.translation evaluate --model DIR`.

## Limits

It knows captions of photos: short, present tense, people, dogs and streets. Other text is translated badly, and
fluently so. Numbers and names are often wrong. What one vector cannot hold is lost: long sentences suffer first.
"""
