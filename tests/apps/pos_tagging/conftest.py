"""A made-up treebank in which the word behind "fish" or "walk" decides, and a tagger trained on it in seconds."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from apps.pos_tagging.recipe import TaggingRecipe
from apps.pos_tagging.task import TaggingOptions, TaggingTask

SENTENCES = [
    [("the", "DET"), (word, "NOUN"), ("swim", "VERB"), (".", "PUNCT")] for word in ("fish", "walk", "dogs", "fish")
] + [[("the", "DET"), (word, "VERB"), ("well", "ADV"), ("!", "PUNCT")] for word in ("fish", "walk", "sing", "fish")]
"""Up to "fish" the sentences of both kinds are the same."""

RECIPE = TaggingRecipe(
    epochs=6,
    evaluate_every=6,
    batch_size=8,
    learning_rate=2e-2,
    warmup_steps=5,
    embedding_size=8,
    character_size=6,
    character_units=6,
    units=10,
    dropout=0.0,
    word_dropout=0.0,
    average=0.0,
    patience=0,
    window=10,
)


def as_conllu(sentences: Iterable) -> str:
    """Sentences of (word, tag) as a file has them."""
    blank = "\t_" * 6
    return "".join(
        "".join(f"{n}\t{word}\t_\t{tag}{blank}\n" for n, (word, tag) in enumerate(sentence, start=1)) + "\n"
        for sentence in sentences
    )


@pytest.fixture(scope="session")
def treebank(tmp_path_factory) -> Path:
    """Each sentence a dozen times."""
    path = tmp_path_factory.mktemp("treebank") / "made.conllu"
    path.write_text(as_conllu(SENTENCES * 12), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def model_folder(treebank, tmp_path_factory) -> Path:
    """A tagger trained on the treebank."""
    import keras

    keras.utils.set_random_seed(1)
    output = tmp_path_factory.mktemp("models") / "made"
    return TaggingTask().train(RECIPE, TaggingOptions(output=output, train_file=treebank, dev_file=treebank))


@pytest.fixture(scope="session")
def tagger(model_folder):
    return TaggingTask().open(model_folder)
