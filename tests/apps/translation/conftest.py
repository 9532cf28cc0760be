"""A made-up language pair, small enough to learn in seconds, and a translator trained on it."""

from pathlib import Path

import pytest

from apps.translation.recipe import TranslationRecipe
from apps.translation.task import TranslationOptions, TranslationTask

WORDS = {"hund": "dog", "katze": "cat", "kind": "child", "mann": "man", "frau": "woman", "ball": "ball"}
VERBS = {"sieht": "sees", "holt": "fetches", "mag": "likes"}

RECIPE = TranslationRecipe(
    epochs=12,
    evaluate_every=6,
    batch_size=16,
    learning_rate=1e-2,
    warmup_steps=10,
    source_vocabulary=60,
    target_vocabulary=60,
    embedding_size=24,
    encoder_size=32,
    encoder_layers=1,
    decoder_size=32,
    dropout=0.0,
    word_dropout=0.0,
    average=0.9,
    max_source_length=20,
)


def made_pairs() -> list[tuple[str, str]]:
    """Every "Ein A sieht ein B." there is: 108 pairs."""
    return [
        (f"Ein {a} {verb} ein {b}.", f"A {WORDS[a]} {VERBS[verb]} a {WORDS[b]}.")
        for a in WORDS
        for verb in VERBS
        for b in WORDS
    ]


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> dict[str, Path]:
    """The pairs as the user's own files."""
    folder = tmp_path_factory.mktemp("pairs")
    sides = {"source_file": 0, "target_file": 1, "dev_source_file": 0, "dev_target_file": 1}
    paths = {}
    for name, side in sides.items():
        # Ten times over: what costs time in so small a training is the end of an epoch.
        pairs = made_pairs()[::7] if name.startswith("dev") else made_pairs() * 10
        paths[name] = folder / f"{name}.txt"
        paths[name].write_text("".join(pair[side] + "\n" for pair in pairs), encoding="utf-8")
    return paths


@pytest.fixture(scope="session")
def model_folder(files, tmp_path_factory) -> Path:
    """A translator trained on all pairs."""
    import keras

    keras.utils.set_random_seed(1)
    output = tmp_path_factory.mktemp("models") / "made"
    return TranslationTask().train(RECIPE, TranslationOptions(output=output, **files))


@pytest.fixture(scope="session")
def translator(model_folder):
    return TranslationTask().open(model_folder)
