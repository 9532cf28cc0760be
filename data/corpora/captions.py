"""Captioned photos or clips, and the user's own: COCO-style JSON, and a folder with a table of captions."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.corpora.lines import read_json


@dataclass(frozen=True, kw_only=True)
class CaptionedItem:
    """One photo or clip with what people said about it.

    Attributes:
        name: the file's name, relative to where the photos or clips are.
        captions: as they were written, at least one.
    """

    name: str
    captions: tuple[str, ...]


def read_coco(path: str | Path) -> list[CaptionedItem]:
    """Reads captions as COCO has them: `{"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}`.

    Returns:
        In the order of `images`; those without a caption are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file; the message says what is missing.
    """
    path = Path(path)
    content = read_json(path)
    images, annotations = _list(path, content, "images"), _list(path, content, "annotations")
    names = {_value(path, image, "id"): str(_value(path, image, "file_name")) for image in images}
    captions: dict[str, list[str]] = {name: [] for name in names.values()}
    for annotation in annotations:
        image, caption = _value(path, annotation, "image_id"), str(_value(path, annotation, "caption")).strip()
        if image not in names:
            raise ValueError(f"{path}: a caption belongs to image {image!r}, which is not among the images.")
        if caption:
            captions[names[image]].append(caption)
    return _items(path, captions)


def read_table(path: str | Path, name_columns: tuple[str, ...] = ("image", "file", "filename")) -> list[CaptionedItem]:
    """Reads a CSV table with a header: a column of file names and a column `caption`, one caption a row.

    Args:
        path: the file, in UTF-8. A name can have several rows.
        name_columns: what the column of names may be called.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a row is short, or the file is not UTF-8; the message names the line.
    """
    path = Path(path)
    captions: dict[str, list[str]] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            named = [column for column in name_columns if column in (rows.fieldnames or ())]
            if not named or "caption" not in (rows.fieldnames or ()):
                got = ", ".join(rows.fieldnames or ()) or "nothing"
                raise ValueError(f"{path}, line 1: expected columns {name_columns[0]} and caption, got {got}.")
            for row in rows:
                name, caption = row[named[0]], row["caption"]
                if not (name and caption and caption.strip()):
                    raise ValueError(f"{path}, line {rows.line_num:,}: a name and a caption were expected.")
                captions.setdefault(name.strip(), []).append(caption.strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8. Convert it, for instance with iconv.") from error
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV table ({error}).") from error
    return _items(path, captions)


def read_file(path: str | Path) -> list[CaptionedItem]:
    """Reads either, by its suffix: `.json` as COCO has it, anything else as a table."""
    return read_coco(path) if Path(path).suffix.lower() == ".json" else read_table(path)


def _items(path: Path, captions: dict[str, list[str]]) -> list[CaptionedItem]:
    items = [CaptionedItem(name=name, captions=tuple(said)) for name, said in captions.items() if said]
    if not items:
        raise ValueError(f"{path} has no captions.")
    return items


def _list(path: Path, content: Any, name: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise ValueError(f"{path} is no captions file as COCO has them: it has no list {name!r}.")
    return content[name]


def _value(path: Path, entry: Any, name: str) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get(name), (str, int)):
        raise ValueError(f"{path}: an entry has no {name!r}: {str(entry)[:60]}.")
    return entry[name]
