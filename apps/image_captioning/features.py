"""Features of photos, computed once and kept on the disk: most of the work of a training, done for all later ones."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from keras import ops

from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.shared.progress import Progress
from data.photos import PhotoFiles, view_of
from models import backend

AT_ONCE = 8


class KeptMaps:
    """What the lower part of a backbone puts out for photos, one array a view, float16, on the disk.

    Args:
        folder: where they are kept.
        backbone: a layer with `lower`, or one that runs as a whole.
        key: what the arrays depend on besides photos and view: the backbone's name, its split, the size.
        recipe: size of the squares and of the crops.
    """

    def __init__(self, folder: Path, backbone, key: str, recipe: ImageCaptioningRecipe):
        self.folder, self.recipe, self.key = folder, recipe, key
        lower = getattr(backbone, "lower", backbone)
        self.function = backend.compiled(lambda pixels: lower(pixels), [((None, None, None, 3), "float32")])

    def get(self, names: Sequence[str], files: PhotoFiles, view: int) -> np.ndarray:
        """The maps of photos, float16 (n, rows, columns, channels), on the disk; computed where they are not there.

        Raises:
            PhotoRefused, FileNotFoundError: a photo cannot be used; the message names it.
        """
        path = self.folder / f"{self._digest(names, files, view)}.npy"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._compute(path, names, files, view)
        return np.load(path, mmap_mode="r")

    def _digest(self, names: Sequence[str], files: PhotoFiles, view: int) -> str:
        area = self.recipe.least_area if view else 1.0
        told = [self.key, str(view), str(self.recipe.image_size), str(area)]
        told += [f"{name}\t{files.size(name)}" for name in names]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]

    def _compute(self, path: Path, names: Sequence[str], files: PhotoFiles, view: int) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        array, order = None, files.order(names)
        print(
            f"Features of {len(names):,} photos, view {view}: once, kept in {path.parent}", file=sys.stderr, flush=True
        )
        try:
            with Progress("photos") as progress:
                for start in range(0, len(order), AT_ONCE):
                    numbers = order[start : start + AT_ONCE]
                    found = np.asarray(
                        self.function(self._pixels([names[n] for n in numbers], files, view)), np.float16
                    )
                    if array is None:
                        shape = (len(names), *found.shape[1:])
                        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
                    array[numbers] = found
                    progress.at(start + len(numbers))
            if array is not None:
                array.flush()
                os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def _pixels(self, names: Sequence[str], files: PhotoFiles, view: int) -> np.ndarray:
        size, area = self.recipe.image_size, self.recipe.least_area
        looks = [view_of(name, view, area).take(files.open(name).image, size) for name in names]
        return np.stack(looks).astype(np.float32)


def pooled(maps: np.ndarray, backbone, at_once: int = 64) -> np.ndarray:
    """The mean features of photos, from what `KeptMaps` has. → float32 (n, 1, features)."""
    upper = getattr(backbone, "upper", None)

    def mean(lower):
        return ops.mean(upper(lower) if upper else lower, axis=(1, 2))

    function = backend.compiled(mean, [((None, *maps.shape[1:]), "float32")])
    parts = [
        np.asarray(function(np.asarray(maps[start : start + at_once], np.float32)))
        for start in range(0, len(maps), at_once)
    ]
    return np.concatenate(parts)[:, None, :]


class ViewSources:
    """Another look at each photo in every epoch: sources for `apps.shared.captioning.batches`.

    Args:
        views: an array (n, …) for each view.
        names: of the photos.
        least_area: see `data.photos.view_of`.
        seed: with the epoch's number, decides which look.
    """

    def __init__(self, views: Sequence[np.ndarray], names: Sequence[str], least_area: float, seed: int):
        self.views, self.seed = views, seed
        self.turned = np.array(
            [[view_of(name, view, least_area).mirrored for name in names] for view in range(len(views))]
        )

    def _choose(self, epoch: int) -> np.ndarray:
        generator = np.random.default_rng((self.seed, epoch, 2))
        return np.asarray(generator.integers(len(self.views), size=self.turned.shape[1]))

    def take(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `apps.shared.captioning.batches.Sources`."""
        chosen = self._choose(epoch)[items]
        return np.stack([self.views[view][item] for view, item in zip(chosen, items, strict=True)]).astype(np.float32)

    def mirrored(self, items: np.ndarray, epoch: int) -> np.ndarray:
        """See `apps.shared.captioning.batches.Sources`."""
        return self.turned[self._choose(epoch)[items], items]
