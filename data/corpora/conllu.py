"""Treebanks in the CoNLL-U format (https://universaldependencies.org/format.html): words and their universal tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import conllu

from data.corpora.lines import raw_lines

UPOS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
"""The universal tags (Nivre et al. 2016)."""
SPLITS = ("train", "dev", "test")
COLUMNS = 10
_ID = re.compile(r"([0-9]+)(?:([-.])[0-9]+)?")


class TaggedSentence(NamedTuple):
    """A sentence of a treebank.

    Attributes:
        words: its syntactic words: what a multiword token ("don't") is made of, not the token.
        tags: the universal tag of each.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]


def read(path: str | Path) -> list[TaggedSentence]:
    """Reads a treebank's file, plain, `.gz` or `.xz`.

    Multiword tokens (`8-9`) and empty nodes (`8.1`) are no words.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed, or the file is damaged; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}.")
    sentences = [_sentence(path, number, block) for number, block in _blocks(path)]
    if not sentences:
        raise ValueError(f"{path} has no sentence.")
    return sentences


def find(directory: str | Path, split: str, treebank: str = "UD_English-EWT") -> Path:
    """The file of a treebank's split: `en_ewt-ud-train.conllu` and the like.

    Args:
        directory: the treebank's folder; or one that holds it, itself or in a folder `ud`.
        split: "train", "dev" or "test".
        treebank: the name of the treebank's folder.

    Raises:
        FileNotFoundError: there is no such file; the message names what was looked for.
        ValueError: there are several.
    """
    directory = Path(directory)
    for folder in (directory / treebank, directory / "ud" / treebank, directory):
        found = sorted(path for path in folder.glob(f"*-{split}.conllu*") if path.suffix in (".conllu", ".gz", ".xz"))
        if len({path.name.split(".")[0] for path in found}) > 1:
            raise ValueError(
                f"{folder} holds several treebanks ({found[0].name}, {found[1].name}): name the folder of one."
            )
        if found:
            return found[0]
    raise FileNotFoundError(
        f"No file *-{split}.conllu (or .gz, .xz) in {directory / treebank}, {directory / 'ud' / treebank} or "
        f"{directory}. Give the treebank with --data-dir, or name its folder in CARROUSEL_DATA."
    )


def _blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of each sentence, with the number of the first one."""
    block: list[str] = []
    number = 0
    for number, raw in _lines(path):
        try:
            line = raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}, line {number:,}: not UTF-8. Convert the file, for instance with iconv."
            ) from None
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield number - len(block) + 1, block


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    return enumerate(raw_lines(path), start=1)


def _sentence(path: Path, first: int, block: list[str]) -> TaggedSentence:
    for offset, line in enumerate(block):
        if not line.startswith("#") and (wrong := _wrong(line)):
            raise ValueError(f"{path}, line {first + offset:,}: {wrong}")
    try:
        (tokens,) = conllu.parse("\n".join(block) + "\n\n")
    except (conllu.exceptions.ParseException, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{path}, the sentence from line {first:,} on: not CoNLL-U ({reason}).") from None
    rows = [token for token in tokens if isinstance(token["id"], int)]
    if not rows:
        raise ValueError(f"{path}, line {first:,}: a sentence without words.")
    return TaggedSentence(tuple(row["form"] for row in rows), tuple(row["upos"] for row in rows))


def _wrong(line: str) -> str:
    """What is wrong with a row; empty for a sound one."""
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        return f"expected {COLUMNS} columns with tabs between, got {len(columns)}."
    identity, form, tag = columns[0], columns[1], columns[3]
    found = _ID.fullmatch(identity)
    if not found:
        return f"the first column must be a word's number, got {identity[:20]!r}."
    if not form.strip():
        return "the second column, the word, is empty."
    if not found.group(2) and tag not in UPOS:
        return f"{tag[:20]!r} in the fourth column is no universal tag. They are {', '.join(UPOS)}."
    return ""
