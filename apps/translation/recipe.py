"""What can be set for translation, and the recipes of the shipped models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.recipe import SpeakingRecipe


@dataclass(frozen=True, kw_only=True)
class TranslationRecipe(SpeakingRecipe):
    """An encoder–decoder (Cho et al. 2014, Sutskever et al. 2014) and how it is trained."""

    source: str = "de"
    """Language read; names the corpus' files."""
    target: str = "en"
    """Language written."""
    corpus: str = "multi30k"
    """multi30k, or files: the user's own, see --source-file."""
    source_vocabulary: int = 4000
    """Subword pieces of the source language, special tokens included."""
    target_vocabulary: int = 4000
    """Subword pieces of the target language, special tokens included."""
    subword_sampling: float = 0.0
    """Segment the source anew in every epoch (Kudo 2018): the smoothing, 0.2 to 0.5; 0 keeps the best segmentation."""
    max_source_length: int = 100
    """Tokens of a source sentence, </s> included: longer ones are left out of training and cut in use."""
    max_target_length: int = 100
    """Tokens of a target sentence, </s> included."""
    cell: str = "lstm"
    """The recurrent cell of encoder and decoder: rnn, lstm, gru, peephole, block or coupled."""
    embedding_size: int = 256
    """Width of the token embeddings."""
    encoder_size: int = 256
    """Units of each direction of each encoder layer."""
    encoder_layers: int = 2
    """Encoder layers."""
    bidirectional: bool = True
    """Read the source in both directions."""
    reverse_source: bool = False
    """Read the source from its end (Sutskever et al. 2014)."""
    summary: str = "pooled"
    """The sentence's summary: last, the final states; or pooled, these and the maximum over time of every output."""
    decoder_size: int = 512
    """Units of each decoder layer."""
    decoder_layers: int = 1
    """Decoder layers."""
    context: str = "every-step"
    """Show the summary to the decoder at every-step (Cho et al. 2014), or at the start (Sutskever et al. 2014)."""
    tie_embeddings: bool = True
    """The output's weights are the target embedding's."""
    residual: bool = True
    """Add a layer's input to its output, from the second layer on."""
    bag_of_words: float = 0.2
    """Weight of the loss that asks the summary for the set of target words; 0 switches it off."""
    consistency: float = 0.0
    """Weight of the loss that wants two passes with different dropout to agree (Liang et al. 2021); 0: no such loss."""


_SHIPPED: dict[str, Any] = {
    "epochs": 17,
    "batch_size": 64,
    "learning_rate": 1.5e-3,
    "dropout": 0.25,
    "average": 0.998,
    "patience": 0,
}
# Half the weights, so that four models are 60 MB together. Minutes on a GPU; 15 epochs without consistency, 90 minutes
# on two cores, give one or two points of BLEU less: see docs/notes/translation.md.
_SMALL: dict[str, Any] = {
    "epochs": 80,
    "consistency": 3.0,
    "evaluate_every": 8,
    "word_dropout": 0.1,
    "average": 0.998,
    "patience": 0,
    "embedding_size": 176,
    "encoder_size": 176,
    "decoder_size": 352,
}

RECIPES = {
    "de-en": TranslationRecipe(source="de", target="en", **_SHIPPED),
    "en-de": TranslationRecipe(source="en", target="de", **_SHIPPED),
    "fr-en": TranslationRecipe(source="fr", target="en", **_SMALL),
    "en-fr": TranslationRecipe(source="en", target="fr", **_SMALL),
}
