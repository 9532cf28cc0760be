"""What every task's recipe has: how a model is trained. Defaults live here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, fields

SCHEDULES = ("cosine", "linear", "inverse-sqrt", "constant")
MOST = {"image_size": 2048, "frame_width": 2048, "frame_height": 2048, "batch_size": 10**6}
MOST |= {"layers": 32, "size": 16_384, "units": 16_384, "width": 16_384, "length": 10_000, "window": 10_000}
"""The most that a whole number may be, by its name or the last part of it: a recipe can come from a stranger."""
MOST_OF_ALL = 10**9


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """How a model is trained; saved with it as JSON.

    Each task's recipe extends this one.
    """

    epochs: int = 20
    """Passes over the training data."""
    batch_size: int = 128
    """Examples a batch."""
    optimizer: str = "adamw"
    """adamw (Loshchilov & Hutter 2019) or sgd (with momentum 0.9)."""
    learning_rate: float = 2e-3
    """The schedule's peak."""
    schedule: str = "cosine"
    """Learning rate over time: cosine or linear to zero at the last epoch, inverse-sqrt, or constant."""
    warmup_steps: int = 400
    """Steps over which the learning rate rises from zero."""
    weight_decay: float = 1e-4
    """Decoupled weight decay."""
    clip_norm: float = 1.0
    """Largest norm of all gradients together; 0 switches clipping off."""
    label_smoothing: float = 0.1
    """Share of the probability spread evenly over all tokens, 0 <= label_smoothing < 1."""
    dropout: float = 0.3
    """Share of features dropped between layers, one mask over time, 0 <= dropout < 1."""
    recurrent_dropout: float = 0.0
    """The same on the recurrent input."""
    word_dropout: float = 0.05
    """Share of tokens that become <unk> in training."""
    average: float = 0.999
    """Momentum of the exponential average of the weights that is evaluated and kept; 0 keeps the last weights."""
    stop_by: str = "score"
    """What early stopping and the best checkpoint look at: score, or loss."""
    patience: int = 6
    """Evaluations without a better one before training stops; 0 never stops early."""
    evaluate_every: int = 1
    """Epochs between evaluations on the dev set."""
    start_from: str = ""
    """A trained model to start from (a folder or a shipped name): what fits by name and shape is taken over."""

    def __post_init__(self):
        least = self._fewest_epochs()
        _require(self.epochs >= least, f"epochs must be at least {least}", self.epochs)
        _require(self.batch_size >= 1, "batch_size must be at least 1", self.batch_size)
        _require(self.learning_rate > 0, "learning_rate must be above 0", self.learning_rate)
        _require(self.optimizer in ("adamw", "sgd"), "optimizer must be adamw or sgd", self.optimizer)
        _require(self.schedule in SCHEDULES, f"schedule must be one of {', '.join(SCHEDULES)}", self.schedule)
        _require(self.stop_by in ("score", "loss"), "stop_by must be score or loss", self.stop_by)
        _require(self.clip_norm >= 0, "clip_norm must be at least 0 (0 switches it off)", self.clip_norm)
        _require(self.evaluate_every >= 1, "evaluate_every must be at least 1", self.evaluate_every)
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            most = MOST.get(name, MOST.get(name.rpartition("_")[2], MOST_OF_ALL))
            if type(value) is int:
                _require(abs(value) <= most, f"{name} must be at most {most:,}", value)
        for name in ("label_smoothing", "dropout", "recurrent_dropout", "word_dropout", "average"):
            value = getattr(self, name)
            _require(0 <= value < 1, f"{name} must be at least 0 and below 1 (0 switches it off)", value)

    def _fewest_epochs(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class SpeakingRecipe(TrainingRecipe):
    """What every model that speaks has besides: a last stage that learns from the reward of whole answers.

    The fields of `TrainingRecipe` (epochs, batch_size, learning_rate, …) are those of the first stage, teacher forcing;
    its epochs may be 0 where a run starts from a trained model.
    """

    self_critical_epochs: int = 0
    """Passes of self-critical training on the metric itself (Rennie et al. 2017), the last stage; 0 leaves it out."""
    self_critical_rate: float = 1e-4
    """Its peak learning rate."""
    self_critical_batch: int = 32
    """Its items a batch."""
    samples: int = 5
    """Answers that it draws of each item."""
    length_penalty: float = 1.0
    """The length penalty that searches use by default, tuned on the dev set."""

    def __post_init__(self):
        super().__post_init__()
        _require(self.self_critical_epochs >= 0, "self_critical_epochs must be at least 0", self.self_critical_epochs)
        _require(self.self_critical_batch >= 1, "self_critical_batch must be at least 1", self.self_critical_batch)
        _require(self.samples >= 2, "samples must be at least 2", self.samples)

    def _fewest_epochs(self) -> int:
        return 0 if self.start_from else 1


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, got {value!r}.")
