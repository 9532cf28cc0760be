"""How sentiment is put together: data, network, objective, score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from apps.sentiment.recipe import RECIPES, SentimentRecipe
from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Report, Task


@dataclass(frozen=True, kw_only=True)
class SentimentOptions(RunOptions):
    """What `train` is told besides: the user's own table."""

    train_file: Path | None = None
    """Your own texts: a .csv or .tsv (or .gz of these) with a header, a column of texts and one of labels."""
    dev_file: Path | None = None
    """Texts to score by while training; without it a tenth of --train-file is held out."""
    text_column: str = "text"
    """The column of texts."""
    label_column: str = "label"
    """The column of labels, two or more classes."""


@dataclass(frozen=True, kw_only=True)
class SentimentEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own table."""

    file: Path | None = None
    """Your own texts to score on, a .csv or .tsv, in place of a split."""
    text_column: str = "text"
    """The column of texts."""
    label_column: str = "label"
    """The column of labels."""


class SentimentTask(Task):
    """One label a text, by a recurrent classifier."""

    name = "sentiment"
    does = "says whether a text is positive or negative"
    recipe_class = SentimentRecipe
    recipes = RECIPES
    default_recipe = "imdb"
    default_model = "imdb"
    classifies = True
    plots = True
    splits: ClassVar[tuple[str, ...]] = ("test", "dev")
    options_class = SentimentOptions
    evaluate_options_class = SentimentEvaluateOptions

    def train(self, recipe: SentimentRecipe, options: SentimentOptions) -> Path:
        """Trains a classifier; see `Task.train`."""
        from apps.sentiment import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The classifier in a model folder; see `Task.open`."""
        from apps.sentiment import network
        from apps.sentiment.predictor import Critic
        from apps.shared import recipes
        from data.tokenizers.words import WordTokenizer
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = recipes.of_model(SentimentRecipe, folder, allow_hub)
        tokenizer = WordTokenizer.load(folder / network.VOCABULARY, recipe.lowercase)
        labels = (folder / network.LABELS).read_text(encoding="utf-8").splitlines()
        with weights.room_of(folder / store.WEIGHTS):
            model = network.build(recipe, tokenizer, len(labels))
        weights.load_weights(folder / store.WEIGHTS, model)
        return Critic(model, recipe, tokenizer, labels, name=folder.path.name)

    def evaluate(self, predictor: Any, options: SentimentEvaluateOptions, search: Any) -> Report:
        """Accuracy, F1 a class and calibration; see `Task.evaluate`."""
        from apps.sentiment import evaluation

        return evaluation.evaluate(predictor, options)

    def export(self, predictor: Any, output: Path) -> None:
        """Writes the classifier as a SavedModel; see `Task.export`."""
        from serving import export
        from serving.signatures.classifying import ClassifyingSignatures
        from serving.signatures.words import WordReader

        reader = WordReader(predictor.tokenizer.words, predictor.recipe.max_length, predictor.tokenizer.lowercase)
        signatures = ClassifyingSignatures(predictor.model, reader, predictor.labels, predictor.recipe.temperature)
        example = "A film that stays with you."
        answer = predictor.predict([example])[0]
        shown = {"label": answer.label, "probability": answer.probability}
        export.save(output, signatures, predictor.name, {"text": [example]}, shown)
