"""Ready frame features: one array a clip, in a folder of `.npy` files, or in one `.npz` for a whole corpus.

Layouts that are read:

- a folder with `CLIP.npy`, each (frames, features) or (features,):
  MSVD as (80, 4096), the usual way;
- an `.npz` with one such array a clip, the key its id;
- an `.npz` with `features` (clips, frames, features) or (clips, features) and `ids` (clips,).

Nothing that could run code is read: pickled arrays are refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

MOST_VALUES = 2**26
"""Values of one clip: more is no frame features."""


class FrameFeatures(Mapping[str, np.ndarray]):
    """Clip id → float32 (frames, features).

    Args:
        place: the folder or the `.npz`; of one clip alone, its `.npy`.

    Raises:
        FileNotFoundError: there is no such place.
        ValueError: it holds no features.
    """

    def __init__(self, place: str | Path):
        self.place = Path(place)
        self._files: dict[str, Path] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._archive = None
        if self.place.is_dir():
            self._files = {path.stem: path for path in sorted(self.place.glob("*.npy"))}
        elif self.place.suffix == ".npy" and self.place.is_file():
            self._files = {self.place.stem: self.place}
        elif self.place.suffix == ".npz" and self.place.is_file():
            self._read_archive()
        else:
            raise FileNotFoundError(f"No frame features in {self.place}: a folder of .npy files or an .npz is read.")
        if not len(self):
            raise ValueError(f"There are no frame features in {self.place}.")

    def _read_archive(self) -> None:
        try:
            archive = np.load(self.place, allow_pickle=False)
            if {"features", "ids"} <= set(archive.files):
                features, ids = archive["features"], archive["ids"]
                if len(features) != len(ids):
                    raise ValueError(f"{self.place}: {len(features):,} features and {len(ids):,} ids.")
                self._arrays = {str(name): array for name, array in zip(ids, features, strict=True)}
            else:
                self._archive = archive
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise ValueError(f"{self.place} is not a whole .npz file ({error}).") from error

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._files:
            try:
                return _checked(np.load(self._files[name], allow_pickle=False), str(self._files[name]))
            except (EOFError, OSError) as error:
                raise ValueError(f"{self._files[name]} is not a whole .npy file ({error}).") from error
        if name in self._arrays:
            return _checked(self._arrays[name], f"{name} in {self.place}")
        if self._archive is not None and name in self._archive.files:
            return _checked(self._archive[name], f"{name} in {self.place}")
        raise KeyError(name)

    def __iter__(self):
        return iter([*self._files, *self._arrays, *(self._archive.files if self._archive is not None else ())])

    def __len__(self) -> int:
        return len(self._files) + len(self._arrays) + (len(self._archive.files) if self._archive is not None else 0)

    def __contains__(self, name) -> bool:
        return name in set(self)

    @property
    def width(self) -> int:
        """Features a frame, by the first clip."""
        return int(self[next(iter(self))].shape[1])


def _checked(array: np.ndarray, where: str) -> np.ndarray:
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or not array.size or array.size > MOST_VALUES or array.dtype.kind not in "fiu":
        raise ValueError(f"{where}: expected numbers of the shape (frames, features), got {array.dtype} {array.shape}.")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{where}: there are values that are no numbers in it.")
    return array


def evenly(array: np.ndarray, most: int) -> np.ndarray:
    """Of (frames, features) those in the middles of `most` equal parts; all where there are fewer."""
    if len(array) <= most:
        return array
    return array[((np.arange(most) + 0.5) * len(array) / most).astype(int)]


def padded(arrays: list[np.ndarray], least: int = 1) -> np.ndarray:
    """Clips of different lengths as one array, rows of zeros behind their ends: float32 (clips, frames, features)."""
    longest = max(least, *(len(array) for array in arrays))
    whole = np.zeros((len(arrays), longest, arrays[0].shape[1]), np.float32)
    for number, array in enumerate(arrays):
        if array.shape[1] != whole.shape[2]:
            raise ValueError(f"Clip {number + 1:,} has {array.shape[1]} features a frame, others {whole.shape[2]}.")
        whole[number, : len(array)] = array
    return whole
