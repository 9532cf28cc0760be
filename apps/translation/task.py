"""How translation is put together: data, network, objective, score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from apps.shared.options import EvaluateOptions, RunOptions
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
    download: bool = False
    """Fetch Multi30k from its public home into --data-dir (or ~/.cache/carrousel) and check it."""


@dataclass(frozen=True, kw_only=True)
class TranslationEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own sentence pairs."""

    source_file: Path | None = None
    """Your own sentences to score on, one a line, in place of a split."""
    target_file: Path | None = None
    """Their translations, line by line."""


class TranslationTask(Task):
    """Sentences of one language into another, by an encoder–decoder without attention."""

    name = "translation"
    does = "translates a sentence"
    recipe_class = TranslationRecipe
    recipes = RECIPES
    default_recipe = "de-en"
    default_model = "de-en"
    speaks = True
    plots = True
    splits: ClassVar[tuple[str, ...]] = ("test_2016_flickr", "test_2017_flickr", "val")
    options_class = TranslationOptions
    evaluate_options_class = TranslationEvaluateOptions

    def train(self, recipe: TranslationRecipe, options: TranslationOptions) -> Path:
        """Trains an encoder–decoder; see `Task.train`."""
        from apps.translation import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The translator in a model folder; see `Task.open`."""
        from apps.shared import recipes
        from apps.translation.network import build
        from apps.translation.predictor import Translator
        from data.tokenizers.subwords import SubwordTokenizer
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = recipes.of_model(TranslationRecipe, folder, allow_hub)
        source = SubwordTokenizer.load(folder / "source.subwords.model")
        target = SubwordTokenizer.load(folder / "target.subwords.model")
        with weights.room_of(folder / store.WEIGHTS):
            model = build(recipe, source.size, target.size)
        weights.load_weights(folder / store.WEIGHTS, model)
        return Translator(model, recipe, source, target, name=folder.path.name)

    def evaluate(self, predictor: Any, options: TranslationEvaluateOptions, search: Any) -> Report:
        """BLEU and chrF, greedy and by beam search, and BLEU by source length; see `Task.evaluate`."""
        from apps.translation import evaluation

        return evaluation.evaluate(predictor, options, search)

    def export(self, predictor: Any, output: Path) -> None:
        """Writes the translator as a SavedModel; see `Task.export`."""
        from data.tokenizers.special import IDS
        from serving import export
        from serving.signatures.speaking import SpeakingSignatures
        from serving.signatures.text import SubwordReader, SubwordWriter

        model, recipe = predictor.model, predictor.recipe
        signatures = SpeakingSignatures(
            model.encoder,
            model.decoder,
            # The same limit as `Translator.limit`; a test compares them.
            SubwordReader(predictor.source.model, recipe.max_source_length, longest=lambda lengths: 2 * lengths + 10),
            SubwordWriter(predictor.target.model),
            predictor.default_search(),
            IDS,
            answer="translation",
        )
        example = _EXAMPLES.get(recipe.source, "…")
        answer = predictor.predict([example])[0]
        shown = {name: getattr(answer, name) for name in ("translation", "score", "normalized")}
        export.save(output, signatures, predictor.name, {"text": [example]}, shown)


_EXAMPLES = {
    "de": "Ein Hund rennt am Strand.",
    "en": "A dog is running on the beach.",
    "fr": "Un chien court sur la plage.",
}
"""A sentence for signatures.md, by the language read."""
