"""One training run of the translator, from sentence pairs to a model folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apps.shared.errors import UserError
from apps.translation import network
from apps.translation.corpus import EncodedBatches, Pair, ParallelText, TrainingBatches, learn_subwords
from apps.translation.predictor import Translator
from apps.translation.recipe import TranslationRecipe
from data.batches import plan_epoch
from data.corpora import multi30k
from metrics.bleu import corpus_bleu
from models.decoding.options import SearchOptions
from models.encoder_decoder import token_loss
from serving import store
from training import fit


def train(recipe: TranslationRecipe, options: Any) -> Path:
    """Trains, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `TranslationOptions`.

    Returns:
        `options.output`.
    """
    text = load(recipe, options)
    batches = TrainingBatches(text, recipe, options.seed, multiple=8 if options.jit else 1)
    model = network.build(recipe, text.source.size, text.target.size)
    fit.compile_model(model, recipe, batches.steps_per_epoch, options.jit)
    evaluate = DevScore(text, recipe)
    run = fit.Run(model, recipe, batches, evaluate, options.output / "run", time_limit=options.time_limit)
    progress = run.train()
    figures = progress.history[progress.best_epoch - 1] if progress.history else {}
    return store.write(
        options.output,
        task="translation",
        recipe=asdict(recipe),
        model=model,
        files={"source.subwords.model": text.source.model, "target.subwords.model": text.target.model},
        metrics={"dev": figures},
        card="",
    )


def load(recipe: TranslationRecipe, options: Any) -> ParallelText:
    """Reads the sentence pairs and learns (or, in a resumed run, reads again) the subwords."""
    directory = options.data_dir
    pairs = {
        split: multi30k.read_pairs(directory, split, recipe.source, recipe.target) for split in ("train", "val")
    }
    source, target = learn_subwords(pairs["train"], recipe)
    return ParallelText(train=pairs["train"], dev=pairs["val"], source=source, target=target)


class DevScore:
    """Loss and greedy BLEU on the dev set.

    Args:
        text: holds the dev set.
        recipe: the model's.
    """

    def __init__(self, text: ParallelText, recipe: TranslationRecipe):
        self.text, self.recipe = text, recipe
        encoded = [(text.source.encode(s), text.target.encode(t)) for s, t in text.dev]
        plan = plan_epoch([len(t) for _, t in encoded], 128, seed=0, epoch=0)
        self.batches = EncodedBatches(encoded, plan)
        self.translator: Translator | None = None

    def __call__(self, model) -> dict[str, float]:
        """`loss` in nats a token, `score`: greedy BLEU, 0 to 100."""
        total = tokens = 0.0
        for number in range(len(self.batches)):
            inputs, target_out = self.batches[number]
            _, nats, count = token_loss(_logits(model(inputs, training=False)), target_out)
            total, tokens = total + float(nats) * float(count), tokens + float(count)
        if self.translator is None:
            self.translator = Translator(model, self.recipe, self.text.source, self.text.target)
        results = self.translator.predict([source for source, _ in self.text.dev], SearchOptions(beam_size=1))
        score = corpus_bleu([result.to_line() for result in results], [target for _, target in self.text.dev])
        return {"loss": round(total / tokens, 4), "score": round(score, 2)}


def _logits(output):
    return output["tokens"] if isinstance(output, dict) else output
