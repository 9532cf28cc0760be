"""The encoder–decoder that a captioning recipe describes."""

from __future__ import annotations

from apps.shared.captioning.recipe import CaptioningRecipe
from data.tokenizers.special import PAD_ID, UNK_ID
from models.decoder import RecurrentDecoder
from models.encoder_decoder import EncoderDecoder


def build_decoder(recipe: CaptioningRecipe, vocabulary_size: int) -> RecurrentDecoder:
    """The decoder, not built.

    Args:
        recipe: what it is made of.
        vocabulary_size: the tokenizer's true size.
    """
    return RecurrentDecoder(
        vocabulary_size,
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


def join(encoder, decoder: RecurrentDecoder, recipe: CaptioningRecipe, name: str) -> EncoderDecoder:
    """An encoder and a decoder as one model for `fit`."""
    return EncoderDecoder(
        encoder,
        decoder,
        recipe.label_smoothing,
        pad_id=PAD_ID,
        scheduled_sampling=recipe.scheduled_sampling,
        name=name,
    )
