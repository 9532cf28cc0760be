"""The network that a recipe describes."""

from __future__ import annotations

from apps.translation.recipe import TranslationRecipe
from data.tokenizers.special import PAD_ID, UNK_ID
from models.decoder import RecurrentDecoder
from models.encoder_decoder import EncoderDecoder
from models.encoders.text import TextEncoder


def build(recipe: TranslationRecipe, source_size: int, target_size: int) -> EncoderDecoder:
    """Makes the encoder–decoder with fresh weights.

    Args:
        recipe: what it is made of.
        source_size, target_size: the tokenizers' true vocabulary sizes.
    """
    encoder = TextEncoder(
        source_size,
        recipe.embedding_size,
        cell=recipe.cell,
        units=recipe.encoder_size,
        layers=recipe.encoder_layers,
        bidirectional=recipe.bidirectional,
        residual=recipe.residual,
        summary=recipe.summary,
        reverse=recipe.reverse_source,
        dropout=recipe.dropout,
        recurrent_dropout=recipe.recurrent_dropout,
        word_dropout=recipe.word_dropout,
        pad_id=PAD_ID,
        unknown_id=UNK_ID,
        name="encoder",
    )
    decoder = RecurrentDecoder(
        target_size,
        recipe.embedding_size,
        cell=recipe.cell,
        units=recipe.decoder_size,
        layers=recipe.decoder_layers,
        context=recipe.context,
        tie_embeddings=recipe.tie_embeddings,
        residual=recipe.residual,
        dropout=recipe.dropout,
        recurrent_dropout=recipe.recurrent_dropout,
        word_dropout=recipe.word_dropout,
        unknown_id=UNK_ID,
        name="decoder",
    )
    model = EncoderDecoder(
        encoder,
        decoder,
        recipe.label_smoothing,
        recipe.bag_of_words,
        pad_id=PAD_ID,
        consistency=recipe.consistency,
        name="translation",
    )
    model.build_weights()
    return model
