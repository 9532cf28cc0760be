"""The network that a recipe describes."""

from __future__ import annotations

from apps.sentiment.recipe import SentimentRecipe
from apps.shared import embeddings
from data.tokenizers.special import PAD_ID, UNK_ID
from data.tokenizers.words import WordTokenizer
from models.classifier import RecurrentClassifier

VOCABULARY, LABELS = "vocabulary.txt", "labels.txt"
"""What a model folder has besides the weights."""


def build(recipe: SentimentRecipe, tokenizer: WordTokenizer, classes: int) -> RecurrentClassifier:
    """Makes the classifier with fresh weights.

    Args:
        recipe: what it is made of; its `embedding_size` is the true width of the vectors.
        tokenizer: the vocabulary.
        classes: how many.
    """
    choice = embeddings.parse(recipe.embeddings)
    model = RecurrentClassifier(
        embeddings.layer(choice, tokenizer.words, recipe.embedding_size),
        classes,
        cell=recipe.cell,
        units=recipe.units,
        layers=recipe.layers,
        bidirectional=recipe.bidirectional,
        residual=recipe.residual,
        pooling=recipe.pooling,
        dropout=recipe.dropout,
        recurrent_dropout=recipe.recurrent_dropout,
        word_dropout=recipe.word_dropout,
        label_smoothing=recipe.label_smoothing,
        adversarial=recipe.adversarial,
        pad_id=PAD_ID,
        unknown_id=UNK_ID,
        name="sentiment",
    )
    model.build_weights()
    return model
