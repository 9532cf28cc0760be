"""One training of the captioner, from clips or features and captions to a model folder."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.captioning.batches import ArraySources, BatchesByCaption, EncodedCaptions, ItemBatches
from apps.shared.captioning.reward import caption_reward
from apps.shared.captioning.scoring import DevScore, tune_length_penalty, with_penalty
from apps.shared.captioning.start import SUBWORDS, Start
from apps.shared.captioning.text import CaptionSet, learn_tokenizer
from apps.shared.errors import UserError, starting
from apps.shared.stages import Stages, run_self_critical
from apps.video_captioning import network
from apps.video_captioning.card import model_card
from apps.video_captioning.corpus import CaptionedClips, read_split, read_texts, with_made_clips
from apps.video_captioning.features import Extractor
from apps.video_captioning.recipe import READY, VideoCaptioningRecipe
from data.tokenizers.subwords import SubwordTokenizer
from serving import store

STARTS = ("video_captioning", "image_captioning")
"""The applications whose models a training may start from."""


def train(recipe: VideoCaptioningRecipe, options: Any) -> Path:
    """Trains stage by stage, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `VideoCaptioningOptions`.

    Returns:
        `options.output`.
    """
    with starting():
        start = read_start(recipe)
        backbone = network.build_backbone(recipe, fresh=start is None)
        extractor = cache(lambda: _extractor(backbone, recipe, start))
        train_set, dev_set = (read_split(recipe, split, options, extractor) for split in ("train", "val"))
        recipe = _with_size(recipe, train_set, dev_set, backbone)
        texts = read_texts(recipe, options) if recipe.language_epochs else train_set.captions
        tokenizer = _tokenizer(texts, recipe, options)
        model = network.build(recipe, tokenizer.size, backbone)
        if start is not None:
            start.give(model, tokenizer)
        _standardise(model, train_set)
        shown = with_made_clips(train_set, recipe, options, extractor) if recipe.made_clips else train_set
        captions = EncodedCaptions(shown.captions, tokenizer, recipe.max_length)
    stages, speaker = Stages(options), model.speaker
    score = DevScore(dev_set.captions, ArraySources(dev_set.features), tokenizer, recipe)
    if recipe.language_epochs:
        _learn_language(stages, model, recipe, texts, tokenizer, score)
    batches = BatchesByCaption(captions, ArraySources(shown.features), recipe.batch_size, options.seed)
    stages.run("1-captions", speaker, recipe, batches, score, batches.steps_per_epoch)
    if recipe.self_critical_epochs:
        sources = ArraySources(train_set.features)
        items = ItemBatches(len(train_set.captions), sources, recipe.self_critical_batch, options.seed)
        critical = DevScore(
            dev_set.captions, ArraySources(dev_set.features), tokenizer, recipe, of=lambda trained: trained.model
        )
        reward = caption_reward(train_set.captions, tokenizer, recipe.self_critical_bleu)
        example = sources.take(np.arange(1), 0)
        length = recipe.max_length
        run_self_critical(stages, "2-self-critical", speaker, recipe, reward, items, example, length, critical)
    penalty, by_penalty = tune_length_penalty(score, speaker)
    recipe = with_penalty(recipe, penalty)
    metrics = {"stages": stages.done, "dev_beam_4_by_length_penalty": by_penalty}
    return store.write(
        options.output,
        task="video_captioning",
        recipe=asdict(recipe),
        model=model,
        files={SUBWORDS: tokenizer.model},
        metrics=metrics,
        card=model_card(recipe, metrics, options, int(model.count_params()), len(train_set.captions)),
        packed=True,  # with its own image encoder a captioner of clips is the largest for its share of a clone
    )


def read_start(recipe: VideoCaptioningRecipe) -> Start | None:
    """The captioner, of photos or of clips, that a training starts from; None where it starts from nothing.

    Raises:
        UserError: its sizes are not the recipe's.
        FileNotFoundError, DamagedModel: see `Start.read`.
    """
    start = Start.read(recipe.start_from, STARTS)
    if start is not None:
        start.check(recipe, also=() if recipe.image_encoder == READY else ("image_encoder",))
    return start


def _extractor(backbone: Any, recipe: VideoCaptioningRecipe, start: Start | None) -> Extractor:
    pixels = network.ClipModel(backbone, name="pixels")
    if start is not None:
        start.give(pixels)
    return Extractor(pixels, recipe)


class _NoClip:
    """Sources that say nothing: every item is the mean of all clips, which the encoder standardises to zeros."""

    def __init__(self, mean: np.ndarray):
        self.mean = mean

    def take(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `apps.shared.captioning.batches.Sources`."""
        return np.tile(self.mean, (len(items), 1, 1))

    def mirrored(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `apps.shared.captioning.batches.Sources`."""
        return np.zeros(len(items), bool)


def _learn_language(stages: Stages, model, recipe: VideoCaptioningRecipe, texts: CaptionSet, tokenizer, score) -> None:
    """Teaches the decoder how clips are spoken of, from captions without their clips."""
    mean = np.asarray(model.speaker.encoder.mean)
    captions = EncodedCaptions(texts, tokenizer, recipe.max_length)
    batches = BatchesByCaption(captions, _NoClip(mean), recipe.batch_size, stages.options.seed)
    run_recipe = replace(recipe, epochs=recipe.language_epochs, stop_by="loss")
    stages.run("0-language", model.speaker, run_recipe, batches, score, batches.steps_per_epoch)


def _with_size(recipe: VideoCaptioningRecipe, train_set, dev_set, backbone) -> VideoCaptioningRecipe:
    widths = {part.features.shape[-1] for part in (train_set, dev_set)}
    if len(widths) > 1 or (backbone is not None and widths != {backbone.features}):
        raise UserError(f"The features have different widths: {', '.join(map(str, sorted(widths)))}.")
    return replace(recipe, feature_size=widths.pop())


def _standardise(model, train_set: CaptionedClips) -> None:
    """Takes mean and deviation of the clips' mean features, as the encoder sees them."""
    real = (train_set.features != 0).any(axis=-1, keepdims=True)
    means = train_set.features.sum(axis=1) / real.sum(axis=1)
    model.speaker.encoder.standardise(means.mean(axis=0), means.std(axis=0))


def _tokenizer(texts: CaptionSet, recipe: VideoCaptioningRecipe, options: Any) -> SubwordTokenizer:
    kept = options.output / "run" / SUBWORDS
    if kept.is_file():
        return SubwordTokenizer.load(kept)
    tokenizer = learn_tokenizer(texts.captions, recipe.vocabulary)
    kept.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(kept)
    return tokenizer
