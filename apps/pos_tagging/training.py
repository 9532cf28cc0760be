"""One training run of the tagger, from a treebank to a model folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.pos_tagging import network
from apps.pos_tagging.batches import EncodedBatches, Encoder, TrainingBatches
from apps.pos_tagging.card import model_card
from apps.pos_tagging.corpus import read_split
from apps.pos_tagging.recipe import TaggingRecipe
from apps.pos_tagging.vocabulary import Vocabulary
from apps.shared import embeddings
from apps.shared.errors import say, starting
from data.batches import plan_epoch
from data.corpora.conllu import TaggedSentence
from data.tokenizers.words import lower
from data.word_vectors import WordVectors
from metrics.tagging import tag_accuracy
from serving import store
from training import fit


def train(recipe: TaggingRecipe, options: Any) -> Path:
    """Trains, scores on the dev set after every epoch, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `TaggingOptions`.

    Returns:
        `options.output`.
    """
    with starting():
        sentences, dev = read_split(recipe, "train", options), read_split(recipe, "dev", options)
        vectors = read_vectors(recipe, sentences, options.seed)
        if vectors is not None:
            recipe = replace(recipe, embedding_size=vectors.width)
        vocabulary = Vocabulary.learn(sentences, recipe, vectors)
        batches = TrainingBatches(sentences, vocabulary, recipe.batch_size, options.seed)
        evaluate = DevScore(dev, vocabulary)
        model = network.build(recipe, vocabulary)
    if vectors is not None:
        share = network.start_from_vectors(model, vectors, vocabulary)
        say(f"{share:.1%} of {vocabulary.words.size:,} words have a pretrained vector")
    fit.compile_model(model, recipe, batches.steps_per_epoch, options.jit)
    run = fit.Run(model, recipe, batches, evaluate, options.output / "run", time_limit=options.time_limit)
    progress = run.train()
    best = next(row for row in progress.history if row["epoch"] == progress.best_epoch)
    metrics = {"dev": best, "epochs": progress.epoch}
    kept = replace(recipe, embeddings=embeddings.parse(recipe.embeddings).kept)
    return store.write(
        options.output,
        task="pos_tagging",
        recipe=asdict(kept),
        model=model,
        files=vocabulary.files(),
        metrics=metrics,
        card=model_card(recipe, metrics, options, parameters=int(model.count_params()), sentences=len(sentences)),
    )


def read_vectors(recipe: TaggingRecipe, sentences: Sequence[TaggedSentence], seed: int) -> WordVectors | None:
    """The pretrained vectors that the recipe asks for, as many words as it has room for; or None."""
    choice = embeddings.parse(recipe.embeddings)
    text = [[lower(word) for word in sentence.words] for sentence in sentences]
    return embeddings.read_vectors(choice, text, recipe.embedding_size, seed)


class DevScore:
    """Loss and accuracy on the dev set.

    Args:
        dev: the dev set.
        vocabulary: the model's.
    """

    def __init__(self, dev: Sequence[TaggedSentence], vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        encoder = Encoder(vocabulary)
        tags = set(vocabulary.tags)
        kept = [sentence for sentence in dev if tags.issuperset(sentence.tags)]
        if not kept:
            raise ValueError("The dev sentences have tags that the training sentences do not have.")
        encoded = [encoder.encode(*sentence) for sentence in kept]
        plan = plan_epoch(np.array([len(sentence.words) for sentence in encoded]), 128, seed=0, epoch=0)
        self.batches = EncodedBatches(encoder, encoded, plan)
        self.compiled: Any = None

    def __call__(self, model) -> dict[str, float]:
        """`loss` in nats a word, `score`: accuracy of the joint verdict, 0 to 100, and those of each direction."""
        if self.compiled is None:
            from models import backend

            two = ((None, None), "int32")
            signature = [dict.fromkeys(("words", "characters", "places"), two)]
            self.compiled = backend.compiled(lambda inputs: model(inputs, training=False), signature)
        right, nats, words = dict.fromkeys(("joint", "forward", "backward"), 0.0), 0.0, 0
        for inputs, tags in (self.batches[number] for number in range(len(self.batches))):
            logits = {name: np.asarray(values) for name, values in self.compiled(inputs).items()}
            real = tags > 0
            words += int(real.sum())
            for name, values in logits.items():
                right[name] += tag_accuracy(values.argmax(axis=-1)[real], tags[real] - 1) * real.sum()
            joint = logits["joint"][real]
            chosen = joint[np.arange(len(joint)), tags[real] - 1]
            top = joint.max(axis=-1)
            nats += float((top + np.log(np.exp(joint - top[:, None]).sum(axis=-1)) - chosen).sum())
        figures = {"loss": round(nats / words, 4), "score": round(100 * right["joint"] / words, 2)}
        return figures | {name: round(100 * right[name] / words, 2) for name in ("forward", "backward")}
