"""Where a command's inputs come from and where its answers go."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from apps.shared.errors import UserError, describe
from serving.files import whole_file

STANDARD = "-"
SUFFIXES = {
    "image": (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    "video": (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".gif", ".npy"),
}
FRAMES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""A folder that holds one of these is a clip, too: its frames."""
MAX_LINE = 2**24
"""Bytes of a line that are held in memory."""
# What a reader of lines may take for the end of one; JSON allows them raw inside a string.
_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One input of a batch.

    Attributes:
        place: where it stands, for messages: "line 3", or the file's name.
        value: a text, or the path of a file.
        error: why it cannot be read; empty when it can.
    """

    place: str
    value: str | Path
    error: str = ""


def items(source: str, kind: Literal["text", "image", "video"]) -> Iterator[Item]:
    """The inputs of a batch, read as they are asked for.

    Args:
        source: for text a file with one text a line; for photos and clips a folder (its photos or clips by name; a
            clip can be a folder of frames or a .npy of frame features), one file, or a text file of paths, one a line.
            `-` is standard input, lines of text or of paths.
        kind: what one input is.

    Raises:
        UserError: there is no such file, or it is no text. Raised at once, not when the first item is asked for.
    """
    if kind == "video" and source != STANDARD and holds_frames(Path(source)):
        return iter([Item(place=source, value=Path(source))])
    if source != STANDARD and Path(source).is_dir():
        if kind == "text":
            raise UserError(f"{source} is a folder. Name a file with one text a line, or - for standard input.")
        return iter(_in_folder(Path(source), kind))
    if kind != "text" and Path(source).suffix.lower() in SUFFIXES[kind]:
        if not Path(source).is_file():
            raise UserError(f"No file {source}.")
        return iter([Item(place=source, value=Path(source))])
    lines = _lines(_open(source), source)
    first = next(lines, None)  # opens the file and looks at its first bytes now
    return _as_items(first, lines, kind)


def read_lines(path: str | Path) -> list[str]:
    """All lines of a UTF-8 file, without their ends; only a new line ends one, and a byte order mark is left out.

    Raises:
        UserError: there is no such file, or a line is not UTF-8; the message names it.
    """
    lines = []
    for number, raw in enumerate(_lines(_open(str(path)), str(path)), start=1):
        text = _decode(raw)
        if text is None:
            raise UserError(f"{path}, line {number}: not UTF-8. Convert the file, for instance with iconv.")
        lines.append(text)
    return lines


@contextmanager
def output(target: str | Path) -> Iterator[BinaryIO]:
    """Opens a command's output: standard output for `-`, else a file that is written whole or not at all.

    Raises:
        UserError: the file cannot be made.
    """
    if str(target) == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    writing = whole_file(target)
    try:
        file = writing.__enter__()
    except (OSError, ValueError) as error:  # ValueError: the name holds a NUL
        raise UserError(f"Cannot write {target}: {describe(error)}") from error
    try:
        with ExitStack() as stack:
            stack.push(writing.__exit__)
            yield file
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is None:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


def write_text(target: str | Path, text: str) -> None:
    """Writes a text file, whole or not at all; `-` is standard output."""
    with output(target) as file:
        file.write(text.encode("utf-8"))


def check_new(target: str | Path) -> None:
    """Makes sure that a file can be written, before the work that fills it.

    Raises:
        UserError: its folder does not exist or cannot be written, or the path is a folder.
    """
    path = Path(target)
    if str(target) == STANDARD:
        return
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file.")
    if not path.parent.is_dir():
        raise UserError(f"Cannot write {path}: there is no folder {path.parent}. Make it first.")
    if not os.access(path.parent if not path.exists() else path, os.W_OK):
        raise UserError(f"Cannot write {path}: no permission.")


def json_line(values: dict[str, Any]) -> str:
    """One JSON object on one line, in UTF-8's own letters."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    text = re.sub("[\x85\u2028\u2029]", lambda match: _LINE_ENDS[match.group()], text)
    # A half of a surrogate pair, from an argument that was no UTF-8, cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


def _in_folder(folder: Path, kind: str) -> list[Item]:
    found = sorted(
        path
        for path in folder.iterdir()
        if (path.suffix.lower() in SUFFIXES[kind] and path.is_file()) or (kind == "video" and holds_frames(path))
    )
    if not found:
        raise UserError(f"No {kind} in {folder}: looked for {', '.join(SUFFIXES[kind])}.")
    return [Item(place=str(path), value=path) for path in found]


def holds_frames(path: Path) -> bool:
    """Whether a path is a folder with the frames of one clip."""
    return path.is_dir() and any(inside.suffix.lower() in FRAMES for inside in path.iterdir())


def _open(source: str) -> BinaryIO:
    if source == STANDARD:
        return sys.stdin.buffer
    try:
        return open(source, "rb")
    except OSError as error:
        raise UserError(f"Cannot read {source}: {describe(error)}") from error


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Raw lines; only a new line ends one, as in every tool that must keep its lines in step."""
    with file if name != STANDARD else _kept_open(file):
        for number, line in enumerate(_whole_lines(file)):
            if number == 0:
                if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise UserError(f"{name} is UTF-16, not UTF-8. Convert it, for instance with iconv.")
                line = line.removeprefix(b"\xef\xbb\xbf")
            yield line.removesuffix(b"\n").removesuffix(b"\r")


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends; of one that no text can be the beginning alone, which is refused for its length."""
    while line := file.readline(MAX_LINE):
        rest = line
        while len(rest) == MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE)
        yield line


@contextmanager
def _kept_open(file: BinaryIO) -> Iterator[BinaryIO]:
    yield file


def _as_items(first: bytes | None, rest: Iterator[bytes], kind: str) -> Iterator[Item]:
    if first is None:
        return
    number, raw = 1, first
    while True:
        text, place = _decode(raw), f"line {number:,}"
        if text is None:
            yield Item(place=place, value=raw.decode("utf-8", "replace"), error="The line is not UTF-8.")
        else:
            yield Item(place=place, value=text if kind == "text" or not text.strip() else Path(text))
        try:
            raw = next(rest)
        except StopIteration:
            return
        number += 1


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
