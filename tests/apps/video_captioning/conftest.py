"""A tiny captioner of ready features and one of pixels, trained or made in seconds."""

import csv

import numpy as np
import pytest
from PIL import Image

from apps.video_captioning.recipe import VideoCaptioningRecipe

SAYS = ("a man sings", "a dog runs fast")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Two kinds of clips told apart by one feature; names, features and captions as a user would give them."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    (folder / "features").mkdir()
    for number in range(24):
        kind = number % 2
        frames = generator.normal(0, 0.1, (2 + number % 3, 6)) + np.eye(6)[kind] * 2
        np.save(folder / "features" / f"clip{number}.npy", frames.astype(np.float32))
    for name, numbers in {"train": range(16), "dev": range(16, 24)}.items():
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "caption"])
            writer.writerows([f"clip{number}.mp4", SAYS[number % 2]] for number in numbers)
    return folder


@pytest.fixture(scope="session", params=["mean-pool", "s2vt"])
def trained(request, corpus, tmp_path_factory):
    """The model folder of a captioner trained by the command."""
    from apps.shared.commands import main
    from apps.video_captioning.task import VideoCaptioningTask

    folder = tmp_path_factory.mktemp("models") / request.param
    words = f"train --output {folder} --corpus files --image-encoder features --features {corpus / 'features'}".split()
    words += ["--captions-file", str(corpus / "train.csv"), "--dev-captions-file", str(corpus / "dev.csv")]
    words += f"--encoder {request.param} --epochs 14 --batch-size 4 --learning-rate 0.02 --warmup-steps 2".split()
    words += "--vocabulary 40 --embedding-size 16 --decoder-size 24 --encoder-size 16 --projection-size 8".split()
    # By loss: the score is full marks before the model is sure of itself, and the first full marks would be kept.
    words += "--dropout 0 --word-dropout 0 --average 0 --max-length 14 --patience 0 --stop-by loss".split()
    assert main(VideoCaptioningTask(), words) == 0
    return folder


@pytest.fixture(scope="session")
def of_pixels():
    """An untrained captioner whose backbone sees the mean colour of each quarter."""
    return captioner_of_pixels("mean-pool")


def captioner_of_pixels(encoder: str):
    """The fixture above, by either encoder of frames."""
    import keras

    from apps.video_captioning.network import build
    from apps.video_captioning.predictor import ClipCaptioner
    from data.tokenizers.subwords import SubwordTokenizer

    keras.utils.set_random_seed(3)
    backbone = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(5, 16, 16, activation="relu")])
    backbone.build((None, 32, 64, 3))
    recipe = VideoCaptioningRecipe(
        encoder=encoder,
        context="first-input" if encoder == "mean-pool" else "start",
        feature_size=5,
        frame_width=64,
        frame_height=32,
        projection_size=4,
        encoder_size=6,
        decoder_size=12,
        embedding_size=8,
        max_length=6,
    )
    tokenizer = SubwordTokenizer.train(SAYS, 40)
    return ClipCaptioner(build(recipe, tokenizer.size, backbone), recipe, tokenizer, name="tiny")


WALLS = {"red": (220, 30, 30), "blue": (30, 50, 220)}


@pytest.fixture(scope="session")
def walls(tmp_path_factory):
    """Clips of one colour as folders of frames, their captions in a table, and the captions of others as text."""
    folder = tmp_path_factory.mktemp("walls")
    for name, colour in WALLS.items():
        for number in range(3):
            (folder / f"{name}-{number}").mkdir()
            for frame in range(2):
                shade = tuple(max(0, value - 4 * number - frame) for value in colour)
                Image.new("RGB", (64, 32), shade).save(folder / f"{name}-{number}" / f"{frame}.png")
    for part, numbers in {"train": (0, 1), "dev": (2,)}.items():
        with open(folder / f"{part}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "caption"])
            writer.writerows(
                [f"{name}-{number}", f"someone films a {name} wall"] for name in WALLS for number in numbers
            )
    return folder


@pytest.fixture(scope="session")
def photo_captioner(tmp_path_factory):
    """The folder of an untrained captioner of photos, whose encoder no package has."""
    from dataclasses import asdict

    import keras

    from apps.image_captioning import network
    from apps.image_captioning.recipe import ImageCaptioningRecipe
    from data.tokenizers.subwords import SubwordTokenizer
    from serving import store

    keras.utils.set_random_seed(5)
    recipe = ImageCaptioningRecipe(
        image_encoder="MobileNet", image_size=32, embedding_size=8, decoder_size=12, max_length=10
    )
    tokenizer = SubwordTokenizer.train(["a red wall", "a blue wall", "two dogs"], 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "build_image_encoder", small_backbone)
        model = network.build(recipe, tokenizer.size)
    folder = tmp_path_factory.mktemp("photos") / "photos"
    files = {"subwords.model": tokenizer.model}
    return store.write(folder, task="image_captioning", recipe=asdict(recipe), model=model, files=files, half=False)


def small_backbone(name, weights="", split=-5, size=32):
    """In the place of an image encoder: one convolution with weights of its own."""
    import keras

    class Backbone(keras.layers.Layer):
        features = 5

        def build(self, input_shape):
            self.stem = keras.layers.Conv2D(5, 16, 16, activation="relu", name="stem")
            self.stem.build((None, None, None, 3))
            self.built = True

        def call(self, pixels):
            return self.stem(keras.ops.cast(pixels, "float32") / 255.0)

    backbone = Backbone(name="backbone")
    backbone.build((None, None, None, 3))
    return backbone
