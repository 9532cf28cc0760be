"""What can be set for tagging, and the recipes of the shipped models."""

from __future__ import annotations

from dataclasses import dataclass

from apps.shared import embeddings
from training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class TaggingRecipe(TrainingRecipe):
    """A tagger of words and their characters (Plank et al. 2016) and how it is trained."""

    epochs: int = 20
    """Passes over the training data."""
    batch_size: int = 32
    """Sentences a batch."""
    label_smoothing: float = 0.0
    """Share of the probability spread evenly over all tags, 0 <= label_smoothing < 1."""
    dropout: float = 0.4
    """Share of features dropped before and after each layer, one mask over time, 0 <= dropout < 1."""
    word_dropout: float = 0.1
    """Share of words that become <unk> in training: the characters must then do."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises from zero."""
    treebank: str = "UD_English-EWT"
    """The treebank's folder in --data-dir."""
    embeddings: str = "learned"
    """Words as vectors: learned, one-hot, word2vec (trained on the treebank), word2vec:PATH, glove:PATH, hub:HANDLE."""
    embedding_size: int = 100
    """Numbers a word; those of pretrained vectors win."""
    max_words: int = 30_000
    """Most words with a vector of their own, those of pretrained vectors among them."""
    min_count: int = 2
    """A word that occurs less often in the treebank gets no trained vector: the characters must do."""
    character_size: int = 32
    """Numbers a character."""
    character_units: int = 64
    """Units of each direction that reads a word's characters."""
    cell: str = "lstm"
    """The recurrent cell: rnn, lstm, gru, peephole, block or coupled."""
    units: int = 200
    """Units of each direction that reads the words."""
    layers: int = 1
    """Layers of each direction."""
    direction_loss: float = 0.3
    """Weight of the loss of the forward and the backward verdict; 0 leaves their heads untrained."""
    window: int = 128
    """Words read at once: a longer text is cut at sentence ends and tagged in parts."""

    def __post_init__(self):
        super().__post_init__()
        embeddings.parse(self.embeddings)
        for name in ("embedding_size", "character_size", "character_units", "units", "layers", "window", "min_count"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}.")


RECIPES = {"ewt": TaggingRecipe(embeddings="word2vec:reviews", max_words=14_000, epochs=12, patience=0)}
