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
MOST_BYTES = 2**31
"""Of an array with the features of a whole corpus."""
_BROKEN = (EOFError, OSError, ValueError, TypeError, SyntaxError, MemoryError, OverflowError, KeyError)
"""What NumPy raises for files that are no arrays, and for shapes that cannot be."""


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
            members = set(archive.files)
        except (zipfile.BadZipFile, AttributeError, *_BROKEN) as error:  # a single array has no files
            raise ValueError(f"{self.place} is not a whole .npz file ({error}).") from error
        self._archive = archive
        if {"features", "ids"} <= members:
            features, ids = self._member("features", MOST_BYTES), self._member("ids", MOST_BYTES)
            if not features.ndim or len(features) != len(np.atleast_1d(ids)):
                raise ValueError(f"{self.place}: {features.shape} features and {ids.shape} ids.")
            self._arrays = {str(name): array for name, array in zip(np.atleast_1d(ids), features, strict=True)}
            self._archive = None

    def _member(self, name: str, most: int) -> np.ndarray:
        """One array of the archive; its size is looked at before it is unpacked."""
        assert self._archive is not None
        try:
            size = self._archive.zip.getinfo(f"{name}.npy").file_size
            if size > most:
                raise ValueError(f"it would unpack to {size / 1e9:.1f} GB")
            found = self._archive[name]
            if not isinstance(found, np.ndarray):
                raise ValueError("it is no .npy array")
            return found
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, *_BROKEN) as error:
            raise ValueError(f"{name} in {self.place} cannot be read ({error}).") from error

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._files:
            try:  # as a view of the file: a shape that the file does not have costs nothing
                array = np.load(self._files[name], mmap_mode="r", allow_pickle=False)
            except _BROKEN as error:
                raise ValueError(f"{self._files[name]} is not a whole .npy file ({error}).") from error
            return _checked(array, str(self._files[name]))
        if name in self._arrays:
            return _checked(self._arrays[name], f"{name} in {self.place}")
        if self._archive is not None and name in self._archive.files:
            return _checked(self._member(name, 8 * MOST_VALUES + 4096), f"{name} in {self.place}")
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
    with np.errstate(over="ignore"):
        array = np.array(array, np.float32)
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
