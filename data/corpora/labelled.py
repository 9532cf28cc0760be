"""Texts with labels: what every such corpus yields, and the user's own CSV or TSV file, read row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from data.corpora.lines import raw_lines

MAX_FIELD = 4_000_000
"""A field longer than this is taken for a quote that was never closed."""


class Example(NamedTuple):
    """A text and what it is.

    Attributes:
        text: as the corpus has it.
        label: its class by name; empty where it has none.
    """

    text: str
    label: str


def read(path: str | Path, text_column: str = "text", label_column: str = "label") -> Iterator[Example]:
    """Reads a table with a header, one row in memory at a time. Rows with a blank text are left out.

    Args:
        path: a `.csv` (commas, or semicolons where the header has these alone; quotes as RFC 4180) or a `.tsv` (tabs,
            no quotes), plain or gzipped.
        text_column, label_column: names of two columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a row is broken, a label is empty, or a line is not UTF-8; the message names
            the file and the line.
    """
    path = Path(path)
    lines = _lines(path)
    header = next(lines, "")
    delimiter = _delimiter(path, header)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    csv.field_size_limit(MAX_FIELD)
    names = next(csv.reader([header], delimiter=delimiter, quoting=quoting), [])
    columns = [_column(path, names, name) for name in (text_column, label_column)]
    rows = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise ValueError(f"{path}, line {rows.line_num + 1:,}: {error}. Is a quote open?") from None
        if row is None:
            return
        if not row:
            continue
        where = f"{path}, line {rows.line_num + 1:,}"
        if len(row) != len(names):
            raise ValueError(f"{where}: {len(row)} columns, and the header has {len(names)}.")
        text, label = (row[column].strip() for column in columns)
        if not label:
            raise ValueError(f"{where}: the label is empty. Give each row one, or leave the row out.")
        if text:
            yield Example(text, label)


def _column(path: Path, names: list[str], name: str) -> int:
    if name not in names:
        raise ValueError(
            f"{path} has no column {name!r}; it has {', '.join(map(repr, names)) or 'none'}. Name the columns with "
            "--text-column and --label-column."
        )
    return names.index(name)


def _delimiter(path: Path, header: str) -> str:
    if ".tsv" in path.suffixes or ("\t" in header and "," not in header):
        return "\t"
    return ";" if ";" in header and "," not in header else ","


def _lines(path: Path) -> Iterator[str]:
    """Decoded lines with their ends; a byte order mark is left out."""
    for number, line in enumerate(raw_lines(path), start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            where = f"{path}, line {number:,}"
            raise ValueError(f"{where}: not UTF-8. Convert the file, for instance with iconv.") from None
