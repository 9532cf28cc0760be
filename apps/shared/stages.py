"""One training run after another: teacher forcing, fine-tuning, self-critical; each in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.errors import UserError
from data.tokenizers.special import IDS
from training import fit
from training.recipe import SpeakingRecipe, TrainingRecipe

Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(items int32 (m,), token ids int32 (m, time)) → float (m,), more is better."""


class Stages:
    """Runs the stages of one training, within one time limit.

    A stage that is finished is not run again when a training is resumed: its best weights are taken.

    Args:
        options: the run's `RunOptions`.
    """

    def __init__(self, options: Any):
        self.options, self.began = options, time.monotonic()
        self.done: dict[str, dict[str, Any]] = {}

    def run(
        self,
        name: str,
        model: Any,
        recipe: TrainingRecipe,
        batches: Callable[[int], Sequence],
        evaluate: Callable[[Any], dict],
        steps_per_epoch: int,
        unit: str = "token",
    ) -> None:
        """Trains a model; afterwards it has the weights of its best evaluation. Nothing is done for 0 epochs.

        Args:
            name: of the stage, and of its folder: "1-frozen".
            model: a built `keras.Model` that computes its own loss.
            recipe: how this stage is trained.
            batches, evaluate: see `training.fit.Run`.
            steps_per_epoch: batches an epoch.
            unit: see `training.fit.Run`.

        Raises:
            training.fit.Interrupted: stopped by the time limit or by ctrl-C, with the work saved.
            UserError: it is to be trained further, and later stages were trained from it already.
        """
        if not recipe.epochs:
            return
        jit = self.options.jit and not getattr(model, "asks_the_host", False)
        fit.compile_model(model, recipe, steps_per_epoch, jit)
        if getattr(model, "scheduled_sampling", 0):
            model.sampling_steps = recipe.epochs * steps_per_epoch
        limit = self.options.time_limit
        left = None if limit is None else max(0.0, limit - (time.monotonic() - self.began))
        folder = Path(self.options.output) / "run" / name
        run = fit.Run(model, recipe, batches, evaluate, folder, time_limit=left, unit=unit)
        later = sorted(one.name for one in folder.parent.glob("[0-9]-*") if one.name > name)
        if later and not run.is_done():
            raise UserError(
                f"This run has gone on to {later[0]}, which was trained from {name} as it was: {name} cannot be "
                "trained further. Leave its flag out, or start a new run with --start-from."
            )
        progress = run.train()
        best = next((row for row in progress.history if row["epoch"] == progress.best_epoch), {})
        seconds = sum(row["seconds"] for row in progress.history)
        self.done[name] = {"epochs": progress.epoch, "seconds": round(seconds), "dev": best}


def self_critical_recipe(recipe: SpeakingRecipe) -> TrainingRecipe:
    """How the self-critical stage is trained."""
    return TrainingRecipe(
        epochs=recipe.self_critical_epochs,
        batch_size=recipe.self_critical_batch,
        learning_rate=recipe.self_critical_rate,
        schedule="linear",
        warmup_steps=50,
        weight_decay=0.0,
        clip_norm=recipe.clip_norm,
        label_smoothing=0.0,
        average=min(recipe.average, 0.99),
        stop_by=recipe.stop_by,
        patience=0,
    )


def run_self_critical(
    stages: Stages,
    name: str,
    model: Any,
    recipe: SpeakingRecipe,
    reward: Reward,
    batches: Any,
    example: Any,
    max_length: int,
    evaluate: Callable[[Any], dict],
) -> None:
    """The self-critical stage of an encoder–decoder, trained in place.

    Args:
        stages: of this training.
        name: see `Stages.run`.
        model: the encoder–decoder; what is trainable of it is trained.
        recipe: the model's.
        reward: see `training.self_critical.SelfCritical`.
        batches: epoch → batches of items without what is said of them; knows its `steps_per_epoch`.
        example: any source, as the encoder takes it.
        max_length: most tokens of an answer that is drawn.
        evaluate: takes the self-critical model, whose `.model` is the encoder–decoder.
    """
    from training import hosts
    from training.self_critical import SelfCritical

    if hosts.count() > 1:
        raise ValueError("The self-critical stage trains on one host: go on with --resume and without --hosts.")

    critical = SelfCritical(
        model,
        reward,
        IDS,
        max_length=max_length,
        samples=recipe.samples,
        seed=stages.options.seed,
        name="self_critical",
    )
    critical.build_weights(example)
    run_recipe = self_critical_recipe(recipe)
    stages.run(name, critical, run_recipe, batches, evaluate, batches.steps_per_epoch, unit="item")


def summary_of(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """The stages for a card, one line each."""
    lines = []
    for name, stage in stages.items():
        dev = ", ".join(f"{key} {stage['dev'][key]:g}" for key in ("loss", "score", "bleu_4") if key in stage["dev"])
        lines.append(f"- {name}: {stage['epochs']} epochs, {stage['seconds'] / 60:.0f} minutes; best on dev: {dev}")
    return "\n".join(lines)
