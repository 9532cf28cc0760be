"""A finished training goes on with further stages: the encoder's upper blocks, then the reward of what is said."""

import json
import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from apps.image_captioning import network
from apps.image_captioning.task import ImageCaptioningTask
from apps.shared.captioning import scoring
from apps.shared.captioning.reward import caption_reward
from apps.shared.captioning.text import CaptionSet
from apps.shared.commands import main
from data.tokenizers.special import EOS_ID, PAD_ID
from data.tokenizers.subwords import SubwordTokenizer
from serving import store
from tests.apps.image_captioning.conftest import COLOURS, RECIPE

FROZEN = replace(
    RECIPE,
    image_encoder="efficientnet-lite0",
    fine_tune_rate=0.02,
    fine_tune_batch=6,
    epochs=6,
    evaluate_every=6,
    self_critical_epochs=0,
)


class SmallBackbone(keras.layers.Layer):
    """In the place of an EfficientNet-Lite: one convolution below the split, one block and the head above."""

    size, features, split = 32, 6, 1

    def build(self, input_shape):
        def convolution(filters, kernel, inputs, name):
            start = keras.initializers.GlorotUniform(seed=len(name))
            layer = keras.layers.Conv2D(filters, kernel, kernel, kernel_initializer=start, name=name)
            layer.build((None, None, None, inputs))
            return layer

        self.stem = convolution(4, 8, 3, "stem")
        self.blocks = [convolution(5, 1, 4, "block_0")]
        self.head = convolution(6, 2, 5, "head")
        self.built = True

    @property
    def lower_layers(self):
        return [self.stem]

    @property
    def upper_layers(self):
        return [*self.blocks, self.head]

    def lower(self, pixels):
        return self.stem(keras.ops.cast(pixels, "float32") / 255.0)

    def upper(self, maps):
        return keras.ops.relu(self.head(self.blocks[0](maps))) + 0.01

    def call(self, pixels):
        return self.upper(self.lower(pixels))


def small_backbone(*_, **__):
    backbone = SmallBackbone(name="backbone")
    backbone.build(None)
    return backbone


@pytest.fixture
def frozen(files, tmp_path, monkeypatch):
    """The command of a training with a frozen encoder, and its folder; it has been run."""
    monkeypatch.setattr(network, "build_image_encoder", small_backbone)
    monkeypatch.setattr(scoring, "PENALTIES", (1.0,))  # each costs a compiled search
    flags = ["train", "--output", str(tmp_path / "made"), "--features", str(tmp_path / "features")]
    for name, path in files.items():
        flags += [f"--{name.replace('_', '-')}", str(path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ImageCaptioningTask.recipes, "tiny", FROZEN)
        assert main(ImageCaptioningTask(), [*flags, "--recipe", "tiny"]) == 0
    return flags, tmp_path / "made"


def test_stages_added_to_a_finished_run_keep_the_first_and_train_the_upper_blocks_alone(frozen, photos, capfd):
    flags, folder = frozen
    first = json.loads((folder / "metrics.json").read_text())["stages"]
    history = (folder / "run" / "1-frozen" / "history.csv").read_text()
    assert list(first) == ["1-frozen"]
    assert main(ImageCaptioningTask(), [*flags, "--resume", "--fine-tune-rate", "0.3"]) == 2  # longer, not otherwise
    assert "This run began with --fine-tune-rate" in capfd.readouterr().err
    more = "--resume --fine-tune-epochs 1 --self-critical-epochs 1".split()
    assert main(ImageCaptioningTask(), [*flags, *more]) == 0
    stages = json.loads((folder / "metrics.json").read_text())["stages"]
    assert list(stages) == ["1-frozen", "2-fine-tuned", "3-self-critical"] and stages["1-frozen"] == first["1-frozen"]
    assert (folder / "run" / "1-frozen" / "history.csv").read_text() == history
    stored, fresh = store.read_weights(folder / store.WEIGHTS), small_backbone()
    assert np.allclose(stored["backbone/stem/kernel"], np.asarray(fresh.stem.kernel), atol=1e-3)
    assert np.abs(stored["backbone/head/kernel"] - np.asarray(fresh.head.kernel)).max() > 3e-4  # float16 rounds by less
    assert main(ImageCaptioningTask(), [*flags, *more, "--epochs", str(FROZEN.epochs + 1)]) == 2
    assert "1-frozen cannot be trained further" in capfd.readouterr().err
    captioner = ImageCaptioningTask().open(folder)
    assert captioner.recipe.fine_tune_epochs == 1
    said = captioner.predict([photos / f"{name}-3.png" for name in COLOURS])
    assert all(one.caption for one in said)


def test_who_starts_from_a_tuned_encoder_finds_what_its_lower_blocks_gave_before(frozen, tmp_path, monkeypatch):
    flags, folder = frozen

    def train(output, start, fine_tune_epochs):
        recipe = replace(FROZEN, start_from=str(start), fine_tune_epochs=fine_tune_epochs, evaluate_every=1, epochs=0)
        monkeypatch.setitem(ImageCaptioningTask.recipes, "tiny", recipe)
        assert main(ImageCaptioningTask(), [*flags, "--recipe", "tiny", "--output", str(output)]) == 0
        return set((tmp_path / "features").iterdir())

    before = train(tmp_path / "tuned", folder, 1)
    heads = [store.read_weights(path / store.WEIGHTS)["backbone/head/kernel"] for path in (folder, tmp_path / "tuned")]
    assert not np.array_equal(*heads)
    assert train(tmp_path / "again", tmp_path / "tuned", 0) == before


def test_the_reward_is_cider_and_as_much_bleu_as_was_asked_for():
    captions = CaptionSet(names=("a", "b"), captions=(("a dog runs on the sand",), ("two men sit in a boat",)))
    tokenizer = SubwordTokenizer.train((one for item in captions.captions for one in item), 40)
    tokens = np.array([tokenizer.encode("a dog runs")])
    plain, mixed = (caption_reward(captions, tokenizer, bleu)(np.array([0]), tokens)[0] for bleu in (0.0, 2.0))
    assert 0 < plain
    right = 4 / 4 * 3 / 4 * 2 / 3 * 1 / 2  # its end is a 1-gram; longer ones with it are wrong
    assert mixed - plain == pytest.approx(2 * right**0.25 * math.exp(1 - 7 / 4), rel=1e-5)


def test_a_caption_that_breaks_off_earns_less_than_one_that_ends():
    captions = CaptionSet(names=("a", "b"), captions=(("a dog runs in red sand",), ("two men in a boat",)))
    tokenizer = SubwordTokenizer.train((one for item in captions.captions for one in item), 40)
    reward = caption_reward(captions, tokenizer, 1.0)
    whole = tokenizer.encode("a dog runs in red sand")
    assert whole[-1] == EOS_ID
    cut = [*whole[:-1], PAD_ID]
    assert reward(np.array([0]), np.array([whole]))[0] > reward(np.array([0]), np.array([cut]))[0]
