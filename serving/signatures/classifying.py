"""The signatures of an application that classifies: raw inputs in, a label and probabilities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


class ClassifyingSignatures:
    """What a classifier answers from a SavedModel.

    Args:
        model: a Keras model from what `reader` gives to logits (n, classes).
        reader: see `serving.signatures`.
        labels: the classes in order.
        temperature: what logits are divided by.
    """

    def __init__(self, model: Any, reader: Any, labels: Sequence[str], temperature: float):
        self.model, self.reader, self.temperature = model, reader, temperature
        self.names = list(labels)
        self.labels = tf.constant(self.names)

    @property
    def layers(self) -> list:
        """The Keras layers whose weights belong into the SavedModel."""
        return [self.model]

    @property
    def resources(self) -> list:
        """The `tf.Module`s that hold what is no weight."""
        return [self.reader]

    def functions(self) -> dict[str, Any]:
        """The signatures by name, as concrete functions from keyword tensors to a dictionary of tensors."""
        function = tf.function(self.classify, autograph=False)
        return {"serving_default": function.get_concrete_function(**self.reader.inputs)}

    def classify(self, **inputs) -> dict[str, Any]:
        """Each input's label, its probability, and those of all classes."""
        count = tf.shape(next(iter(inputs.values())))[0]
        with tf.control_dependencies([tf.debugging.assert_positive(count, "Give at least one input.")]):
            read = self.reader(**{name: tf.identity(tensor) for name, tensor in inputs.items()})
        logits = self.model(read.source, training=False) / self.temperature
        probabilities = tf.where(read.blank[:, tf.newaxis], 0.0, tf.nn.softmax(logits))
        best = tf.argmax(probabilities, axis=-1)
        return {
            "label": tf.where(read.blank, "", tf.gather(self.labels, best)),
            "probability": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def describe(self) -> Mapping[str, str]:
        """What each signature does, one sentence each."""
        raw = " and ".join(f"`{name}`" for name in self.reader.inputs)
        return {"serving_default": f"{raw} → the likeliest label, and the probability of every label."}

    def meanings(self) -> dict[str, str]:
        """What each input and output is."""
        return {
            **self.reader.meanings,
            "label": "the likeliest class; empty for an empty input",
            "probability": "its probability, calibrated on a dev set; 0 for an empty input",
            "probabilities": f"of {', '.join(self.names)}, in this order",
        }

    def differences(self) -> list[str]:
        """What is otherwise than in `predict`."""
        return list(self.reader.differences)
