"""One training run of the classifier, from labelled texts to a model folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.sentiment import corpus as corpora
from apps.sentiment import network
from apps.sentiment.card import model_card
from apps.sentiment.corpus import EncodedTexts, TextBatches, epoch_batches
from apps.sentiment.recipe import SentimentRecipe
from apps.shared import embeddings, recipes
from apps.shared.errors import UserError, starting
from data.batches import plan_epoch
from data.tokenizers.words import WordTokenizer
from data.word_vectors import WordVectors, start_values
from metrics.accuracy import accuracy
from metrics.calibration import expected_calibration_error, fit_temperature, nats, softmax
from models import backend
from serving import store
from training import fit

VECTORS = "vectors.npz"
DEV_BATCH = 64
SPREAD = 0.3
"""Standard deviation of the numbers of pretrained vectors, once they are in the model."""


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A training and a dev set of encoded texts."""

    train: EncodedTexts
    dev: EncodedTexts
    tokenizer: WordTokenizer
    labels: tuple[str, ...]


def train(recipe: SentimentRecipe, options: Any) -> Path:
    """Trains, scores on the dev set after every epoch, calibrates, and writes the best model's folder.

    Args:
        recipe: what to train and how.
        options: a `SentimentOptions`.

    Returns:
        `options.output`.
    """
    if options.train_file:
        recipe = replace(recipe, corpus="file")
    with starting():
        start = _Start.read(recipe.start_from)
        corpus = corpora.open_corpus(recipe, options)
        text, vectors = load(recipe, options, corpus, start.words)
        recipe = _settled(recipe, vectors or start.vectors)
    model = network.build(recipe, text.tokenizer, len(text.labels))
    start.give(model, text.tokenizer, options.seed)
    if vectors is not None:
        embeddings.fill(model.embedding, _scaled(vectors), text.tokenizer.words, options.seed)
    multiple = 32 if options.jit or backend.NAME == "jax" else 1
    batches = epoch_batches(text.train, recipe.batch_size, options.seed, multiple)
    fit.compile_model(model, recipe, len(batches(0)), options.jit)
    evaluate = DevScore(text)
    progress = fit.Run(
        model, recipe, batches, evaluate, options.output / "run", time_limit=options.time_limit, unit="text"
    ).train()
    best = next(row for row in progress.history if row["epoch"] == progress.best_epoch)
    recipe, calibration = calibrate(recipe, evaluate.logits(model), text.dev.classes)
    metrics = {"dev": best, **calibration, "epochs": progress.epoch, "texts": len(text.train)}
    return store.write(
        options.output,
        task="sentiment",
        recipe=asdict(recipe),
        model=model,
        files={
            network.VOCABULARY: text.tokenizer.text,
            network.LABELS: "".join(f"{one}\n" for one in text.labels),
        },
        metrics=metrics,
        card=model_card(recipe, metrics, options, parameters=int(model.count_params()), labels=text.labels),
    )


def load(
    recipe: SentimentRecipe, options: Any, corpus: corpora.Corpus, further: Sequence[str] = ()
) -> tuple[LabelledText, WordVectors | None]:
    """Reads the texts and makes the vocabulary, or takes that of the run to resume; reads or trains word vectors.

    Args:
        recipe, options: the run's.
        corpus: what to learn from.
        further: words of the model to start from, which are known, too, while there is room.

    Raises:
        ValueError: a set is empty, or has one class only.
    """
    run = options.output / "run"
    labels = corpora.find_labels(corpus)
    choice = embeddings.parse(recipe.embeddings)
    kept = [run / name for name in (network.VOCABULARY, VECTORS)]
    if kept[0].is_file():
        tokenizer = WordTokenizer.load(kept[0], recipe.lowercase)
    else:
        sentences = corpus.sentences(recipe.lowercase)
        tokenizer = _vocabulary(sentences, recipe, further)
        vectors = embeddings.read_vectors(choice, sentences, recipe.embedding_size, options.seed, set(tokenizer.words))
        run.mkdir(parents=True, exist_ok=True)
        if vectors is not None:
            np.savez(kept[1], words=np.array(vectors.words), vectors=vectors.vectors)
        kept[0].write_text(tokenizer.text, encoding="utf-8")
    text = LabelledText(
        train=EncodedTexts(corpus.train(), tokenizer, labels, recipe.window, keep_end=True),
        dev=EncodedTexts(corpus.dev(), tokenizer, labels, recipe.max_length),
        tokenizer=tokenizer,
        labels=labels,
    )
    if not len(text.train) or not len(text.dev):
        raise ValueError("There are too few texts: some are needed to train on, and some to score by (--dev-file).")
    if not kept[1].is_file():
        return text, None
    with np.load(kept[1]) as stored:
        return text, WordVectors(tuple(stored["words"].tolist()), stored["vectors"])


def _scaled(vectors: WordVectors) -> WordVectors:
    """The vectors at the spread that a recurrent layer reads well: as they are, word2vec's would saturate its gates."""
    return WordVectors(vectors.words, vectors.vectors * (SPREAD / max(float(vectors.vectors.std()), 1e-6)))


def _vocabulary(sentences, recipe: SentimentRecipe, further: Sequence[str]) -> WordTokenizer:
    counts: Counter[str] = Counter()
    for words in sentences:
        counts.update(words)
    own = WordTokenizer.from_counts(counts, recipe.vocabulary, recipe.rarest, recipe.lowercase)
    words = dict.fromkeys([*own.words, *further])
    return WordTokenizer(list(words)[: recipe.vocabulary], recipe.lowercase)


def _settled(recipe: SentimentRecipe, vectors: WordVectors | None) -> SentimentRecipe:
    """The recipe of the model to be: the true width of its vectors, and no path."""
    width = vectors.width if vectors is not None else recipe.embedding_size
    return replace(recipe, embeddings=embeddings.parse(recipe.embeddings).kept, embedding_size=width)


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The model that a run starts from, or nothing."""

    values: dict[str, np.ndarray] | None = None
    vectors: WordVectors | None = None

    @classmethod
    def read(cls, name: str) -> _Start:
        if not name:
            return cls()
        folder = store.read(store.resolve(name, "sentiment"), "sentiment")
        recipe = recipes.from_json(SentimentRecipe, folder.recipe)
        values = store.read_weights(folder / store.WEIGHTS)
        if "embedding/embeddings" not in values:
            return cls(values=values)
        words = WordTokenizer.load(folder / network.VOCABULARY, recipe.lowercase).words
        table = values.pop("embedding/embeddings").astype(np.float32)
        return cls(values=values, vectors=WordVectors(tuple(words), table))

    @property
    def words(self) -> Sequence[str]:
        """The words that it has vectors of."""
        return self.vectors.words if self.vectors is not None else ()

    def give(self, model, tokenizer: WordTokenizer, seed: int) -> None:
        """Takes over the vectors of the words that both know, and the weights that fit by name and shape."""
        from serving.weights import weight_names

        if self.values is None:
            return
        taken, names = 0, weight_names(model)
        for name, variable in names.items():
            value = self.values.get(name)
            if value is not None and value.shape == tuple(variable.shape):
                variable.assign(value)
                taken += 1
        if self.vectors is not None and "embedding/embeddings" in names:
            values, known = start_values(self.vectors, tokenizer.words, seed)
            names["embedding/embeddings"].assign(values)
            taken += int(known.any())
        if not taken:
            raise UserError("Nothing in the model named by --start-from fits this recipe. Use the same sizes and cell.")


class DevScore:
    """Loss and accuracy on the dev set.

    Args:
        text: holds the dev set.
    """

    def __init__(self, text: LabelledText):
        self.text = text
        self.plan = plan_epoch(text.dev.lengths, DEV_BATCH, seed=0, epoch=0)
        self.batches = TextBatches(text.dev, self.plan)
        self._function: Any = None

    def logits(self, model) -> np.ndarray:
        """float32 (texts, classes), in the order of the dev set."""
        if self._function is None:
            self._function = backend.compiled(lambda ids: model(ids, training=False), [((None, None), "int32")])
        found = np.zeros((len(self.text.dev), len(self.text.labels)), np.float32)
        for number, examples in enumerate(self.plan):
            found[examples] = np.asarray(self._function(self.batches[number][0]))
        return found

    def __call__(self, model) -> dict[str, float]:
        """`loss` in nats a text, `score`: accuracy, 0 to 100."""
        logits = self.logits(model)
        classes = self.text.dev.classes
        return {
            "loss": round(nats(logits, classes), 4),
            "score": round(accuracy(logits.argmax(axis=-1), classes), 2),
        }


def calibrate(recipe: SentimentRecipe, logits: np.ndarray, classes: np.ndarray) -> tuple[SentimentRecipe, dict]:
    """Finds the temperature on the dev set.

    Returns:
        The recipe with it, and the expected calibration error (0 to 100) before and after.
    """
    temperature = round(fit_temperature(logits, classes), 3)
    errors = {
        name: round(expected_calibration_error(softmax(logits, value), classes), 2)
        for name, value in (("before", 1.0), ("after", temperature))
    }
    return replace(recipe, temperature=temperature), {"temperature": temperature, "calibration_error": errors}
