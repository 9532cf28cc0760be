"""From frames to features: one extractor for training and use, and a folder that keeps what it made."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.captioning.start import fingerprint
from apps.shared.progress import Progress
from apps.video_captioning.recipe import VideoCaptioningRecipe
from data.clips import squash
from models import backend

AT_ONCE = 16


class Extractor:
    """Frames of any size → features, with the model's backbone.

    Args:
        model: a `ClipModel`, or what maps float (n, height, width, 3) to (n, features).
        recipe: the size that frames are brought to.
    """

    def __init__(self, model: Any, recipe: VideoCaptioningRecipe):
        self.model, self.recipe = model, recipe
        shape = (None, recipe.frame_height, recipe.frame_width, 3)
        self.function = backend.compiled(lambda pixels: model(pixels), [(shape, "float32")])

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (n, height, width, 3), RGB → float32 (n, features), rounded to float16 as they are kept on the disk."""
        looks = squash(frames, self.recipe.frame_width, self.recipe.frame_height)
        parts = [
            np.asarray(self.function(looks[start : start + AT_ONCE].astype(np.float32)), np.float16)
            for start in range(0, len(looks), AT_ONCE)
        ]
        return np.concatenate(parts).astype(np.float32)

    @property
    def fingerprint(self) -> str:
        """Of the backbone's weights, see `apps.shared.captioning.start.fingerprint`."""
        return fingerprint(self.model.backbone)


class KeptFeatures:
    """Features of the clips of a corpus, kept on the disk: one file a corpus and encoder.

    Args:
        folder: where they are kept.
        recipe: names the encoder and the size of the frames.
        fingerprint: of the encoder's weights.
    """

    def __init__(self, folder: Path, recipe: VideoCaptioningRecipe, fingerprint: str = ""):
        self.folder = folder
        self.key = f"{recipe.image_encoder} {recipe.frame_width}x{recipe.frame_height} {fingerprint}".rstrip()

    def get(
        self, clips: list[tuple[str, str]], frames_of: Callable[[str], np.ndarray], extractor: Callable[[], Extractor]
    ) -> list[np.ndarray]:
        """The features of clips, found or computed.

        Args:
            clips: (name, what the clip depends on: its size or the names of its frames).
            frames_of: a clip's name → its frames, uint8 (n, height, width, 3).
            extractor: makes the extractor where it is needed.

        Returns:
            For each clip float32 (frames, features).
        """
        path = self.folder / f"{self.digest(clips)}.npz"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._compute(path, clips, frames_of, extractor())
        with np.load(path, allow_pickle=False) as kept:
            return split(kept["features"].astype(np.float32), kept["counts"])

    def digest(self, clips: list[tuple[str, str]]) -> str:
        """The name of what is kept for these clips and this encoder."""
        told = "\n".join([self.key, *(f"{name}\t{mark}" for name, mark in clips)])
        return hashlib.sha256(told.encode()).hexdigest()[:24]

    def _compute(self, path: Path, clips, frames_of, extractor: Extractor) -> None:
        print(f"Features of {len(clips):,} clips: once, kept in {path.parent}", file=sys.stderr, flush=True)
        found = list(self._each(clips, frames_of, extractor))
        keep(path, found)

    def _each(self, clips, frames_of, extractor: Extractor) -> Iterator[np.ndarray]:
        with Progress("clips") as progress:
            for number, (name, _) in enumerate(clips, start=1):
                yield extractor(frames_of(name))
                progress.at(number)


def keep(path: Path, found: list[np.ndarray]) -> None:
    """Writes clips' features, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            counts = np.array([len(one) for one in found], np.int32)
            np.savez(file, features=np.concatenate(found).astype(np.float16), counts=counts)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def split(features: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """(all frames, features) → one array a clip."""
    return np.split(features, np.cumsum(counts)[:-1])
