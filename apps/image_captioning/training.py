"""One training of the captioner, from photos and captions to a model folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.image_captioning import network
from apps.image_captioning.card import model_card, other_photos
from apps.image_captioning.corpus import CaptionedPhotos, read_split
from apps.image_captioning.features import KeptMaps, ViewSources, pooled
from apps.image_captioning.predictor import PhotoCaptioner
from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.shared.captioning.batches import (
    ArraySources,
    BatchesByCaption,
    BatchesByItem,
    EncodedCaptions,
    ItemBatches,
)
from apps.shared.captioning.network import join
from apps.shared.captioning.reward import caption_reward
from apps.shared.captioning.scoring import DevScore, tune_length_penalty, with_penalty
from apps.shared.captioning.start import SUBWORDS, Start, fingerprint
from apps.shared.captioning.text import learn_tokenizer
from apps.shared.errors import starting
from apps.shared.stages import Stages, run_self_critical
from data.tokenizers.subwords import SubwordTokenizer
from models.encoders.image import UpperEncoder
from serving import store
from training.recipe import TrainingRecipe


def train(recipe: ImageCaptioningRecipe, options: Any) -> Path:
    """Trains stage by stage, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: an `ImageCaptioningOptions`.

    Returns:
        `options.output`.
    """
    with starting():
        train_set, dev_set = (read_split(recipe, split, options) for split in ("train", "val"))
        start = Start.read(recipe.start_from, ("image_captioning",))
        tokenizer = _tokenizer(train_set, recipe, options)
        model = network.build(recipe, tokenizer.size, fresh=start is None)
        if start is not None:
            start.check(recipe, also=("image_encoder",))
            start.give(model, tokenizer)
        work = _Work.prepare(model, recipe, options, train_set, dev_set, tokenizer)
    stages = Stages(options)
    work.frozen(stages)
    if recipe.fine_tune_epochs:
        work.fine_tuned(stages)
    if recipe.self_critical_epochs:
        work.self_critical(stages)
    penalty, by_penalty = tune_length_penalty(work.dev_score(), model.speaker)
    recipe = with_penalty(recipe, penalty)
    metrics = {"stages": stages.done, "dev_beam_4_by_length_penalty": by_penalty}
    parameters, photos = int(model.count_params()), len(train_set.captions)
    others = other_photos(PhotoCaptioner(model, recipe, tokenizer))
    return store.write(
        options.output,
        task="image_captioning",
        recipe=asdict(replace(recipe, image_weights="")),
        model=model,
        files={SUBWORDS: tokenizer.model},
        metrics=metrics,
        card=model_card(recipe, metrics, options, parameters, photos, others),
    )


def _tokenizer(train_set: CaptionedPhotos, recipe: ImageCaptioningRecipe, options: Any) -> SubwordTokenizer:
    kept = options.output / "run" / SUBWORDS
    if kept.is_file():
        return SubwordTokenizer.load(kept)
    tokenizer = learn_tokenizer(train_set.captions.captions, recipe.vocabulary)
    kept.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(kept)
    return tokenizer


@dataclass(kw_only=True)
class _Work:
    """What the stages share.

    Attributes:
        train_maps: for each view what the backbone's lower part gives, on the disk; dev_maps likewise, one view.
        train_features, dev_features: their mean features, by the backbone as it is now.
    """

    model: network.PhotoModel
    recipe: ImageCaptioningRecipe
    seed: int
    train: CaptionedPhotos
    dev: CaptionedPhotos
    tokenizer: SubwordTokenizer
    captions: EncodedCaptions
    train_maps: list[np.ndarray]
    dev_maps: np.ndarray
    train_features: list[np.ndarray]
    dev_features: np.ndarray

    @classmethod
    def prepare(cls, model, recipe, options, train_set, dev_set, tokenizer) -> _Work:
        """Computes the features, or finds them on the disk."""
        key = f"{recipe.image_encoder} {recipe.image_weights} {getattr(model.backbone, 'split', '')}"
        if recipe.start_from:
            # What is kept hangs on the lower blocks alone, which fine-tuning leaves as they are.
            key += f" {fingerprint(*getattr(model.backbone, 'lower_layers', [model.backbone]))}"
        kept = KeptMaps(options.features, model.backbone, key, recipe)
        dev_maps = kept.get(dev_set.captions.names, dev_set.files, 0)
        train_maps = [kept.get(train_set.captions.names, train_set.files, view) for view in range(recipe.views)]
        work = cls(
            model=model,
            recipe=recipe,
            seed=options.seed,
            train=train_set,
            dev=dev_set,
            tokenizer=tokenizer,
            captions=EncodedCaptions(train_set.captions, tokenizer, recipe.max_length),
            train_maps=train_maps,
            dev_maps=dev_maps,
            train_features=[],
            dev_features=np.zeros(0),
        )
        work.read_features()
        whole = work.train_features[0][:, 0]
        model.speaker.encoder.standardise(whole.mean(axis=0), whole.std(axis=0))
        return work

    def read_features(self) -> None:
        """The mean features, by the backbone as it is now."""
        self.train_features = [pooled(maps, self.model.backbone) for maps in self.train_maps]
        self.dev_features = pooled(self.dev_maps, self.model.backbone)

    def views(self, arrays: list[np.ndarray]) -> ViewSources:
        """Training sources from one array a view."""
        return ViewSources(arrays, self.train.captions.names, self.recipe.least_area, self.seed)

    def dev_score(self, **arguments: Any) -> DevScore:
        """The dev score of a model that reads mean features."""
        return DevScore(self.dev.captions, ArraySources(self.dev_features), self.tokenizer, self.recipe, **arguments)

    def frozen(self, stages: Stages) -> None:
        """Trains the decoder on the features of the encoder as it is."""
        batches = BatchesByCaption(self.captions, self.views(self.train_features), self.recipe.batch_size, self.seed)
        speaker = self.model.speaker
        stages.run("1-frozen", speaker, self.recipe, batches, self.dev_score(), batches.steps_per_epoch)

    def fine_tuned(self, stages: Stages) -> None:
        """Trains the encoder's last blocks and the decoder."""
        recipe, speaker = self.recipe, self.model.speaker
        tuned = join(UpperEncoder(self.model.backbone, speaker.encoder, name="upper"), speaker.decoder, recipe, "tuned")
        tuned({"source": np.asarray(self.dev_maps[:1], np.float32), "target_in": np.ones((1, 2), np.int32)})
        sources = self.views(self.train_maps)
        batches = BatchesByItem(self.captions, sources, recipe.fine_tune_batch, self.seed)
        score = DevScore(self.dev.captions, ArraySources(self.dev_maps), self.tokenizer, recipe)
        stages.run("2-fine-tuned", tuned, fine_tune_recipe(recipe), batches, score, batches.steps_per_epoch)
        self.read_features()

    def self_critical(self, stages: Stages) -> None:
        """Trains the decoder by the reward of what it says."""
        sources = self.views(self.train_features)
        batches = ItemBatches(len(self.train.captions), sources, self.recipe.self_critical_batch, self.seed)
        name = f"{2 + bool(self.recipe.fine_tune_epochs)}-self-critical"
        score = self.dev_score(of=lambda critical: critical.model)
        reward = caption_reward(self.train.captions, self.tokenizer, self.recipe.self_critical_bleu)
        example = sources.take(np.arange(1), 0)
        length = self.recipe.max_length
        run_self_critical(stages, name, self.model.speaker, self.recipe, reward, batches, example, length, score)


def fine_tune_recipe(recipe: ImageCaptioningRecipe) -> TrainingRecipe:
    """How the second stage is trained."""
    return replace(
        recipe,
        epochs=recipe.fine_tune_epochs,
        batch_size=recipe.fine_tune_batch,
        learning_rate=recipe.fine_tune_rate,
        warmup_steps=100,
        patience=0,
    )
