"""Pages notice when a shipped model is replaced or deleted under them."""

from __future__ import annotations

from threading import Lock

import streamlit as st

_seen: dict[str, tuple[int, int]] = {}
_lock = Lock()


def forget_replaced_models() -> bool:
    """Empties what the pages keep, models and answers, when a shipped model is another than at the last look.

    A page calls it first; it looks at the manifests' times and sizes alone.

    Returns:
        Whether something was forgotten.
    """
    from serving import store

    now = {}
    for manifest in sorted(store.PRETRAINED.glob(f"*/*/{store.MANIFEST}")):
        try:
            found = manifest.stat()
        except OSError:  # gone since it was listed
            continue
        now[str(manifest)] = (found.st_mtime_ns, found.st_size)
    with _lock:
        changed = any(now.get(name) != version for name, version in _seen.items())
        _seen.clear()
        _seen.update(now)
    if changed:
        st.cache_resource.clear()
    return changed
