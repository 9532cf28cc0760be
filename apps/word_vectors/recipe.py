"""What can be set for word vectors, and the recipe of those that ship."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class WordVectorsRecipe(TrainingRecipe):
    """word2vec (Mikolov et al. 2013) by gensim. Of what all recipes have, `epochs` and `learning_rate` count here."""

    epochs: int = 5
    """Passes over the text."""
    learning_rate: float = 0.025
    """At the start; falls to almost zero over the epochs."""
    algorithm: str = "skip-gram"
    """skip-gram: predict the words around from a word; cbow: a word from those around it."""
    width: int = 100
    """Numbers a word."""
    window: int = 5
    """Words looked at on either side, at most."""
    negative: int = 5
    """Words drawn against each true one (negative sampling)."""
    sample: float = 1e-4
    """Threshold above which frequent words are left out at random; 0 keeps them all."""
    min_count: int = 10
    """A word that occurs less often gets no vector."""
    max_words: int = 25_000
    """Most words; the rarer ones get none; 0 for no limit."""
    map_words: int = 20_000
    """The most frequent words that are placed on the map; 0 makes no map."""
    map_neighbours: int = 15
    """Nearest words that the map tries to keep near."""
    map_epochs: int = 300
    """Steps that lay out the map."""

    def __post_init__(self):
        super().__post_init__()
        if self.algorithm not in ("skip-gram", "cbow"):
            raise ValueError(f"algorithm must be skip-gram or cbow, got {self.algorithm!r}.")
        for name in ("width", "window", "negative", "min_count", "map_neighbours", "map_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}.")
        for name in ("max_words", "map_words", "sample"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)!r}.")


RECIPES = {"reviews": WordVectorsRecipe()}
