"""What can be set for sentiment, and the recipes of the shipped models."""

from __future__ import annotations

from dataclasses import dataclass

from apps.shared import embeddings
from training.recipe import TrainingRecipe

CORPORA = ("imdb", "sst-2", "sst-5", "file")
POOLINGS = ("last", "max", "mean")


@dataclass(frozen=True, kw_only=True)
class SentimentRecipe(TrainingRecipe):
    """A recurrent classifier of texts, and how it is trained."""

    corpus: str = "imdb"
    """imdb, sst-2, sst-5, or file: the user's own table, see --train-file."""
    phrases: bool = True
    """SST: train on every phrase that has a label, not on the whole sentences alone."""
    vocabulary: int = 20_000
    """Most words known, special tokens included."""
    rarest: int = 2
    """Words that the training texts have less often are unknown."""
    lowercase: bool = True
    """Read all letters as small ones."""
    window: int = 400
    """Words of a text that training reads; of a longer text its end."""
    max_length: int = 2_500
    """Words of a text that are read in use; a longer text is cut at the end of a sentence."""
    embeddings: str = "learned"
    """learned, one-hot, word2vec (trained on the training texts), word2vec:PATH, glove:PATH or hub:HANDLE."""
    embedding_size: int = 128
    """Width of the word embeddings, where the embeddings do not say it."""
    cell: str = "lstm"
    """The recurrent cell: rnn, lstm, gru, peephole, block or coupled."""
    units: int = 128
    """Units of each direction of each layer."""
    layers: int = 1
    """Recurrent layers."""
    bidirectional: bool = True
    """Read the text in both directions."""
    residual: bool = True
    """Add a layer's input to its output, from the second layer on."""
    pooling: str = "max"
    """What decides: last, the state at the end alone; max or mean, over time, of every output."""
    adversarial: float = 0.0
    """How far training moves each text's embeddings towards a greater loss (Miyato et al. 2017); 0 for not at all."""
    temperature: float = 1.0
    """What logits are divided by, so that probabilities mean what they say; found on the dev set."""

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("vocabulary", 5), ("window", 2), ("max_length", 2), ("units", 1), ("layers", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}.")
        for name, choices in (("corpus", CORPORA), ("pooling", POOLINGS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}.")
        embeddings.parse(self.embeddings)
        if self.adversarial < 0:
            raise ValueError(f"adversarial must be at least 0, got {self.adversarial!r}.")
        if not 0 < self.temperature:
            raise ValueError(f"temperature must be above 0, got {self.temperature!r}.")


_SST = SentimentRecipe(
    corpus="sst-2",
    start_from="imdb",
    vocabulary=14_000,
    rarest=10,
    window=60,
    max_length=400,
    units=64,
    epochs=4,
    batch_size=128,
    learning_rate=1e-3,
    warmup_steps=200,
    label_smoothing=0.0,
    dropout=0.4,
    word_dropout=0.05,
    average=0.995,
    patience=0,
)
RECIPES = {
    "imdb": SentimentRecipe(
        embeddings="word2vec",
        units=64,
        epochs=5,
        batch_size=64,
        learning_rate=1.5e-3,
        warmup_steps=200,
        label_smoothing=0.0,
        dropout=0.3,
        word_dropout=0.1,
        average=0.995,
        patience=0,
    ),
    "sst-2": _SST,
    "sst-5": SentimentRecipe(**{**vars(_SST), "corpus": "sst-5"}),
}
