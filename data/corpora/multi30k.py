"""Multi30k (Elliott et al. 2016): captions of photos in English, German, French and Czech, line by line."""

from __future__ import annotations

import gzip
from pathlib import Path

LANGUAGES = ("en", "de", "fr", "cs")
SPLITS = ("train", "val", "test_2016_flickr", "test_2017_flickr")


def read(directory: str | Path, split: str, language: str) -> list[str]:
    """Reads one side of one split.

    Args:
        directory: the folder with `train.de.gz` and so on, plain or gzipped; a folder `multi30k` inside is found too.
        split: one of `SPLITS`, or any other name for which there is a file.
        language: "en", "de", "fr" or "cs".

    Returns:
        The sentences in the file's order, blanks at both ends removed.

    Raises:
        FileNotFoundError: no such file; the message names what was looked for.
        ValueError: a line is not UTF-8.
    """
    return [line.strip() for line in _lines(_find(Path(directory), f"{split}.{language}"))]


def read_pairs(directory: str | Path, split: str, source: str, target: str) -> list[tuple[str, str]]:
    """Reads both sides of one split.

    Raises:
        FileNotFoundError: a side is missing.
        ValueError: the two sides do not have the same number of lines.
    """
    sources, targets = read(directory, split, source), read(directory, split, target)
    if len(sources) != len(targets):
        raise ValueError(
            f"{split}.{source} has {len(sources):,} lines and {split}.{target} {len(targets):,}: "
            "line n of one must translate line n of the other. Fetch the corpus again."
        )
    return list(zip(sources, targets, strict=True))


def _find(directory: Path, name: str) -> Path:
    for folder in (directory, directory / "multi30k"):
        for candidate in (folder / f"{name}.gz", folder / name):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(
        f"No {name} or {name}.gz in {directory} or {directory / 'multi30k'}. Give the corpus with --data-dir, or name its "
        "folder in CARROUSEL_DATA."
    )


def _lines(path: Path) -> list[str]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = raw.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    text = []
    for number, line in enumerate(lines, start=1):
        try:
            text.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {number}: not UTF-8. Convert the file, for instance with iconv.") from None
    return text
