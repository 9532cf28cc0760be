"""A tiny captioner of ready features and one of pixels, trained or made in seconds."""

import csv

import numpy as np
import pytest

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
    words += "--dropout 0 --word-dropout 0 --average 0 --max-length 14 --patience 0".split()
    assert main(VideoCaptioningTask(), words) == 0
    return folder
