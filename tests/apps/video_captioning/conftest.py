"""A tiny captioner of ready features and one of pixels, trained or made in seconds."""

import csv

import numpy as np
import pytest

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
    import keras

    from apps.video_captioning.network import build
    from apps.video_captioning.predictor import ClipCaptioner
    from data.tokenizers.subwords import SubwordTokenizer

    keras.utils.set_random_seed(3)
    backbone = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(5, 16, 16, activation="relu")])
    backbone.build((None, 32, 64, 3))
    recipe = VideoCaptioningRecipe(
        feature_size=5, frame_width=64, frame_height=32, decoder_size=12, embedding_size=8, max_length=6
    )
    tokenizer = SubwordTokenizer.train(SAYS, 40)
    return ClipCaptioner(build(recipe, tokenizer.size, backbone), recipe, tokenizer, name="tiny")
