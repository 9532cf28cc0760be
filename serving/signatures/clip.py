"""Clips at the doors of a SavedModel: frames, or frame features, to what the encoder reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from models.decoding.options import SearchOptions
from serving.signatures.speaking import SpeakingSignatures
from serving.signatures.text import Read

_LENGTHS = tf.TensorSpec((None,), tf.int32, name="lengths")


class ClipReader(tf.Module):
    """Frames or features to what the encoder reads, as a predictor does it in Python.

    Args:
        features: of a frame.
        limit: most tokens of an answer.
        backbone: float (n, height, width, 3), RGB, 0 to 255 → (n, features); None where features come ready.
        size: height and width that the backbone reads.
    """

    def __init__(self, features: int, limit: int, backbone: Callable | None = None, size: tuple[int, int] = (0, 0)):
        super().__init__(name="reader")
        self.limit, self.size = limit, size
        self.see = (lambda pixels: backbone(pixels)) if backbone else None  # its weights are the signatures' to keep
        ready = tf.TensorSpec((None, None, features), tf.float32, name="features")
        self.ready_inputs = {"features": ready, "lengths": _LENGTHS}
        frames = tf.TensorSpec((None, None, None, None, 3), tf.uint8, name="frames")
        self.inputs = {"frames": frames, "lengths": _LENGTHS} if backbone else self.ready_inputs
        self.meanings = {
            "frames": "RGB frames of clips in time order, (batch, time, height, width, 3), of any size; what lies "
            "behind a clip's length is not looked at",
            "features": "frame features, (batch, time, features), likewise",
            "lengths": "how many frames each clip has; 0 gets the empty answer",
        }
        self.differences = [
            "Frames are given, not files: `predict` decodes a clip and takes one frame a second, 4 to 16 of them.",
            "Frames are of the type uint8: `tf.constant(…, tf.uint8)`.",
        ]

    def __call__(self, lengths, frames=None, features=None) -> Read:
        """See `inputs` and `ready_inputs` → `Read`, rows of zeros where there is no frame."""
        if features is None:
            features = self._features(frames)
        count = tf.shape(features)[1]
        real = tf.sequence_mask(lengths, count)[..., tf.newaxis]
        limits = tf.fill((tf.shape(features)[0],), self.limit)
        return Read(tf.where(real, features, tf.zeros_like(features)), limits, lengths < 1)

    def _features(self, frames):
        shape = tf.shape(frames)
        pixels = tf.reshape(frames, (shape[0] * shape[1], shape[2], shape[3], 3))
        small = tf.image.resize(tf.cast(pixels, tf.float32), self.size, antialias=True)
        small = tf.clip_by_value(tf.floor(small + 0.5), 0.0, 255.0)
        found = self.see(tf.ensure_shape(small, (None, *self.size, 3)))
        found = tf.cast(tf.cast(found, tf.float16), tf.float32)  # as features are kept on the disk
        return tf.reshape(found, (shape[0], shape[1], found.shape[-1]))


class ClipSignatures(SpeakingSignatures):
    """Those of a model that speaks, and `features` beside them: ready features in, captions out.

    Args:
        backbone: the layer whose weights `reader` uses, or None.
        encoder, decoder, reader, writer, search, ids, answer: see `SpeakingSignatures`.
    """

    def __init__(
        self,
        backbone: Any,
        encoder: Any,
        decoder: Any,
        reader: ClipReader,
        writer: Any,
        search: SearchOptions,
        ids: Mapping[str, int],
        answer: str = "caption",
    ):
        super().__init__(encoder, decoder, reader, writer, search, ids, answer)
        self.backbone = backbone

    @property
    def layers(self) -> list:
        """See `SpeakingSignatures.layers`."""
        return [*super().layers, *([self.backbone] if self.backbone is not None else [])]

    def functions(self) -> dict[str, Any]:
        """See `SpeakingSignatures.functions`."""
        found = super().functions()
        if self.backbone is not None:
            best = tf.function(self.best, autograph=False)
            found["features"] = best.get_concrete_function(**self.reader.ready_inputs)
        return found

    def describe(self) -> dict[str, str]:
        """See `SpeakingSignatures.describe`."""
        return {**super().describe(), "features": f"`features` and `lengths` → the best {self.answer}, as above."}
