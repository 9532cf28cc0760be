"""The pages' process stays as quick in the thousandth run of a page as a predictor is that nobody disturbs."""

from __future__ import annotations

import gc
import sys
from typing import Any


def keep_warm() -> None:
    """Keeps what TensorFlow compiled from one run of a page to the next; does nothing before Keras is imported.

    Streamlit ends every run of a page with two things (its `script_runner`):

    - `keras.backend.clear_session()`, meant for the graphs of TensorFlow 1. In Keras 3 it empties the kernel cache of
      the whole process, under the feet of whoever else is computing; the next translation took five times as long. The
      pages build models once and keep them, so there is nothing to be cleared.
    - a full garbage collection, which walks through the 400,000 objects that TensorFlow's import leaves: 0.2 s of
      processor time. Frozen once (`gc.freeze`), they are not looked at again, while a page's own garbage is.
    """
    backend: Any = getattr(sys.modules.get("keras"), "backend", None)
    if getattr(backend, "clear_session", _nothing) is _nothing:
        return
    backend.clear_session = _nothing
    gc.collect()
    gc.freeze()


def _nothing(free_memory: bool = True) -> None:
    """In place of `keras.backend.clear_session`."""
