"""The network that a recipe describes."""

from __future__ import annotations

from typing import Any

from apps.pos_tagging.recipe import TaggingRecipe
from apps.pos_tagging.vocabulary import Vocabulary
from apps.shared import embeddings
from data.tokenizers.special import PAD_ID, UNK_ID
from data.word_vectors import WordVectors
from models.layers.token_embedding import build_embedding
from models.tagger import CharacterEncoder, Tagger


def build(recipe: TaggingRecipe, vocabulary: Vocabulary) -> Tagger:
    """Makes the tagger with fresh weights.

    Pretrained vectors lie in a table of their own that is not trained; the table that is trained has a row for each
    word of the treebank, and starts at zero beside them.

    Args:
        recipe: what it is made of.
        vocabulary: its words, characters and tags.
    """
    choice = embeddings.parse(recipe.embeddings)
    words, trained = vocabulary.words.words, vocabulary.trained_words
    pretrained = choice.kind in ("word2vec", "glove")
    size = recipe.embedding_size
    own = build_embedding(trained, size) if choice.is_table else embeddings.layer(choice, words, size)
    model = Tagger(
        len(vocabulary.tags),
        own,
        CharacterEncoder(
            vocabulary.characters.size,
            recipe.character_size,
            cell=recipe.cell,
            units=recipe.character_units,
            dropout=recipe.dropout / 2,
            pad_id=PAD_ID,
            name="characters",
        ),
        build_embedding(len(words), size, trainable=False, name="pretrained") if pretrained else None,
        trained_words=trained if choice.is_table and trained < len(words) else 0,
        cell=recipe.cell,
        units=recipe.units,
        layers=recipe.layers,
        dropout=recipe.dropout,
        recurrent_dropout=recipe.recurrent_dropout,
        word_dropout=recipe.word_dropout,
        direction_loss=recipe.direction_loss,
        label_smoothing=recipe.label_smoothing,
        pad_id=PAD_ID,
        unknown_id=UNK_ID,
        name="tagger",
    )
    model.build_weights()
    return model


def start_from_vectors(model: Tagger, vectors: WordVectors, vocabulary: Vocabulary) -> float:
    """Puts pretrained vectors into a fresh tagger: words without one start at zero, as the trained table does.

    Returns:
        The share of the vocabulary's words that have a vector.
    """
    import numpy as np

    words = vocabulary.words.words
    values = np.zeros((len(words), vectors.width), np.float32)
    known = 0
    for row, word in enumerate(words):
        number = vectors.find(word)
        if number is not None:
            values[row], known = vectors.vectors[number], known + 1
    pretrained: Any = model.pretrained
    pretrained.embeddings.assign(values)
    model.embedding.embeddings.assign(np.zeros((vocabulary.trained_words, vectors.width), np.float32))
    return known / len(words)
