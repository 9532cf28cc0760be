"""Fetches a corpus' files from its public home and checks them."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path


def fetch(
    files: Mapping[str, str], home: str, directory: str | Path, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Fetches what is not there yet.

    Args:
        files: name → sha256 of the content, in hexadecimal.
        home: the address that a name is appended to.
        directory: where the files go.
        say: told of each file.

    Returns:
        The directory.

    Raises:
        OSError: a file cannot be fetched or written.
        ValueError: a fetched file is not what it should be; nothing of it is kept.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, digest in files.items():
        path = directory / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            continue
        say(f"fetching {home}{name}")
        try:
            with urllib.request.urlopen(f"{home}{name}", timeout=60) as answer:
                content = answer.read()
        except urllib.error.URLError as error:
            raise OSError(f"{home}{name} cannot be fetched ({error.reason}). Try again, or use --data-dir.") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(f"{home}{name} is not the file that was expected (its sha256 differs).")
        partial = path.with_name(f".{name}.partial")
        partial.write_bytes(content)
        os.replace(partial, path)
    return directory
