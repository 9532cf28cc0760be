"""How video captioning is put together: data, network, objective, score."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Report, Task
from apps.video_captioning.recipe import RECIPES, VideoCaptioningRecipe
from models.decoding.options import SearchOptions


def _cache() -> Path:
    return Path.home() / ".cache" / "carrousel" / "features"


@dataclass(frozen=True, kw_only=True)
class VideoCaptioningOptions(RunOptions):
    """What `train` is told besides: the user's own clips or features, and where features are kept."""

    features: Path | None = None
    """Ready frame features: a folder of .npy files, one a clip, or an .npz."""
    clips: Path | None = None
    """Your own clips: a folder of clips, or of folders of frames."""
    captions_file: Path | None = None
    """Their captions to train on: JSON as COCO has it, or a CSV table with the columns file and caption."""
    dev_captions_file: Path | None = None
    """Captions of other clips, to score by while training."""
    cache: Path = field(default_factory=_cache)
    """Where the clips' features are kept; later trainings find them there."""


@dataclass(frozen=True, kw_only=True)
class VideoCaptioningEvaluateOptions(EvaluateOptions):
    """What `evaluate` is told besides: the user's own clips or features."""

    features: Path | None = None
    """Ready frame features: a folder of .npy files, one a clip, or an .npz."""
    clips: Path | None = None
    """Your own clips: a folder of clips, or of folders of frames."""
    captions_file: Path | None = None
    """Their captions, in place of a split."""
    corpus_read: str = ""
    """Another corpus than the model was trained on: msrvtt or msvd."""
    cache: Path = field(default_factory=_cache)
    """Where the clips' features are kept."""


class VideoCaptioningTask(Task):
    """A clip into words, from one vector, without attention."""

    name = "video_captioning"
    does = "puts a clip into words"
    recipe_class = VideoCaptioningRecipe
    recipes = RECIPES
    default_recipe = "msrvtt-mean-pool"
    default_model = "msrvtt"
    input_kind = "video"
    speaks = True
    splits: ClassVar[tuple[str, ...]] = ("test", "val")
    options_class = VideoCaptioningOptions
    evaluate_options_class = VideoCaptioningEvaluateOptions
    search = SearchOptions(beam_size=4, max_length=24)

    def train(self, recipe: VideoCaptioningRecipe, options: VideoCaptioningOptions) -> Path:
        """Trains in up to two stages; see `Task.train`."""
        from apps.video_captioning import training

        return training.train(recipe, options)

    def open(self, path: Path, allow_hub: bool = False) -> Any:
        """The captioner in a model folder; see `Task.open`."""
        from apps.shared.recipes import of_model
        from apps.video_captioning.network import build, build_backbone
        from apps.video_captioning.predictor import ClipCaptioner
        from data.tokenizers.subwords import SubwordTokenizer
        from serving import store, weights

        folder = store.read(path, self.name)
        recipe = of_model(VideoCaptioningRecipe, folder, allow_hub)
        tokenizer = SubwordTokenizer.load(folder / "subwords.model")
        with weights.room_of(folder / store.WEIGHTS):
            model = build(recipe, tokenizer.size, build_backbone(recipe))
        weights.load_weights(folder / store.WEIGHTS, model)
        return ClipCaptioner(model, recipe, tokenizer, name=folder.path.name)

    def evaluate(self, predictor: Any, options: VideoCaptioningEvaluateOptions, search: Any) -> Report:
        """CIDEr-D, BLEU-1 to 4 and ROUGE-L, greedy and by beam search, with controls; see `Task.evaluate`."""
        from apps.video_captioning import evaluation

        return evaluation.evaluate(predictor, options, search)

    def export(self, predictor: Any, output: Path) -> None:
        """Writes the captioner as a SavedModel; see `Task.export`."""
        from apps.video_captioning import exporting

        exporting.export(predictor, output)
