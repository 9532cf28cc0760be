"""How image captioning is put together: data, network, objective, score."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from apps.image_captioning.recipe import RECIPES, ImageCaptioningRecipe
from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Report, Task
from models.decoding.options import SearchOptions


@dataclass(frozen=True, kw_only=True)
class ImageCaptioningOptions(RunOptions):
    """What `train` is told besides: the user's own photos, and where features are kept."""

    photos: Path | None = None
    """Your own photos: a folder, or a tar file that is not unpacked."""
    captions_file: Path | None = None
    """Their captions to train on: JSON as COCO has it, or a CSV table with the columns image and caption."""
    dev_captions_file: Path | None = None
    """Captions of other photos, to score by while training."""
    features: Path = field(default_factory=lambda: Path.home() / ".cache" / "carrousel" / "features")
    """Where the photos' features are kept; later trainings find them there."""


@dataclass(frozen=True, kw_only=True)
class ImageCaptioningEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own photos."""

    photos: Path | None = None
    """Your own photos: a folder, or a tar file."""
    captions_file: Path | None = None
    """Their captions, in place of a split: JSON as COCO has it, or a CSV table."""


class ImageCaptioningTask(Task):
    """A photo into words, from one vector, without attention."""

    name = "image_captioning"
    does = "puts a photo into words"
    recipe_class = ImageCaptioningRecipe
    recipes = RECIPES
    default_recipe = "flickr8k"
    default_model = "flickr8k"
    input_kind = "image"
    speaks = True
    splits: ClassVar[tuple[str, ...]] = ("test", "val")
    options_class = ImageCaptioningOptions
    evaluate_options_class = ImageCaptioningEvaluateOptions
    search = SearchOptions(beam_size=4, max_length=24)

    def train(self, recipe: ImageCaptioningRecipe, options: ImageCaptioningOptions) -> Path:
        """Trains in up to three stages; see `Task.train`."""
        from apps.image_captioning import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The captioner in a model folder; see `Task.open`."""
        from apps.image_captioning.network import build
        from apps.image_captioning.predictor import PhotoCaptioner
        from apps.shared.recipes import of_model
        from data.tokenizers.subwords import SubwordTokenizer
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = of_model(ImageCaptioningRecipe, folder, allow_hub)
        tokenizer = SubwordTokenizer.load(folder / "subwords.model")
        with weights.room_of(folder / store.WEIGHTS):
            model = build(recipe, tokenizer.size)
        weights.load_weights(folder / store.WEIGHTS, model)
        return PhotoCaptioner(model, recipe, tokenizer, name=folder.path.name)

    def evaluate(self, predictor: Any, options: ImageCaptioningEvaluateOptions, search: Any) -> Report:
        """CIDEr-D, BLEU-1 to 4 and ROUGE-L, greedy and by beam search; see `Task.evaluate`."""
        from apps.image_captioning import evaluation
        from apps.image_captioning.corpus import read_split
        from apps.shared.errors import starting

        split = options.split or self.splits[0]
        with starting():
            part = read_split(predictor.recipe, split, options)
        own = "the user's photos" if options.captions_file else split
        return evaluation.evaluate(predictor, part, own, search)

    def export(self, predictor: Any, output: Path) -> None:
        """Writes the captioner as a SavedModel; see `Task.export`."""
        from apps.image_captioning import exporting

        exporting.export(predictor, output)
