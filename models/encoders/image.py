"""A photo becomes a map of features, and that a vector of fixed size.

A *backbone* is a layer from pixels, float (batch, height, width, 3), RGB, 0 to 255, to a map of features, float (batch,
rows, columns, `features`); it has the attributes `features` and `size`, the side of the squares that it was trained on.
"""

from __future__ import annotations

import inspect

import keras
from keras import ops

from models.encoders.efficientnet_lite import VARIANTS, EfficientNetLite


def build_image_encoder(name: str, weights: str = "", split: int = -5, size: int = 224):
    """A backbone by its name.

    Args:
        name: `efficientnet-lite0` and its like, whose published weights are put in by `take_published`; the name of a
            model in `keras.applications`, such as `MobileNetV2`; or `hub:HANDLE`, a feature vector of TensorFlow Hub.
        weights: for `keras.applications`: "imagenet", which Keras fetches, or a file; empty for random weights.
        split: see `EfficientNetLite`.
        size: the side of the squares to read, for the backbones that do not know theirs.

    Returns:
        A layer, built.

    Raises:
        ValueError: the name is not known; the message lists those that are.
    """
    if name in VARIANTS:
        backbone = EfficientNetLite(name, split, name="backbone")
        backbone.build((None, None, None, 3))
        return backbone
    if name.startswith("hub:"):
        return HubBackbone(name.removeprefix("hub:"), size, name="backbone")
    if name in application_names():
        return ApplicationsBackbone(name, weights, size, name="backbone")
    known = ", ".join([*VARIANTS, *application_names()])
    raise ValueError(f"There is no image encoder {name!r}. Known: {known}, and hub:HANDLE.")


def application_names() -> list[str]:
    """The models of `keras.applications`."""
    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


@keras.saving.register_keras_serializable("carrousel")
class ApplicationsBackbone(keras.layers.Layer):
    """A model of `keras.applications` without its classifier, its own preparation of the pixels inside."""

    def __init__(self, model: str, weights: str = "", size: int = 224, **kwargs):
        super().__init__(**kwargs)
        make = getattr(keras.applications, model)
        self.settings = {"model": model, "size": size}
        self.size = size
        self.network = make(include_top=False, weights=weights or None, input_shape=(size, size, 3))
        self.features = self.network.output_shape[-1]
        modules = [one for one in vars(keras.applications).values() if inspect.ismodule(one)]
        self.prepare = next(one.preprocess_input for one in modules if getattr(one, model, None) is make)
        self.built = True

    def call(self, pixels, training=False):
        """See this module; batch normalisation keeps its statistics."""
        return self.network(self.prepare(ops.cast(pixels, self.compute_dtype)), training=False)

    def get_config(self):
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("carrousel")
class HubBackbone(keras.layers.Layer):
    """A feature vector of TensorFlow Hub as a map of one region. Such modules take RGB from 0 to 1."""

    def __init__(self, handle: str, size: int = 224, **kwargs):
        from models.encoders.hub import HubLayer  # TensorFlow, which a model without such a module does not need

        super().__init__(**kwargs)
        self.settings = {"handle": handle, "size": size}
        self.size = size
        self.module = HubLayer(handle)
        self.features = int(self.module(ops.zeros((1, size, size, 3))).shape[-1])
        self.built = True

    def call(self, pixels, training=False):
        """See this module."""
        return self.module(ops.cast(pixels, "float32") / 255.0)[:, None, None, :]

    def get_config(self):
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("carrousel")
class FeatureEncoder(keras.layers.Layer):
    """Features of regions or frames to a summary: their mean, standardised by what training photos have.

    Args:
        features: channels.

    Attributes:
        mean, scale: float32 (features,), put in by `standardise`.
    """

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        self.features = features

    def build(self, input_shape):
        self.mean = self.add_weight(shape=(self.features,), initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=(self.features,), initializer="ones", trainable=False, name="scale")
        self.built = True

    def standardise(self, mean, deviation) -> None:
        """Takes over mean and standard deviation of the training photos' mean features, float (features,)."""
        self.mean.assign(mean)
        self.scale.assign(1.0 / (ops.convert_to_tensor(deviation, "float32") + 1e-3))

    def call(self, source, training=False):
        """Reads a batch.

        Args:
            source: float (batch, count, features), count regions or frames, rows of zeros where there is none; or
                `{"features": that, "rows": int32 (n,)}`: which of the batch each of n captions belongs to.

        Returns:
            `{"summary": (batch or n, features)}`.
        """
        if isinstance(source, dict):
            summary = self.summarise(*self.embed(source["features"]))["summary"]
            return {"summary": ops.take(summary, source["rows"], axis=0)}
        return self.summarise(*self.embed(source))

    def embed(self, source, training=False):
        """The features and which of them are real: what saliency differentiates, see `models.explain`."""
        return ops.cast(source, self.compute_dtype), ops.any(ops.not_equal(source, 0), axis=-1)

    def summarise(self, embedded, mask, training=False, run=None):
        """`{"summary": (batch, features)}` from (batch, count, features) and bool (batch, count)."""
        weights = ops.cast(mask, embedded.dtype)
        total = ops.sum(embedded * ops.expand_dims(weights, -1), axis=1)
        mean = total / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
        return {"summary": (mean - ops.cast(self.mean, mean.dtype)) * ops.cast(self.scale, mean.dtype)}

    def get_config(self):
        return {**super().get_config(), "features": self.features}


@keras.saving.register_keras_serializable("carrousel")
class UpperEncoder(keras.layers.Layer):
    """The upper blocks of a backbone and a `FeatureEncoder`, trained on kept outputs of the lower blocks.

    Args:
        backbone: an `EfficientNetLite`; its lower blocks are frozen.
        summary: the `FeatureEncoder`.
    """

    def __init__(self, backbone, summary: FeatureEncoder, **kwargs):
        super().__init__(**kwargs)
        self.backbone, self.summary = backbone, summary
        upper = set(map(id, backbone.upper_layers))
        for layer in (backbone.stem, *backbone.blocks, backbone.head):
            layer.trainable = id(layer) in upper
        self.built = True

    def call(self, source, training=False):
        """As `FeatureEncoder`, from the lower blocks' (batch, rows, columns, channels)."""
        if isinstance(source, dict):
            return self.summary({**source, "features": self._regions(source["features"])})
        return self.summary(self._regions(source))

    def _regions(self, lower):
        return as_regions(self.backbone.upper(ops.cast(lower, self.backbone.compute_dtype)))


def as_regions(feature_map):
    """(batch, rows, columns, features) → (batch, rows · columns, features), row by row."""
    shape = ops.shape(feature_map)
    return ops.reshape(feature_map, (shape[0], shape[1] * shape[2], feature_map.shape[-1]))
