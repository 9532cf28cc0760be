"""How translation is put together: data, network, objective, score."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from apps.shared.errors import UserError
from apps.shared.options import RunOptions
from apps.shared.task import Report, Task
from apps.translation.recipe import RECIPES, TranslationRecipe


@dataclass(frozen=True, kw_only=True)
class TranslationOptions(RunOptions):
    """What `train` is told besides: the user's own sentence pairs."""

    source_file: Path | None = None
    """Your own training sentences, one a line; needs the three below too."""
    target_file: Path | None = None
    """Their translations, line by line."""
    dev_source_file: Path | None = None
    """Sentences to score by while training."""
    dev_target_file: Path | None = None
    """Their translations."""


class TranslationTask(Task):
    """Sentences of one language into another, by an encoder–decoder without attention."""

    name = "translation"
    does = "translates a sentence"
    recipe_class = TranslationRecipe
    recipes = RECIPES
    default_recipe = "de-en"
    default_model = "de-en"
    speaks = True
    splits: ClassVar[tuple[str, ...]] = ("test_2016_flickr", "test_2017_flickr", "val")
    options_class = TranslationOptions

    def train(self, recipe: TranslationRecipe, options: TranslationOptions) -> Path:
        """Trains an encoder–decoder; see `Task.train`."""
        from apps.translation import training

        return training.train(recipe, options)

    def open(self, path: Path) -> Any:
        """The translator in a model folder; see `Task.open`."""
        from apps.translation.network import build
        from apps.translation.predictor import Translator
        from data.tokenizers.subwords import SubwordTokenizer
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = TranslationRecipe(**folder.recipe)
        source = SubwordTokenizer.load(folder / "source.subwords.model")
        target = SubwordTokenizer.load(folder / "target.subwords.model")
        model = build(recipe, source.size, target.size)
        weights.load_weights(folder / store.WEIGHTS, model)
        return Translator(model, recipe, source, target, name=folder.path.name)
