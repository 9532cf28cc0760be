"""Lines of UTF-8 text from a file, plain or compressed; whatever it unpacks to, memory holds one line of it."""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_LINE = 64 * 2**20
"""Bytes; a longer line is no text: a few kilobytes can unpack to gigabytes of zeros."""
MAX_LINES = 50_000_000
"""Lines that are held in memory together."""


def raw_lines(path: str | Path) -> Iterator[bytes]:
    """The lines of a file, plain, `.gz` or `.xz`, with their ends; a byte order mark is left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or a line has over 64 MiB; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}.")
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    number = 0
    try:
        with openers.get(path.suffix, open)(path, "rb") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise ValueError(f"{path}, line {number:,}: over {MAX_LINE // 2**20} MiB. This is no text.")
                yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        kind = {".gz": "gzip", ".xz": "xz"}[path.suffix]
        raise ValueError(f"{path} is not a whole {kind} file ({error}). Fetch it again.") from None


def read_lines(path: str | Path) -> list[str]:
    """Reads a whole file, plain, `.gz` or `.xz`; blanks at both ends of a line are removed, empty lines stay.

    Only a line feed ends a line: the other characters that Unicode calls line ends occur inside sentences.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or a line is not UTF-8; the message names the line.
    """
    text = []
    for number, line in enumerate(raw_lines(path), start=1):
        if number > MAX_LINES:
            raise ValueError(f"{path} has over {MAX_LINES:,} lines. Split it.")
        try:
            text.append(line.decode("utf-8").strip())
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {number}: not UTF-8. Convert the file, for instance with iconv.") from None
    return text


def read_json(path: str | Path) -> Any:
    """What a JSON file holds, plain, `.gz` or `.xz`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON in UTF-8, or too deep to be read.
    """
    content = b"".join(raw_lines(path))
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, a number of thousands of digits
        raise ValueError(f"{path} is not JSON in UTF-8 ({error}).") from error
