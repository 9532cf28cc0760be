"""How word vectors are put together: text or a file in, vectors, neighbours, analogies and a map out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Report, Task
from apps.word_vectors.recipe import RECIPES, WordVectorsRecipe


@dataclass(frozen=True, kw_only=True)
class WordVectorsOptions(RunOptions):
    """What `train` is told besides: the user's own text, or vectors that are there already."""

    text_file: Path | None = None
    """Your own text to learn from, plain or .gz, one sentence or paragraph a line."""
    vectors_file: Path | None = None
    """Take these vectors, a GloVe or word2vec file, in place of learning: for evaluate, predict and the page."""


@dataclass(frozen=True, kw_only=True)
class WordVectorsEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own lists."""

    analogies_file: Path | None = None
    """Your own analogies, as questions-words.txt has them, in place of --data-dir."""
    similarities_file: Path | None = None
    """Your own word pairs with scores, tabs between, in place of --data-dir."""


class WordVectorsTask(Task):
    """Words to vectors; a word to its neighbours, three words to an analogy."""

    name = "word_vectors"
    does = "finds a word's nearest words, and completes analogies"
    recipe_class = WordVectorsRecipe
    recipes = RECIPES
    default_recipe = "reviews"
    default_model = "reviews"
    uses_keras = False
    exports = False
    splits: ClassVar[tuple[str, ...]] = ("all",)
    options_class = WordVectorsOptions
    evaluate_options_class = WordVectorsEvaluateOptions

    def train(self, recipe: WordVectorsRecipe, options: WordVectorsOptions) -> Path:
        """Learns vectors from text; see `Task.train`."""
        from apps.word_vectors import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The vectors in a model folder; see `Task.open`."""
        from apps.shared import recipes
        from apps.shared.embeddings import read_folder
        from apps.word_vectors.predictor import WordExplorer
        from serving import store

        folder = store.read(path, self.name)
        places = store.read_weights(folder / store.WEIGHTS).get("map")
        recipe = recipes.of_model(WordVectorsRecipe, folder, allow_hub)
        return WordExplorer(read_folder(path), places, recipe, name=folder.path.name)

    def evaluate(self, predictor: Any, options: WordVectorsEvaluateOptions, search: Any) -> Report:
        """Analogies and similarities, with what is out of vocabulary; see `Task.evaluate`."""
        from apps.word_vectors.evaluation import evaluate

        return evaluate(predictor, options)
