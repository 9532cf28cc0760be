"""How tagging is put together: treebank, network, objective, score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from apps.pos_tagging.recipe import RECIPES, TaggingRecipe
from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Report, Task


@dataclass(frozen=True, kw_only=True)
class TaggingOptions(RunOptions):
    """What `train` is told besides: the user's own treebank."""

    train_file: Path | None = None
    """Your own training sentences in CoNLL-U, plain, .gz or .xz; needs --dev-file too."""
    dev_file: Path | None = None
    """Sentences to score by while training."""


@dataclass(frozen=True, kw_only=True)
class TaggingEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own sentences."""

    conllu_file: Path | None = None
    """Your own sentences to score on, in CoNLL-U, in place of a split."""


class TaggingTask(Task):
    """Words to universal tags, from both sides."""

    name = "pos_tagging"
    does = "tags the words of a text with their parts of speech"
    recipe_class = TaggingRecipe
    recipes = RECIPES
    default_recipe = "ewt"
    default_model = "ewt"
    tags = True
    splits: ClassVar[tuple[str, ...]] = ("test", "dev", "train")
    options_class = TaggingOptions
    evaluate_options_class = TaggingEvaluateOptions

    def train(self, recipe: TaggingRecipe, options: TaggingOptions) -> Path:
        """Trains a tagger; see `Task.train`."""
        from apps.pos_tagging import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The tagger in a model folder; see `Task.open`."""
        from apps.pos_tagging import network
        from apps.pos_tagging.predictor import PartOfSpeechTagger
        from apps.pos_tagging.vocabulary import Vocabulary
        from apps.shared import recipes
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = recipes.of_model(TaggingRecipe, folder, allow_hub)
        vocabulary = Vocabulary.load(folder)
        with weights.room_of(folder / store.WEIGHTS):
            model = network.build(recipe, vocabulary)
        weights.load_weights(folder / store.WEIGHTS, model)
        return PartOfSpeechTagger(model, recipe, vocabulary, name=folder.path.name)

    def evaluate(self, predictor: Any, options: TaggingEvaluateOptions, search: Any) -> Report:
        """Accuracy of known and unknown words, from one side and from both; see `Task.evaluate`."""
        from apps.pos_tagging import evaluation

        return evaluation.evaluate(predictor, options)

    def export(self, predictor: Any, output: Path) -> None:
        """Writes the tagger as a SavedModel; see `Task.export`."""
        from serving import export
        from serving.signatures.tagging import TaggingSignatures

        vocabulary = predictor.vocabulary
        signatures = TaggingSignatures(predictor.model, vocabulary.words, vocabulary.characters, vocabulary.tags)
        example = "She will book the flight."
        answer = predictor.predict([example])[0]
        shown = {"words": list(answer.words), "tags": list(answer.tags)}
        export.save(output, signatures, predictor.name, {"text": [example]}, shown)
