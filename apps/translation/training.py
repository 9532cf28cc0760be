"""One training run of the translator, from sentence pairs to a model folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.errors import UserError, starting
from apps.shared.stages import Reward, Stages, run_self_critical
from apps.translation import network
from apps.translation.card import model_card
from apps.translation.corpus import (
    EncodedBatches,
    ParallelText,
    SourceBatches,
    TrainingBatches,
    encode_pairs,
    learn_subwords,
    read_split,
)
from apps.translation.predictor import Translator
from apps.translation.recipe import TranslationRecipe
from data.batches import plan_epoch
from data.corpora import fetch, multi30k
from data.tokenizers.special import IDS
from data.tokenizers.subwords import SubwordTokenizer
from metrics.bleu import corpus_bleu, sentence_bleu
from models import backend
from models.decoding.options import SearchOptions
from models.encoder_decoder import token_loss
from serving import store, weights
from training.self_critical import words_said

SOURCE_SUBWORDS, TARGET_SUBWORDS = "source.subwords.model", "target.subwords.model"
PENALTIES = (0.6, 1.0, 1.4, 1.8)


def train(recipe: TranslationRecipe, options: Any) -> Path:
    """Trains, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `TranslationOptions`.

    Returns:
        `options.output`.
    """
    with starting():
        start = _Start.read(recipe.start_from)
        text = load(recipe, options, start)
    multiple = max(backend.WIDTH_STEP, 8 if options.jit else 1)
    batches = TrainingBatches(text, recipe, options.seed, multiple, varied=backend.NAME == "tensorflow")
    model = network.build(recipe, text.source.size, text.target.size)
    start.give(model, text)
    stages, score = Stages(options), DevScore(text, recipe)
    stages.run("1-sentences", model, recipe, batches, score, batches.steps_per_epoch)
    if recipe.self_critical_epochs:
        _self_critical(stages, model, recipe, text, batches)
    recipe, beam_scores = tune_length_penalty(model, recipe, text)
    metrics = {"stages": stages.done, "dev_beam_5_by_length_penalty": beam_scores}
    return store.write(
        options.output,
        task="translation",
        recipe=asdict(recipe),
        model=model,
        files={SOURCE_SUBWORDS: text.source.model, TARGET_SUBWORDS: text.target.model},
        metrics=metrics,
        card=model_card(recipe, metrics, options, parameters=int(model.count_params()), pairs=len(text.train)),
    )


def _self_critical(
    stages: Stages, model, recipe: TranslationRecipe, text: ParallelText, batches: TrainingBatches
) -> None:
    """The last stage: the model learns from the BLEU of its own translations of the training sentences."""
    if model.bag_layer:
        model.bag_layer.trainable = False  # it has no part in what is said
    items = SourceBatches(batches.encoded, recipe.self_critical_batch, stages.options.seed, batches.multiple)
    score = DevScore(text, recipe, of=lambda critical: critical.model)
    longest = max(len(target) for _, target in batches.encoded)
    reward = bleu_reward([target for _, target in batches.pairs], text.target)
    run_self_critical(stages, "2-self-critical", model, recipe, reward, items, items(0)[0][0]["source"], longest, score)


def bleu_reward(references: Sequence[str], tokenizer: SubwordTokenizer) -> Reward:
    """What self-critical training rewards translations by: BLEU of the sentence, smoothed, lowercased, 0 to 1."""

    def reward(items: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        said = [tokenizer.decode(words) for words in words_said(tokens, IDS)]
        scores = [sentence_bleu(one, references[item]) / 100 for item, one in zip(items, said, strict=True)]
        return np.array(scores, np.float32)

    return reward


def load(recipe: TranslationRecipe, options: Any, start: _Start) -> ParallelText:
    """Reads the sentence pairs, and learns the subwords or takes those of the run or of the model to start from."""
    if options.download:
        options = replace(options, data_dir=_download(options.data_dir))
    train_pairs, dev_pairs = read_split(recipe, "train", options), read_split(recipe, "val", options)
    kept = [options.output / "run" / name for name in (SOURCE_SUBWORDS, TARGET_SUBWORDS)]
    if all(path.is_file() for path in kept):
        source, target = (SubwordTokenizer.load(path) for path in kept)
    else:
        source, target = learn_subwords(train_pairs, recipe)
        if start.recipe and start.recipe.source == recipe.source:
            source = start.source or source
        if start.recipe and start.recipe.target == recipe.target:
            target = start.target or target
        for path, tokenizer in zip(kept, (source, target), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            tokenizer.save(path)
    return ParallelText(train=train_pairs, dev=dev_pairs, source=source, target=target)


def _download(directory: Path | None) -> Path:
    directory = directory or Path.home() / ".cache" / "carrousel"
    say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    fetch.fetch(multi30k.FILES, multi30k.HOME, directory / "multi30k", say)
    return directory


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The model that a run starts from, or nothing."""

    recipe: TranslationRecipe | None = None
    source: SubwordTokenizer | None = None
    target: SubwordTokenizer | None = None
    values: dict[str, np.ndarray] | None = None

    @classmethod
    def read(cls, name: str) -> _Start:
        if not name:
            return cls()
        folder = store.read(store.resolve(name, "translation"), "translation")
        return cls(
            recipe=TranslationRecipe(**folder.recipe),
            source=SubwordTokenizer.load(folder / SOURCE_SUBWORDS),
            target=SubwordTokenizer.load(folder / TARGET_SUBWORDS),
            values=weights.read_weights(folder / store.WEIGHTS),
        )

    def give(self, model, text: ParallelText) -> None:
        """Takes over the weights that fit by name and shape; embeddings only where the tokenizer is the same."""
        if self.values is None or self.source is None or self.target is None:
            return
        strange = [
            side
            for side, ours, theirs in (
                ("encoder/embedding", text.source, self.source),
                ("decoder/embedding", text.target, self.target),
                ("decoder/output", text.target, self.target),
            )
            if ours.model != theirs.model
        ]
        taken = 0
        for name, variable in weights.weight_names(model).items():
            value = self.values.get(name)
            if value is not None and value.shape == tuple(variable.shape) and not any(s in name for s in strange):
                variable.assign(value)
                taken += 1
        if not taken:
            raise UserError("Nothing in the model named by --start-from fits this recipe. Use the same sizes and cell.")


class DevScore:
    """Loss and greedy BLEU on the dev set.

    Args:
        text: holds the dev set.
        recipe: the model's.
        of: the training model → its encoder–decoder.
    """

    def __init__(self, text: ParallelText, recipe: TranslationRecipe, of: Callable[[Any], Any] = lambda model: model):
        self.text, self.recipe, self.of = text, recipe, of
        encoded = encode_pairs(text.dev, text, recipe)
        plan = plan_epoch(np.array([len(target) for _, target in encoded]), 128, seed=0, epoch=0)
        self.batches = EncodedBatches(encoded, plan, backend.WIDTH_STEP)
        self.translator: Any = None

    def _compile(self, model) -> None:
        def loss(source, target_in, target_out):
            output = model({"source": source, "target_in": target_in}, training=False)
            _, nats, count = token_loss(output["tokens"] if isinstance(output, dict) else output, target_out)
            return nats, count

        self.loss = backend.compiled(loss, [((None, None), "int32")] * 3)
        self.translator = Translator(model, self.recipe, self.text.source, self.text.target)

    def __call__(self, model) -> dict[str, float]:
        """`loss` in nats a token, `score`: greedy BLEU, lowercased, 0 to 100."""
        model = self.of(model)
        if self.translator is None:
            self._compile(model)
        total = tokens = 0.0
        for number in range(len(self.batches)):
            inputs, target_out = self.batches[number]
            nats, count = self.loss(inputs["source"], inputs["target_in"], target_out)
            total, tokens = total + float(nats) * float(count), tokens + float(count)
        score = _dev_bleu(self.translator, self.text, SearchOptions(beam_size=1))
        return {"loss": round(total / tokens, 4), "score": score}


def tune_length_penalty(
    model, recipe: TranslationRecipe, text: ParallelText
) -> tuple[TranslationRecipe, dict[str, float]]:
    """Chooses the length penalty by beam-5 BLEU on the dev set.

    Returns:
        The recipe with it, and BLEU by penalty.
    """
    translator = Translator(model, recipe, text.source, text.target)
    scores = {a: _dev_bleu(translator, text, SearchOptions(beam_size=5, length_penalty=a)) for a in PENALTIES}
    best = max(scores, key=lambda penalty: scores[penalty])
    return replace(recipe, length_penalty=best), {str(penalty): score for penalty, score in scores.items()}


def _dev_bleu(translator: Translator, text: ParallelText, search: SearchOptions) -> float:
    results = translator.predict([source for source, _ in text.dev], search)
    return round(corpus_bleu([result.to_line() for result in results], [target for _, target in text.dev]), 2)
