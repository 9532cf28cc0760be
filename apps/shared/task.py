"""What every task gives, so that the commands, the pages and the tests treat all applications alike.

This module and every `task.py` and `recipe.py` import nothing heavy (Keras, TensorFlow, Streamlit) at the top: the
methods do, once the flags are parsed, so that `--help` answers at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.predictor import Predictor
from models.decoding.options import SearchOptions
from training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of one evaluation.

    Attributes:
        scores: JSON-ready, the metrics at the top level under the field's names, signatures and settings beside them.
        table: the same for people: text of several lines.
        plot: a picture as SVG text, where there is one to draw.
    """

    scores: Mapping[str, Any]
    table: str
    plot: str | None = None


class Task(ABC):
    """One application's task.

    Attributes:
        name: the folder's name under `apps/`, and in `python -m apps.NAME`.
        does: what it does, for the list of applications: "translates a sentence".
        recipe_class: what can be set; extends `TrainingRecipe`. Every field becomes a flag of `train`.
        recipes: the named recipes; the shipped models' among them.
        default_recipe: the recipe that `train` takes without `--recipe`; empty takes the class' own defaults.
        default_model: the model that is used without `--model`.
        input_kind: what one input is; it names the flag: --text, --image or --video.
        speaks, classifies, tags: what the answers are. A task that speaks gets the search flags and `--trace`.
        uses_keras: whether its work needs Keras at all.
        exports: whether there is a SavedModel to write.
        plots: whether `evaluate` can draw something, for `--plot`.
        splits: names for `--split`, the default first.
        options_class: a subclass of `RunOptions`, where `train` takes files of its own.
        evaluate_options_class: a subclass of `EvaluateOptions`, likewise.
        search: the defaults of the search flags, a `SearchOptions`; None takes the class' own.
    """

    name: ClassVar[str]
    does: ClassVar[str] = ""
    recipe_class: ClassVar[type[TrainingRecipe]]
    recipes: ClassVar[Mapping[str, TrainingRecipe]] = {}
    default_recipe: ClassVar[str] = ""
    default_model: ClassVar[str] = ""
    input_kind: ClassVar[Literal["text", "image", "video"]] = "text"
    speaks: ClassVar[bool] = False
    classifies: ClassVar[bool] = False
    tags: ClassVar[bool] = False
    uses_keras: ClassVar[bool] = True
    exports: ClassVar[bool] = True
    plots: ClassVar[bool] = False
    splits: ClassVar[tuple[str, ...]] = ("test",)
    options_class: ClassVar[type[RunOptions]] = RunOptions
    evaluate_options_class: ClassVar[type[EvaluateOptions]] = EvaluateOptions
    search: ClassVar[SearchOptions | None] = None

    @abstractmethod
    def train(self, recipe: Any, options: Any) -> Path:
        """Trains a model and writes its folder with `serving.store`.

        The command has checked `options.output` (new, or a run of this task when `options.resume`), set the seed
        and the precision for the whole process, and keeps recipe and options in `output/run/` for resuming; this
        method keeps its checkpoints there too. Read the data within `errors.starting()`: what is wrong with it then
        ends the command with exit code 2 and one line, and leaves no half-begun run.

        Args:
            recipe: an instance of `recipe_class`.
            options: an instance of `options_class`.

        Returns:
            The model folder, `options.output`.

        Raises:
            training.fit.Interrupted: stopped by the time limit or by ctrl-C, with the work saved.
            UserError: the data cannot be used; the message says what to do.
        """

    @abstractmethod
    def open(self, path: Path, allow_hub: bool = False) -> Predictor:
        """The trained model in `path`, ready to answer.

        Somebody else may have made the folder: read it by `serving.store.read`, its recipe by
        `apps.shared.recipes.of_model`, and build the network within `serving.weights.room_of`.

        Args:
            path: the folder.
            allow_hub: the user trusts the TensorFlow Hub modules that the model names. Pages never say so.

        Raises:
            serving.store.DamagedModel: a file is missing or damaged, or a module is named and not allowed.
        """

    @abstractmethod
    def evaluate(self, predictor: Any, options: Any, search: Any) -> Report:
        """Scores a model on `options.split` from `options.data_dir`.

        Args:
            predictor: what `open` gave.
            options: an instance of `evaluate_options_class`. Read the data within `errors.starting()`, as in `train`.
            search: `SearchOptions` where the task speaks, else None.
        """

    def export(self, predictor: Any, output: Path) -> None:
        """Writes a SavedModel and its `signatures.md` into `output`, an empty folder (the command renames it)."""
        raise NotImplementedError(f"{self.name} has no SavedModel.")

    def default_search(self, recipe: Any = None) -> SearchOptions:
        """The defaults of the search flags.

        Args:
            recipe: the chosen model's recipe; None where there is no model. Its `length_penalty`, where it has one, was
                tuned for the model and wins.
        """
        search = self.search or SearchOptions()
        return replace(search, length_penalty=getattr(recipe, "length_penalty", search.length_penalty))
