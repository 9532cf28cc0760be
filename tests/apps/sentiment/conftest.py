"""Made-up reviews, small enough to learn in seconds, and a classifier trained on them."""

import csv
import random
from pathlib import Path

import pytest

from apps.sentiment.recipe import SentimentRecipe
from apps.sentiment.task import SentimentOptions, SentimentTask

GOOD, BAD = ("good", "great", "lovely", "fine"), ("bad", "awful", "dull", "poor")
FILLING = "the film was a story with actors and music in town".split()

RECIPE = SentimentRecipe(
    corpus="file",
    epochs=4,
    batch_size=32,
    learning_rate=2e-2,
    warmup_steps=5,
    embedding_size=12,
    units=12,
    dropout=0.0,
    word_dropout=0.0,
    label_smoothing=0.0,
    average=0.5,
    max_length=40,
    window=30,
)


def made_reviews(count: int = 400) -> list[tuple[str, str]]:
    """Texts of 3 to 10 words, one of which tells."""
    draw = random.Random(1)
    reviews = []
    for number in range(count):
        words = draw.choices(FILLING, k=draw.randint(2, 9))
        words.insert(draw.randrange(len(words) + 1), draw.choice((BAD, GOOD)[number % 2]))
        reviews.append((" ".join(words), ("negative", "positive")[number % 2]))
    return reviews


def write_table(path: Path, rows, header=("text", "label")) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> Path:
    return write_table(tmp_path_factory.mktemp("reviews") / "reviews.csv", made_reviews())


@pytest.fixture(scope="session")
def model_folder(table, tmp_path_factory) -> Path:
    """A classifier trained on the table."""
    import keras

    keras.utils.set_random_seed(1)
    output = tmp_path_factory.mktemp("models") / "made"
    return SentimentTask().train(RECIPE, SentimentOptions(output=output, train_file=table))


@pytest.fixture(scope="session")
def critic(model_folder):
    return SentimentTask().open(model_folder)
