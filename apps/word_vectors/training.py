"""One training of word vectors, from text to a model folder."""

from __future__ import annotations

import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.errors import UserError, say, starting
from apps.word_vectors import word_map
from apps.word_vectors.card import model_card
from apps.word_vectors.corpus import prepare
from apps.word_vectors.recipe import WordVectorsRecipe
from data import word_vectors
from data.word_vectors import Word2Vec, Word2VecSettings, WordVectors
from serving import store
from serving.files import whole_file

VOCABULARY = "vocabulary.txt"


def train(recipe: WordVectorsRecipe, options: Any) -> Path:
    """Learns the vectors, or reads them, draws the map, and writes the model folder.

    Args:
        recipe: what to learn and how.
        options: a `WordVectorsOptions`.

    Returns:
        `options.output`.
    """
    if options.vectors_file is not None:
        with starting():
            vectors = word_vectors.read(options.vectors_file, limit=recipe.max_words)
        facts: dict[str, Any] = {}
    else:
        vectors, facts = learn(recipe, options)
    arrays = {"vectors": vectors.vectors}
    if recipe.map_words:
        say(f"laying out a map of {min(recipe.map_words, len(vectors)):,} words")
        shown = vectors.first(recipe.map_words)
        arrays["map"] = word_map.lay_out(shown.unit, recipe.map_neighbours, recipe.map_epochs, options.seed)
    metrics = {"words": len(vectors), "width": vectors.width, **facts}
    return store.write(
        options.output,
        task="word_vectors",
        recipe=asdict(recipe),
        model=store.Arrays(arrays),
        files={VOCABULARY: "".join(f"{word}\n" for word in vectors.words)},
        metrics=metrics,
        card=model_card(recipe, metrics, options),
    )


def learn(recipe: WordVectorsRecipe, options: Any) -> tuple[WordVectors, dict[str, Any]]:
    """Learns from the text, one epoch after the other; goes on where a run stopped.

    Returns:
        The vectors, and facts for the card: words of text, epochs, words a second.
    """
    run = options.output / "run"
    with starting():
        learning = Word2Vec(prepare(options, run / "words.txt"), settings(recipe, options.seed), options.threads or 1)
        done = _resume(learning, run / "last.npz")
    text_words, began = int(learning.model.corpus_total_words), time.monotonic()
    for number in range(done, recipe.epochs):
        if options.time_limit is not None and time.monotonic() - began > options.time_limit:
            _stop(number)
        at = time.monotonic()
        learning.epoch(number)
        _save(learning, run / "last.npz", number + 1)
        pace = text_words / (time.monotonic() - at)
        say(f"epoch {number + 1}/{recipe.epochs}: {text_words:,} words, {pace:,.0f} words/s")
    (run / "words.txt").unlink(missing_ok=True)
    return learning.vectors(), {"text_words": text_words, "epochs": recipe.epochs}


def settings(recipe: WordVectorsRecipe, seed: int) -> Word2VecSettings:
    """The recipe as word2vec takes it."""
    return Word2VecSettings(
        width=recipe.width,
        window=recipe.window,
        skip_gram=recipe.algorithm == "skip-gram",
        negative=recipe.negative,
        sample=recipe.sample,
        least=recipe.min_count,
        most=recipe.max_words,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        seed=seed,
    )


def _stop(number: int) -> None:
    from training.fit import Interrupted  # here, because it imports Keras

    raise Interrupted("time limit", number, 0)


def _save(learning: Word2Vec, path: Path, epochs: int) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, epochs=np.array(epochs), **learning.state())
    with whole_file(path) as file:
        file.write(buffer.getbuffer())


def _resume(learning: Word2Vec, path: Path) -> int:
    """The number of epochs that are done already."""
    if not path.is_file():
        return 0
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        learning.restore(arrays)
        return int(arrays["epochs"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UserError(f"{path} cannot be used ({error}). Delete it to start again.") from error
