"""Two tasks that train in seconds: they prove that a new application needs only its own folder.

`ReverseTask` speaks ("1 2 3" → "3 2 1"), on the house's own encoder, decoder, search and training loop. `CountTask`
classifies a picture of one-hot columns by how often its first letter occurs, on a plain Keras model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from apps.shared import recipes
from apps.shared.errors import starting
from apps.shared.options import RunOptions
from apps.shared.predictor import Predictor, Result
from apps.shared.task import Report, Task
from data.batches import pad, plan_epoch, vary_widths
from data.text import clean
from data.tokenizers.special import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from models.decoding.options import SearchOptions
from training.recipe import TrainingRecipe

FIRST_DIGIT = 4  # behind the special tokens
IDS = {"bos": BOS_ID, "eos": EOS_ID, "pad": PAD_ID}


@dataclass(frozen=True, kw_only=True)
class ReverseRecipe(TrainingRecipe):
    """A small encoder–decoder."""

    units: int = 48
    """LSTM units, encoder and decoder alike."""
    digits: int = 3
    """Most digits a sequence."""
    examples: int = 2000
    """Sequences to train on."""
    length_penalty: float = 0.7
    """The search's default for the trained model."""


@dataclass(frozen=True, kw_only=True)
class ReverseOptions(RunOptions):
    """What `train` is told besides."""

    digits_file: Path | None = None
    """A file of sequences to train on, one a line."""


@dataclass(frozen=True, kw_only=True)
class Reversal(Result):
    """Digits in reverse."""

    reversal: str = ""
    score: float = 0.0

    def to_line(self) -> str:
        return self.reversal


class Reverser(Predictor):
    """Reverses digits."""

    def __init__(self, model: Any, recipe: ReverseRecipe):
        self.model, self.recipe = model, recipe

    def read(self, item: str) -> tuple[list[int] | None, tuple[str, ...]]:
        cleaned = clean(item)
        words = cleaned.text.split()
        if not all(len(word) == 1 and word.isdecimal() for word in words):
            raise ValueError(f"Only digits with spaces between them, got {cleaned.text!r}.")
        return [*encode(words), EOS_ID] if words else None, cleaned.notices

    def answer(self, values, search=None) -> list[Reversal]:
        from models.decoding import graph

        search = search or SearchOptions(beam_size=1)
        limits = np.full(len(values), min(search.max_length, self.recipe.digits + 2), dtype=np.int32)
        uniforms = graph.draw_uniforms(len(values), search) if search.method == "sampling" else None
        prefix_ids = np.tile(np.array(encode(search.prefix.split()), np.int32), (len(values), 1))
        found = graph.search(
            self.model.decoder, self.start(values), limits, search, IDS, prefix_ids if search.prefix else None, uniforms
        )
        tokens, scores = np.asarray(found["tokens"]), np.asarray(found["scores"])
        return [
            Reversal(input="", reversal=decode(token_ids[0]), score=float(score[0]))
            for token_ids, score in zip(tokens, scores, strict=True)
        ]

    def start(self, values):
        return self.model.decoder.start(self.model.encoder(pad(values)))

    def empty(self) -> Reversal:
        return Reversal(input="")

    def trace(self, item, search=None) -> dict[str, Any]:
        from models.decoding import walk

        value, _ = self.read(item)
        if value is None:
            raise ValueError("There is nothing to trace in an empty input.")
        search = search or SearchOptions(beam_size=1)
        limit = min(search.max_length, self.recipe.digits + 2)
        trace = walk.search(
            self.model.decoder, self.start([value]), limit, search, IDS, prefix_ids=encode(search.prefix.split())
        )
        for hypothesis in trace["hypotheses"]:
            hypothesis["text"] = decode(hypothesis["ids"])
        return {**trace, "task": "reverse", "source": {"text": item}}


class ReverseTask(Task):
    """Reverses digits."""

    name = "reverse"
    does = "reverses digits"
    recipe_class = ReverseRecipe
    recipes: ClassVar[dict] = {
        "tiny": ReverseRecipe(
            epochs=9,
            batch_size=64,
            learning_rate=1e-2,
            warmup_steps=20,
            label_smoothing=0.0,
            dropout=0.0,
            word_dropout=0.0,
            average=0.9,
            patience=0,
            evaluate_every=9,
        )
    }
    default_recipe = "tiny"
    speaks = True
    plots = True
    splits: ClassVar[tuple[str, ...]] = ("dev", "test")
    options_class = ReverseOptions
    search = SearchOptions(beam_size=2, max_length=10)

    def train(self, recipe: ReverseRecipe, options: ReverseOptions) -> Path:
        from serving import store
        from training import fit

        with starting():
            pairs = read_pairs(recipe, options)
        batches = ReverseBatches(pairs, recipe, options.seed)
        model = build_reverser(recipe)
        fit.compile_model(model, recipe, len(batches(0)), options.jit)

        def evaluate(model):
            return {"score": accuracy(Reverser(model, recipe), sample(recipe, 100, seed=1), SearchOptions(beam_size=1))}

        run = fit.Run(model, recipe, batches, evaluate, options.output / "run", time_limit=options.time_limit)
        run.train()
        return store.write(
            options.output, task=self.name, recipe=recipes.to_json(recipe), model=model, card="# Reverse\n"
        )

    def open(self, path: Path, allow_hub: bool = False) -> Reverser:
        from serving import store

        folder = store.read(path, self.name)
        recipe = recipes.of_model(ReverseRecipe, folder, allow_hub)
        model = build_reverser(recipe)
        store.load_weights(folder / store.WEIGHTS, model)
        return Reverser(model, recipe)

    def evaluate(self, predictor: Reverser, options, search) -> Report:
        with starting():
            if options.split not in self.splits:
                raise ValueError(f"No split {options.split!r}. Splits: {', '.join(self.splits)}.")
        score = accuracy(predictor, sample(predictor.recipe, 50, seed=self.splits.index(options.split) + 1), search)
        return Report(scores={"accuracy": score, "split": options.split}, table=f"accuracy {score:.3f}", plot="<svg/>")

    def export(self, predictor: Reverser, output: Path) -> None:
        (output / "signatures.md").write_text("Not a SavedModel, but its folder.\n", encoding="utf-8")


class ReverseBatches:
    """Epoch → batches of teacher forcing."""

    def __init__(self, pairs, recipe: ReverseRecipe, seed: int):
        self.pairs, self.recipe, self.seed = pairs, recipe, seed

    def __call__(self, epoch: int) -> list:
        lengths = np.array([len(source) for source, _ in self.pairs])
        made = []
        plan = plan_epoch(lengths, self.recipe.batch_size, self.seed, epoch)
        for numbers, width in zip(plan, vary_widths([lengths[one].max() for one in plan]), strict=True):
            chosen = [self.pairs[number] for number in numbers]
            target_out = pad([target for _, target in chosen], width)
            target_in = pad([[BOS_ID, *target[:-1]] for _, target in chosen], width)
            made.append(({"source": pad([source for source, _ in chosen], width), "target_in": target_in}, target_out))
        return made


def build_reverser(recipe: ReverseRecipe):
    from models.decoder import RecurrentDecoder
    from models.encoder_decoder import EncoderDecoder
    from models.encoders.text import TextEncoder

    size = FIRST_DIGIT + 10
    encoder = TextEncoder(size, recipe.units, units=recipe.units, pad_id=PAD_ID, unknown_id=UNK_ID, name="encoder")
    decoder = RecurrentDecoder(size, recipe.units, units=recipe.units, unknown_id=UNK_ID, name="decoder")
    model = EncoderDecoder(encoder, decoder, pad_id=PAD_ID, name="reverse")
    model.build_weights()
    return model


def read_pairs(recipe: ReverseRecipe, options: ReverseOptions) -> list:
    from apps.shared.files import read_lines

    if options.digits_file:
        sequences = [line.split() for line in read_lines(options.digits_file) if line.strip()]
    else:
        sequences = [text.split() for text in sample(recipe, recipe.examples, seed=options.seed + 100)]
    return [([*encode(words), EOS_ID], [*encode(words[::-1]), EOS_ID]) for words in sequences]


def sample(recipe: ReverseRecipe, count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [
        " ".join(map(str, generator.integers(0, 10, generator.integers(1, recipe.digits + 1)))) for _ in range(count)
    ]


def accuracy(predictor: Reverser, texts: list[str], search: SearchOptions) -> float:
    results = predictor.predict(texts, search)
    right = [" ".join(text.split()[::-1]) == result.to_line() for text, result in zip(texts, results, strict=True)]
    return float(np.mean(right))


def encode(words) -> list[int]:
    return [FIRST_DIGIT + int(word) for word in words]


def decode(ids) -> str:
    return " ".join(str(int(i) - FIRST_DIGIT) for i in ids if i >= FIRST_DIGIT)


@dataclass(frozen=True, kw_only=True)
class CountRecipe(TrainingRecipe):
    """A small LSTM over the columns of a picture."""

    columns: int = 4
    """Width of the pictures."""
    letters: int = 3
    """Height of the pictures: one row a letter."""


@dataclass(frozen=True, kw_only=True)
class Count(Result):
    """How often the first letter occurs."""

    label: str = ""
    probability: float = 0.0

    def to_line(self) -> str:
        return self.label


class Counter(Predictor):
    """Counts letters."""

    at_once: ClassVar[int] = 2

    def __init__(self, model: Any, recipe: CountRecipe):
        self.model, self.recipe = model, recipe

    def read(self, item: Any) -> tuple[np.ndarray | None, tuple[str, ...]]:
        from PIL import Image

        if not str(item).strip():
            return None, ()
        with Image.open(item) as picture:
            pixels = np.asarray(picture.convert("L"), dtype=np.float32) / 255
        if pixels.shape != (self.recipe.letters, self.recipe.columns):
            raise ValueError(f"The picture is {pixels.shape[1]} × {pixels.shape[0]} pixels large, not 4 × 3.")
        return pixels.T, ()

    def answer(self, values, search=None) -> list[Count]:
        probabilities = np.asarray(self.model(np.stack(values)))
        return [Count(input="", label=str(int(row.argmax())), probability=float(row.max())) for row in probabilities]

    def empty(self) -> Count:
        return Count(input="")


class CountTask(Task):
    """Counts the first letter in a picture."""

    name = "count"
    does = "counts letters in a picture"
    recipe_class = CountRecipe
    input_kind = "image"
    classifies = True
    exports = False

    def train(self, recipe: CountRecipe, options: RunOptions) -> Path:
        from serving import store

        pictures, counts = draw_pictures(recipe, 600, options.seed)
        model = build_counter(recipe)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.optimizer.learning_rate = 2e-2
        model.fit(pictures, counts, epochs=recipe.epochs, batch_size=100, verbose=0)
        return store.write(options.output, task=self.name, recipe=recipes.to_json(recipe), model=model)

    def open(self, path: Path, allow_hub: bool = False) -> Counter:
        from serving import store

        folder = store.read(path, self.name)
        recipe = recipes.of_model(CountRecipe, folder, allow_hub)
        model = build_counter(recipe)
        store.load_weights(folder / store.WEIGHTS, model)
        return Counter(model, recipe)

    def evaluate(self, predictor: Counter, options, search) -> Report:
        pictures, counts = draw_pictures(predictor.recipe, 100, seed=99)
        guesses = [int(result.label) for result in predictor.answer(list(pictures))]
        score = float(np.mean(np.array(guesses) == counts))
        return Report(scores={"accuracy": score}, table=f"accuracy {score:.3f}")


def build_counter(recipe: CountRecipe):
    import keras

    return keras.Sequential(
        [
            keras.Input((recipe.columns, recipe.letters)),
            keras.layers.LSTM(16),
            keras.layers.Dense(recipe.columns + 1, activation="softmax"),
        ],
        name="count",
    )


def draw_pictures(recipe: CountRecipe, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    letters = np.random.default_rng(seed).integers(0, recipe.letters, (count, recipe.columns))
    return np.eye(recipe.letters, dtype=np.float32)[letters], (letters == 0).sum(axis=1)


def save_picture(path: Path, letters: list[int], rows: int = 3) -> Path:
    """Writes a PNG with one white pixel a column, in the row of its letter."""
    from PIL import Image

    pixels = np.zeros((rows, len(letters)), dtype=np.uint8)
    pixels[letters, np.arange(len(letters))] = 255
    Image.fromarray(pixels).save(path)
    return path
