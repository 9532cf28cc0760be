"""One training of the captioner, from clips or features and captions to a model folder."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from apps.shared.captioning.batches import ArraySources, BatchesByCaption, EncodedCaptions, ItemBatches
from apps.shared.captioning.scoring import DevScore, tune_length_penalty, with_penalty
from apps.shared.captioning.stages import Stages, run_self_critical
from apps.shared.captioning.text import learn_tokenizer
from apps.shared.errors import UserError, starting
from apps.video_captioning import network
from apps.video_captioning.card import model_card
from apps.video_captioning.corpus import CaptionedClips, read_split
from apps.video_captioning.features import Extractor
from apps.video_captioning.recipe import VideoCaptioningRecipe
from data.tokenizers.subwords import SubwordTokenizer
from serving import store

SUBWORDS = "subwords.model"


def train(recipe: VideoCaptioningRecipe, options: Any) -> Path:
    """Trains stage by stage, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `VideoCaptioningOptions`.

    Returns:
        `options.output`.
    """
    with starting():
        backbone = network.build_backbone(recipe, fresh=True)
        pixels = network.ClipModel(backbone, name="pixels")
        train_set, dev_set = (
            read_split(recipe, split, options, lambda: Extractor(pixels, recipe)) for split in ("train", "val")
        )
        recipe = _with_size(recipe, train_set, dev_set, backbone)
        tokenizer = _tokenizer(train_set, recipe, options)
        model = network.build(recipe, tokenizer.size, backbone)
        _standardise(model, train_set)
        captions = EncodedCaptions(train_set.captions, tokenizer, recipe.max_length)
    stages, speaker = Stages(options), model.speaker
    sources = ArraySources(train_set.features)
    batches = BatchesByCaption(captions, sources, recipe.batch_size, options.seed)
    score = DevScore(dev_set.captions, ArraySources(dev_set.features), tokenizer, recipe)
    stages.run("1-captions", speaker, recipe, batches, score, batches.steps_per_epoch)
    if recipe.self_critical_epochs:
        items = ItemBatches(len(train_set.captions), sources, recipe.self_critical_batch, options.seed)
        critical = DevScore(
            dev_set.captions, ArraySources(dev_set.features), tokenizer, recipe, of=lambda trained: trained.model
        )
        run_self_critical(stages, "2-self-critical", speaker, recipe, train_set.captions, tokenizer, items, critical)
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
    )


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


def _tokenizer(train_set: CaptionedClips, recipe: VideoCaptioningRecipe, options: Any) -> SubwordTokenizer:
    kept = options.output / "run" / SUBWORDS
    if kept.is_file():
        return SubwordTokenizer.load(kept)
    tokenizer = learn_tokenizer(train_set.captions.captions, recipe.vocabulary)
    kept.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(kept)
    return tokenizer
