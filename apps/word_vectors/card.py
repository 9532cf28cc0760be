"""The card that a training of word vectors writes: data and terms, recipe, figures, limits."""

from __future__ import annotations

import datetime
from typing import Any

from apps.word_vectors.recipe import WordVectorsRecipe

IMDB = (
    "The Large Movie Review Dataset (Maas et al. 2011, https://ai.stanford.edu/~amaas/data/sentiment/): its 75,000 "
    "training and unlabelled reviews; reviews whose text is a test review's were left out. No licence is stated; its "
    "README asks for citation."
)


def model_card(recipe: WordVectorsRecipe, metrics: dict[str, Any], options: Any) -> str:
    """Writes the card, in Markdown.

    Args:
        recipe: the vectors'.
        metrics: `words` and `width`, and where they were learnt here `text_words` and `epochs`.
        options: a `WordVectorsOptions`; says the seed and whose text was read.
    """
    head = f"# Word vectors: {metrics['words']:,} words, {metrics['width']} numbers each"
    if options.vectors_file is not None:
        return f"{head}\n\nRead from the user's own file; its terms are those of its author.\n"
    data = "The user's own text." if options.text_file is not None else IMDB
    return f"""{head}

word2vec (Mikolov et al. 2013), {recipe.algorithm}, window {recipe.window}, {recipe.negative} negative words, by gensim.
Small letters only; words as `data/tokenizers/words.py` cuts them. The map places the {recipe.map_words:,} most frequent
words in two dimensions so that near words stay near (as in Tang et al. 2016, "Visualizing Large-scale and
High-dimensional Data").

## Data and its terms

{data} {metrics["text_words"]:,} words.

## Training

{metrics["epochs"]} epochs, seed {options.seed}, on {datetime.date.today():%Y-%m-%d}; the recipe is in recipe.json.

## Figures

`python -m apps.word_vectors evaluate --model DIR` prints analogies and similarities with what is out of vocabulary.

## Limits

A word has one vector, whatever it means in its place. The text's opinions are in the vectors, prejudices among them.
"""
