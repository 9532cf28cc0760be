"""The Stanford Sentiment Treebank (Socher et al. 2013): sentences of film reviews, with a label on every phrase."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data.corpora.labelled import Example
from data.corpora.lines import read_lines

SPLITS = ("train", "dev", "test")
FINE = ("very negative", "negative", "neutral", "positive", "very positive")
BINARY = ("negative", "positive")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "\\/": "/", "\\*": "*"}
_TOKEN = re.compile(r"[()]|[^\s()]+")


def labels(classes: int) -> tuple[str, ...]:
    """The names of the two or five classes.

    Raises:
        ValueError: another number.
    """
    if classes not in (2, 5):
        raise ValueError(f"SST has 2 or 5 classes, got {classes}.")
    return BINARY if classes == 2 else FINE


def read(directory: str | Path, split: str, classes: int = 2, phrases: bool = False) -> Iterator[Example]:
    """Reads one split: of the trees where they are there, else of the `stsa` files.

    Args:
        directory: holds `trees/train.txt` and so on, or `stsa.fine.train` and so on, plain or gzipped, itself or in a
            folder `sst`.
        split: one of `SPLITS`.
        classes: 5, or 2: without the neutral ones, and both degrees taken together.
        phrases: every phrase with its label, the whole sentence last among those of its tree; needs the trees.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no tree, or has no label; the message names it.
    """
    names = labels(classes)
    path = find(directory, split, phrases)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        where = f"{path}, line {number:,}"
        nodes = parse(line, where) if path.parent.name == "trees" else [_sentence(line, where)]
        for text, grade in nodes if phrases else nodes[-1:]:
            if classes == 5:
                yield Example(text, names[grade])
            elif grade != 2:
                yield Example(text, names[grade > 2])


def parse(line: str, where: str = "the tree") -> list[tuple[str, int]]:
    """Every phrase of a bracketed tree, inner ones first: `(3 (2 A) (4 joy))` → ("A", 2), ("joy", 4), ("A joy", 3).

    Raises:
        ValueError: it is no such tree.
    """
    open_nodes: list[tuple[int, list[str]]] = []
    done: list[tuple[str, int]] = []
    tokens = iter(_TOKEN.findall(line))
    for token in tokens:
        if token == "(":
            grade = next(tokens, "")
            if grade not in "01234" or not grade:
                raise ValueError(f"{where}: a label from 0 to 4 was expected, got {grade!r}.")
            open_nodes.append((int(grade), []))
        elif not open_nodes:
            raise ValueError(f"{where}: a bracket is closed that was never opened, or a word stands outside.")
        elif token == ")":
            grade_here, words = open_nodes.pop()
            done.append((" ".join(words), grade_here))
            if open_nodes:
                open_nodes[-1][1].extend(words)
        else:
            open_nodes[-1][1].append(_BRACKETS.get(token, token.replace("\\/", "/")))
    if open_nodes or not done:
        raise ValueError(f"{where}: a bracket is never closed.")
    return done


def find(directory: str | Path, split: str, phrases: bool = False) -> Path:
    """The file of a split.

    Raises:
        FileNotFoundError: it is not there.
    """
    directory = Path(directory)
    names = [f"trees/{split}.txt", *([] if phrases else [f"stsa.fine.{split}"])]
    for folder in (directory, directory / "sst"):
        for name in names:
            for candidate in (folder / f"{name}.gz", folder / name):
                if candidate.is_file():
                    return candidate
    raise FileNotFoundError(
        f"No {' and no '.join(names)} (plain or .gz) in {directory} or {directory / 'sst'}. Give the corpus with "
        "--data-dir, or name its folder in CARROUSEL_DATA."
    )


def _sentence(line: str, where: str) -> tuple[str, int]:
    grade, _, text = line.partition(" ")
    if grade not in ("0", "1", "2", "3", "4") or not text.strip():
        raise ValueError(f"{where}: a label from 0 to 4, a space and a sentence were expected.")
    return text.strip(), int(grade)
