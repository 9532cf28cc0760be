"""What can be set for every model that puts something into words."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe import SpeakingRecipe


@dataclass(frozen=True, kw_only=True)
class CaptioningRecipe(SpeakingRecipe):
    """A decoder that speaks from one summary, and the stages of its training."""

    vocabulary: int = 3000
    """Subword pieces, special tokens included."""
    max_length: int = 24
    """Tokens of a caption, </s> included: longer ones are left out of training, and answers end there."""
    cell: str = "lstm"
    """The decoder's recurrent cell: rnn, lstm, gru, peephole, block or coupled."""
    embedding_size: int = 256
    """Width of the token embeddings."""
    decoder_size: int = 512
    """Units of each decoder layer."""
    decoder_layers: int = 1
    """Decoder layers."""
    context: str = "first-input"
    """How the decoder sees the summary: first-input (Show and Tell), start, every-step, inject or merge."""
    tie_embeddings: bool = True
    """The output's weights are the embedding's."""
    residual: bool = True
    """Add a layer's input to its output, from the second layer on."""
    self_critical_bleu: float = 0.0
    """The last stage is rewarded by CIDEr-D, and by this much smoothed BLEU-4 beside it."""
    scheduled_sampling: float = 0.0
    """Share of the tokens read that are the model's own draws at a stage's end, rising from 0 (Bengio et al. 2015)."""

    def __post_init__(self):
        super().__post_init__()
        for name, least in {"vocabulary": 10, "max_length": 2}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}.")
        if not 0 <= self.self_critical_bleu <= 100:
            raise ValueError(f"self_critical_bleu must be 0 to 100, got {self.self_critical_bleu!r}.")
        if not 0 <= self.scheduled_sampling < 1:
            raise ValueError(f"scheduled_sampling must be at least 0 and below 1, got {self.scheduled_sampling!r}.")
