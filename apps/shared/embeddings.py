"""The choice of word embeddings, the same for every application that reads text: `--embeddings`.

    learned         a table that starts at random and is trained with the model
    one-hot         no table: one place a word
    word2vec        a table that starts from word2vec, trained on the task's own training text
    word2vec:PATH   … from vectors that are there: a file, or a `word_vectors` model by folder or shipped name
    glove:PATH      … from a GloVe file
    hub:HANDLE      a TensorFlow Hub text module, asked word by word

Once a model is trained, the vectors are among its weights: its recipe keeps the kind without the path. A `hub:` module
is code of somebody else's, so its handle stays in the recipe, and the user must allow it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.shared.errors import UserError, say

if TYPE_CHECKING:
    from data.word_vectors import WordVectors

KINDS = ("learned", "one-hot", "word2vec", "glove", "hub")
FORMS = "learned, one-hot, word2vec, word2vec:PATH, glove:PATH or hub:HANDLE"


@dataclass(frozen=True)
class EmbeddingChoice:
    """What `--embeddings` says.

    Attributes:
        kind: one of `KINDS`.
        place: the path or the handle behind the colon; empty where there is none.
    """

    kind: str
    place: str = ""

    @property
    def kept(self) -> str:
        """What a trained model's recipe says."""
        return f"hub:{self.place}" if self.kind == "hub" else self.kind

    @property
    def is_table(self) -> bool:
        """Whether the model has a table with a row for each word."""
        return self.kind in ("learned", "word2vec", "glove")


def parse(text: str) -> EmbeddingChoice:
    """Reads a choice; `__post_init__` of a recipe calls it.

    Raises:
        ValueError: there is no such choice; the message names those that there are.
    """
    kind, colon, place = text.partition(":")
    needs_place = kind == "hub" and not place
    if kind not in KINDS or (colon and not place) or needs_place or (place and kind in ("learned", "one-hot")):
        raise ValueError(f"embeddings must be {FORMS}, got {text!r}.")
    return EmbeddingChoice(kind, place)


def read_vectors(
    choice: EmbeddingChoice,
    sentences: Iterable[Sequence[str]],
    width: int,
    seed: int,
    wanted: Container[str] | None = None,
) -> WordVectors | None:
    """The vectors that a table starts from: read from their file, or trained.

    Args:
        choice: what the user chose.
        sentences: the training text as lists of words, the same whenever they are gone through; bare `word2vec`
            learns from it.
        width: numbers a word, where they are trained.
        seed: where they are trained.
        wanted: the words of the vocabulary; others need not be kept in memory.

    Returns:
        None where nothing is pretrained.

    Raises:
        UserError: `glove` without a path.
        ValueError, OSError: the file cannot be used; the message names it.
    """
    from data import word_vectors

    if choice.kind not in ("word2vec", "glove"):
        return None
    if choice.place:
        return _read(choice.place, wanted)
    if choice.kind == "glove":
        raise UserError("Name the file of GloVe vectors: --embeddings glove:PATH")
    say("training word2vec on the training text")
    settings = word_vectors.Word2VecSettings(width=width, least=2, epochs=10, seed=seed)
    return word_vectors.train_word2vec(sentences, settings)


def _read(place: str, wanted: Container[str] | None) -> WordVectors:
    """Vectors from a file, or from a `word_vectors` model by its folder or shipped name."""
    from data import word_vectors
    from serving import store

    if Path(place).is_dir() or place in store.shipped("word_vectors"):
        return read_folder(store.resolve(place, "word_vectors"))
    return word_vectors.read(place, wanted)


def read_folder(path: Path) -> WordVectors:
    """The vectors in the model folder of a `word_vectors` training.

    Raises:
        serving.store.DamagedModel: a file is missing or damaged.
    """
    import numpy as np

    from data.word_vectors import WordVectors
    from serving import store

    folder = store.read(path, "word_vectors")
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    vectors = store.read_weights(folder / store.WEIGHTS)["vectors"].astype(np.float32)
    if len(words) != len(vectors):
        raise store.DamagedModel(f"{path} has {len(words):,} words and {len(vectors):,} vectors.")
    return WordVectors(tuple(words), vectors)


def layer(choice: EmbeddingChoice, words: Sequence[str], width: int, trainable: bool = True, dtype: Any = None) -> Any:
    """The layer from word ids to vectors; it has `output_dim`.

    Args:
        choice: what the user chose.
        words: the vocabulary in the order of its ids.
        width: numbers a word, where there is a table.
        trainable: False keeps pretrained vectors as they are.
        dtype: the layer's dtype policy.

    Raises:
        ImportError, ValueError, OSError: a `hub:` module cannot be loaded.
    """
    from models.layers.token_embedding import OneHot, build_embedding

    if choice.kind == "one-hot":
        return OneHot(len(words), dtype=dtype, name="embedding")
    if choice.kind == "hub":
        from models.encoders.hub import HubWordEmbedding

        return HubWordEmbedding(choice.place, words, trainable=trainable, dtype=dtype, name="embedding")
    return build_embedding(len(words), width, trainable=trainable, dtype=dtype)


def fill(embedding: Any, vectors: WordVectors, words: Sequence[str], seed: int) -> float:
    """Puts pretrained vectors into a built table.

    Args:
        embedding: what `layer` made, built, as wide as the vectors.
        vectors: the pretrained ones.
        words: the vocabulary in the order of its ids.
        seed: for the words without a vector.

    Returns:
        The share of the vocabulary that has a vector.
    """
    from data.tokenizers.special import SPECIAL_TOKENS
    from data.word_vectors import start_values

    values, known = start_values(vectors, words, seed)
    embedding.embeddings.assign(values)
    return float(known[len(SPECIAL_TOKENS) :].mean()) if len(words) > len(SPECIAL_TOKENS) else 0.0
