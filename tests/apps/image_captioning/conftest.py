"""Photos of one colour with captions that name it, and a captioner that learned them from mean colours."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.image_captioning.task import ImageCaptioningOptions, ImageCaptioningTask

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 50, 220), "white": (245, 245, 245)}
RECIPE = ImageCaptioningRecipe(
    corpus="files",
    image_encoder="MobileNet",
    image_size=32,
    views=2,
    epochs=10,
    evaluate_every=10,
    self_critical_epochs=1,
    self_critical_batch=24,
    batch_size=16,
    learning_rate=1e-2,
    warmup_steps=10,
    vocabulary=40,
    max_length=10,
    embedding_size=16,
    decoder_size=24,
    dropout=0.0,
    word_dropout=0.0,
    average=0.0,
)


@pytest.fixture(scope="session", autouse=True)
def tiny_backbone():
    """In the place of an image encoder: the mean colours of four by four parts."""
    import keras

    from apps.image_captioning import network

    class MeanColours(keras.layers.Layer):
        size, features = 32, 3

        def call(self, pixels):
            return keras.ops.average_pool(keras.ops.cast(pixels, "float32") / 255.0 + 0.1, 8, 8)

    def build(name, weights="", split=-5, size=32):
        layer = MeanColours(name="backbone")
        layer.built = True
        return layer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "build_image_encoder", build)
        yield


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """Four photos a colour, of different shades and shapes."""
    folder = tmp_path_factory.mktemp("photos")
    for name, colour in COLOURS.items():
        for number in range(4):
            shade = tuple(max(0, value - 4 * number) for value in colour)
            Image.new("RGB", (40 + 8 * number, 40), shade).save(folder / f"{name}-{number}.png")
    return folder


@pytest.fixture(scope="session")
def files(photos, tmp_path_factory) -> dict[str, Path]:
    """The photos and their captions as the user's own files: a table to train on, COCO's JSON to score by."""
    folder = tmp_path_factory.mktemp("captions")
    table, dev = folder / "train.csv", folder / "dev.json"
    with open(table, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        for name in COLOURS:
            for number in range(3):
                # Eight times over: what costs time in so small a training is the end of an epoch.
                rows.writerows(
                    [[f"{name}-{number}.png", f"A {name} wall ."], [f"{name}-{number}.png", f"All {name} !"]] * 8
                )
    images = [{"id": number, "file_name": f"{name}-3.png"} for number, name in enumerate(COLOURS)]
    said = [{"id": n, "image_id": n, "caption": f"a {name} wall"} for n, name in enumerate(COLOURS)]
    dev.write_text(json.dumps({"images": images, "annotations": said}), encoding="utf-8")
    return {"photos": photos, "captions_file": table, "dev_captions_file": dev}


@pytest.fixture(scope="session")
def model_folder(files, tmp_path_factory) -> Path:
    """A captioner trained on them, in two stages."""
    import keras

    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("models")
    options = ImageCaptioningOptions(output=folder / "made", features=folder / "features", data_dir=None, **files)
    return ImageCaptioningTask().train(RECIPE, options)


@pytest.fixture(scope="session")
def captioner(model_folder):
    return ImageCaptioningTask().open(model_folder)
