"""What a run is told besides its recipe: paths, seed, devices, time limit. Never saved with a model.

The flags of the commands are made from these fields; a task with files of its own extends `RunOptions` and
`EvaluateOptions` by further fields.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


def _data_dir() -> Path | None:
    folder = os.environ.get("CARROUSEL_DATA")
    return Path(folder) if folder else None


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every command takes."""

    threads: int = 0
    """Threads for the arithmetic; 0 lets TensorFlow choose."""
    debug: bool = False
    """Show the traceback of an error, and TensorFlow's log."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(CommonOptions):
    """What `train` is told besides the recipe."""

    output: Path
    """The folder to make; with --resume the folder of the run to go on with."""
    data_dir: Path | None = field(default_factory=_data_dir)
    """The folder of corpora; the environment variable CARROUSEL_DATA names it for all commands."""
    resume: bool = False
    """Go on with the run in --output where it stopped, with its recipe and seed."""
    seed: int = 1
    """Seed of everything random: start weights, order of the data, dropout."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Number format of the arithmetic; weights are always kept in float32 while training."""
    jit: bool = False
    """Compile the training step with XLA: faster after a slow start, and resuming is equal only to rounding."""
    time_limit: float | None = None
    """Seconds of training after which to stop, best and last saved; exit code 0."""
    hosts: str = ""
    """HOST:PORT,HOST:PORT,… of all that train together, each with its share of every batch; needs KERAS_BACKEND=jax."""
    host_index: int = 0
    """This one's place among --hosts, from 0. Each has an --output of its own."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(CommonOptions):
    """What `evaluate` is told."""

    model: str
    """A model folder, or the name of a shipped model."""
    allow_hub: bool = False
    """Open a model that names a TensorFlow Hub module: the module is somebody else's code."""
    split: str = ""
    """The part of the corpus to score."""
    data_dir: Path | None = field(default_factory=_data_dir)
    """The folder of corpora; the environment variable CARROUSEL_DATA names it for all commands."""
    report: Path | None = None
    """Write the scores as JSON to this file."""
    plot: Path | None = None
    """Write a picture to this file, an SVG."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(CommonOptions):
    """What `predict` is told besides its one input."""

    model: str
    """A model folder, or the name of a shipped model."""
    allow_hub: bool = False
    """Open a model that names a TensorFlow Hub module: the module is somebody else's code."""
    input: str = ""
    """Many inputs: a file, a folder where inputs are files, or - for standard input."""
    output: str = "-"
    """The file for the answers, one line an input; - is standard output."""
    json: bool = False
    """Answer in JSON lines."""
    trace: Path | None = None
    """Write the search for the one input, step by step, as JSON to this file."""
    engine: Literal["local", "ray"] = "local"
    """Where: in this process; or by Ray in --workers processes, from a folder of shards into a folder of shards."""
    workers: int = 1
    """Processes that answer, with --engine ray; each has --threads threads, 1 where that is 0."""
    shard_size: int = 256
    """Photos or clips a shard, with --engine ray; of texts a shard is a file."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions(CommonOptions):
    """What `export` is told."""

    model: str
    """A model folder, or the name of a shipped model."""
    allow_hub: bool = False
    """Open a model that names a TensorFlow Hub module: the module is somebody else's code."""
    output: Path
    """The folder to make."""
