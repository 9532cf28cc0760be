"""The frames of a clip become one vector of fixed size: their mean, or what an LSTM holds after it has read them.

Venugopalan et al. 2015 ("Translating Videos to Natural Language", NAACL) take the mean; S2VT (Venugopalan et al. 2015,
"Sequence to Sequence – Video to Text", ICCV) reads the frames with an LSTM before it speaks.
"""

from __future__ import annotations

import keras
from keras import ops

from models.encoders.image import FeatureEncoder
from models.encoders.text import RecurrentStack
from models.layers.recurrence import run_cell

ENCODERS = ("mean-pool", "s2vt")


def build_frame_encoder(
    kind: str, features: int, projection: int = 256, cell: str = "lstm", units: int = 512, dropout: float = 0.0
):
    """An encoder from frame features to a summary, built.

    Args:
        kind: "mean-pool" or "s2vt".
        features: of a frame.
        projection, cell, units, dropout: of the sequence encoder.

    Raises:
        ValueError: there is no such encoder.
    """
    if kind not in ENCODERS:
        raise ValueError(f"The encoder must be one of {', '.join(ENCODERS)}, got {kind!r}.")
    if kind == "mean-pool":
        encoder = FeatureEncoder(features, name="encoder")
    else:
        encoder = SequenceEncoder(features, projection, cell, units, dropout, name="encoder")
    encoder.build(None)
    return encoder


@keras.saving.register_keras_serializable("carrousel")
class SequenceEncoder(FeatureEncoder):
    """Reads standardised, projected frame features one after another; the last state is the summary.

    Args:
        features: of a frame.
        projection: width of what the LSTM reads.
        cell, units: the recurrent layer, see `models.layers.build`.
        dropout: share of the projected features dropped in training, one mask over time.
    """

    def __init__(
        self, features: int, projection: int = 256, cell: str = "lstm", units: int = 512, dropout: float = 0.0, **kwargs
    ):
        super().__init__(features, **kwargs)
        self.settings = {"projection": projection, "cell": cell, "units": units, "dropout": dropout}
        self.project = keras.layers.Dense(projection, dtype=self.dtype_policy, name="project")
        self.stack = RecurrentStack(
            cell, units, bidirectional=False, dropout=dropout, dtype=self.dtype_policy, name="stack"
        )

    def build(self, input_shape):
        super().build(input_shape)
        self.project.build((None, None, self.features))
        self.stack.build((None, None, self.project.units))

    def call(self, source, training=False):
        """As `FeatureEncoder`: `{"summary": (batch, units · states)}`, the states h and, where it is, c."""
        if isinstance(source, dict):
            summary = self.summarise(*self.embed(source["features"]), training)["summary"]
            return {"summary": ops.take(summary, source["rows"], axis=0)}
        return self.summarise(*self.embed(source), training)

    def summarise(self, embedded, mask, training=False, run=run_cell):
        """The last state after (batch, frames, features), of which bool (batch, frames) are real."""
        dtype = embedded.dtype
        standard = (embedded - ops.cast(self.mean, dtype)) * ops.cast(self.scale, dtype)
        _, states = self.stack(self.project(standard), mask=mask, training=training, run=run)
        return {"summary": ops.concatenate(states[-1][0], axis=-1)}

    def get_config(self):
        return {**super().get_config(), **self.settings}
