"""The model card that a training writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from apps.sentiment.recipe import SentimentRecipe

_SST = (
    "the Stanford Sentiment Treebank (Socher et al. 2013, https://nlp.stanford.edu/sentiment/): sentences of film "
    "reviews with a label on every phrase. No licence is stated; cite the paper."
)
CORPORA = {
    "imdb": "The Large Movie Review Dataset (Maas et al. 2011, https://ai.stanford.edu/~amaas/data/sentiment/). No "
    "licence is stated; its README asks for citation. Reviews that stand in the test set, too, were left out.",
    "sst-2": f"SST-2: {_SST}",
    "sst-5": f"SST-5: {_SST}",
    "file": "The user's own table.",
}
LIMITS = {
    "file": "It knows what its table showed it.",
    "imdb": "It knows reviews of films, in English. Irony, what a film is compared with, and retold plots mislead it.",
}


def model_card(
    recipe: SentimentRecipe, metrics: dict[str, Any], options: Any, parameters: int, labels: Sequence[str]
) -> str:
    """Writes the card of a trained classifier, in Markdown.

    Args:
        recipe: the model's.
        metrics: `dev`, `temperature`, `calibration_error`, `epochs` and `texts`, as `training.train` found them.
        options: the run's; says the seed.
        parameters: of the model.
        labels: the classes.
    """
    changed = [
        f"`--{one.name.replace('_', '-')} {value}`"
        for one in fields(recipe)
        if (value := getattr(recipe, one.name)) != one.default
    ]
    start = f" Its weights and word vectors started from `{recipe.start_from}`." if recipe.start_from else ""
    ways = "in both directions" if recipe.bidirectional else "in one direction"
    error, dev = metrics["calibration_error"], metrics["dev"]
    return f"""# {recipe.corpus}: one label a text

{recipe.layers} layer(s) of {recipe.units} `{recipe.cell}` units {ways} over word embeddings (`{recipe.embeddings}`,
{recipe.embedding_size} wide), pooling `{recipe.pooling}`, and a linear layer. {parameters:,} parameters. Classes:
{", ".join(labels)}.

## Data and its terms

{CORPORA[recipe.corpus]}{start}

## Training

{metrics["epochs"]} epochs over {metrics["texts"]:,} texts, seed {options.seed}, {options.precision}, on
{datetime.date.today():%Y-%m-%d}. What differs from the defaults: {", ".join(changed)}. recipe.json has all of it.

## Figures

Dev set, after the best epoch: accuracy {dev["score"]:.2f}, {dev["loss"]:.3f} nats a text. Temperature found there:
{recipe.temperature:g}. Expected calibration error there: {error["before"]:.2f} without, {error["after"]:.2f} with it.
Test figures: `python -m apps.sentiment evaluate --model DIR`.

## Limits

{LIMITS.get(recipe.corpus, LIMITS["imdb"])} A label is always given, for any text at all.
"""
