"""Lines of UTF-8 text from a plain or gzipped file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path


def read_lines(path: str | Path) -> list[str]:
    """Reads a whole file; blanks at both ends of a line are removed, empty lines stay.

    Only a line feed ends a line: the other characters that Unicode calls line ends occur inside sentences.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or a line is not UTF-8; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}.")
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file ({error}). Fetch it again.") from None
    lines = raw.split(b"\n")
    if not lines[-1]:
        lines.pop()
    text = []
    for number, line in enumerate(lines, start=1):
        try:
            text.append(line.decode("utf-8").strip())
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {number}: not UTF-8. Convert the file, for instance with iconv.") from None
    return text
