"""Photos at the doors of a SavedModel: encoded images to the pixels that an encoder reads."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from data import photos
from serving.signatures.text import Read

JPEG = b"\xff\xd8\xff"
"""How a JPEG file begins."""


class PhotoReader(tf.Module):
    """Encoded images to squares of pixels, as `data.photos.open_photo` and `squash` do it in Python.

    Args:
        size: the squares' side.
        limit: most tokens of an answer.
    """

    inputs = {"image_bytes": tf.TensorSpec((None,), tf.string, name="image_bytes")}
    meanings = {"image_bytes": "whole image files: JPEG, PNG, BMP or GIF (its first frame); empty for no photo"}
    differences = [
        "WebP and TIFF are read by `predict` alone, and so is the rotation that EXIF asks for: turn photos upright "
        "before they come here.",
        f"`predict` refuses photos of more than {photos.MAX_PIXELS / 1e6:.0f} megapixels and odd shapes; a server has "
        "to limit its requests.",
        "One image that cannot be decoded fails its whole batch.",
        "Transparent parts keep the colour under them; in `predict` they become white.",
    ]

    def __init__(self, size: int, limit: int):
        super().__init__(name="reader")
        self.size, self.limit = size, limit

    def __call__(self, image_bytes) -> Read:
        """string (n,) → `Read` with float32 (n, size, size, 3), whole numbers from 0 to 255."""
        blank = tf.equal(tf.strings.length(image_bytes), 0)
        shape = tf.TensorSpec((self.size, self.size, 3), tf.float32)
        pixels = tf.map_fn(self._pixels, image_bytes, fn_output_signature=shape)
        return Read(pixels, tf.fill(tf.shape(blank), self.limit), blank)

    def _pixels(self, content):
        def decoded():
            image = tf.cond(
                tf.equal(tf.strings.substr(content, 0, 3), JPEG),
                # Pillow's way with JPEG; decode_image takes the faster one, which is up to 3 steps of 255 off.
                lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
                lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
            )
            image.set_shape((None, None, 3))
            return self._squashed(tf.cast(image, tf.float32))

        nothing = tf.zeros((self.size, self.size, 3))
        return tf.cond(tf.equal(tf.strings.length(content), 0), lambda: nothing, decoded)

    def _squashed(self, image):
        """As Pillow 13 does it: one side, rounded to whole numbers, and then the other.

        The width goes first, unless the height loses more than twice as many pixels as the width (Pillow's pull request
        9549; the limit was measured, see docs/notes/image_captioning.md).
        """
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        tall = tf.logical_and(height > self.size, height - self.size > 2 * (width - self.size))
        first = tf.cond(tall, lambda: (self.size, width), lambda: (height, self.size))
        return _resized(_resized(image, first), (self.size, self.size))


def _resized(pixels, size):
    """Bilinear with antialiasing, whole numbers from 0 to 255."""
    return tf.clip_by_value(tf.floor(tf.image.resize(pixels, size, antialias=True) + 0.5), 0.0, 255.0)


class PhotoEncoder(keras.layers.Layer):
    """From pixels to the summary, for `serving.signatures.speaking`.

    Args:
        model: float (n, size, size, 3) → features of regions.
        summary: features → `{"summary": …}`.
    """

    def __init__(self, model: Any, summary: Any, **kwargs):
        super().__init__(**kwargs)
        self.model, self.summary = model, summary
        self.built = True

    def call(self, pixels):
        """See this class."""
        return self.summary(self.model(pixels))
