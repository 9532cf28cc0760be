"""What word vectors are judged by: analogies (Mikolov et al. 2013) and pairs that people judged for likeness."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from data.corpora.lines import read_lines

ANALOGIES = "questions-words.txt"
SIMILARITIES = {
    "SimLex-999": "EN-SIMLEX-999.txt",
    "WS-353": "EN-WS-353-ALL.txt",
    "MEN": "EN-MEN-TR-3k.txt",
    "RG-65": "EN-RG-65.txt",
}
"""SimLex-999 (Hill et al. 2015), WordSim-353 (Finkelstein et al. 2002), MEN (Bruni et al. 2014), RG-65 (Rubenstein &
Goodenough 1965), as https://github.com/mfaruqui/eval-word-vectors has them."""


class Analogy(NamedTuple):
    """`first` is to `second` as `third` is to `fourth`."""

    first: str
    second: str
    third: str
    fourth: str


class Pair(NamedTuple):
    """Two words and how alike people find them; the scale differs from list to list."""

    first: str
    second: str
    score: float


def read_analogies(path: str | Path) -> dict[str, list[Analogy]]:
    """Reads questions by section: `: name` lines, and four words on each line below.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed; the message names it.
    """
    sections: dict[str, list[Analogy]] = {}
    name = ""
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith(":"):
            name = line[1:].strip()
            continue
        words = line.split()
        if not words:
            continue
        if len(words) != 4:
            raise ValueError(f"{path}, line {number:,}: expected four words, got {len(words)}.")
        sections.setdefault(name or "analogies", []).append(Analogy(*words))
    if not sections:
        raise ValueError(f"{path} has no analogy.")
    return sections


def read_similarities(path: str | Path) -> list[Pair]:
    """Reads pairs: two words and a number a line, with tabs or blanks between.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed; the message names it.
    """
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            first, second, score = fields
            pairs.append(Pair(first, second, float(score)))
        except ValueError:
            raise ValueError(f"{path}, line {number:,}: expected two words and a number, got {line[:60]!r}.") from None
    if not pairs:
        raise ValueError(f"{path} has no pair.")
    return pairs


def find(directory: str | Path, name: str) -> Path:
    """A list by its name, plain or `.gz`, in a folder, or in its folders `word2vec` and `word2vec/word-sim`.

    Raises:
        FileNotFoundError: there is no such file; the message names what was looked for.
    """
    directory = Path(directory)
    for folder in (directory, directory / "word2vec", directory / "word-sim", directory / "word2vec" / "word-sim"):
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(
        f"No {name} or {name}.gz in {directory} or its folders word2vec and word2vec/word-sim. Give the lists with "
        "--data-dir, or name their folder in CARROUSEL_DATA."
    )
