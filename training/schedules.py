"""Learning rates over time."""

from __future__ import annotations

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("carrousel")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise, then cosine, linear, inverse-square-root or no decay.

    Args:
        peak: the highest learning rate.
        warmup_steps: steps of the rise.
        total_steps: the step at which cosine and linear decay reach zero.
        shape: "cosine" (Loshchilov & Hutter 2017), "linear", "inverse-sqrt" (Vaswani et al. 2017, section 5.3) or
            "constant".
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, shape: str = "cosine"):
        self.peak, self.warmup_steps, self.total_steps, self.shape = peak, warmup_steps, total_steps, shape

    def __call__(self, step):
        """The learning rate at `step`, counted from 0."""
        step = ops.cast(step, "float32")
        warmup = float(max(1, self.warmup_steps))
        rise = ops.minimum(1.0, (step + 1) / warmup)
        done = ops.clip((step - warmup) / max(1.0, self.total_steps - warmup), 0.0, 1.0)
        if self.shape == "cosine":
            decay = 0.5 * (1 + ops.cos(math.pi * done))
        elif self.shape == "linear":
            decay = 1 - done
        elif self.shape == "inverse-sqrt":
            decay = ops.sqrt(warmup / ops.maximum(step + 1, warmup))
        else:
            decay = ops.ones_like(step)
        return self.peak * rise * decay

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "shape": self.shape,
        }
