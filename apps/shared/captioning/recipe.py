"""What can be set for every model that puts something into words."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class CaptioningRecipe(TrainingRecipe):
    """A decoder that speaks from one summary, and the stages of its training.

    The fields of `TrainingRecipe` (epochs, batch_size, learning_rate, …) are those of the first stage, teacher forcing.
    """

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
    scheduled_sampling: float = 0.0
    """Share of the tokens read that are the model's own draws at a stage's end, rising from 0 (Bengio et al. 2015)."""
    self_critical_epochs: int = 0
    """Passes of self-critical training on CIDEr-D (Rennie et al. 2017), the last stage; 0 leaves it out."""
    self_critical_rate: float = 1e-4
    """Its peak learning rate."""
    self_critical_batch: int = 32
    """Its items a batch."""
    samples: int = 5
    """Captions that it draws of each item."""
    length_penalty: float = 1.0
    """The length penalty that searches use by default, tuned on the dev set."""

    def __post_init__(self):
        super().__post_init__()
        for name, least in {"vocabulary": 10, "max_length": 2, "self_critical_batch": 1, "samples": 2}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}.")
        if not 0 <= self.scheduled_sampling < 1:
            raise ValueError(f"scheduled_sampling must be at least 0 and below 1, got {self.scheduled_sampling!r}.")
        if self.self_critical_epochs < 0:
            raise ValueError(f"self_critical_epochs must be at least 0, got {self.self_critical_epochs!r}.")
