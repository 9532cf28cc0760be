"""The text that word vectors are learnt from, as lists of words, once through the tokenizer and then from the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from apps.shared.errors import UserError
from data.corpora import imdb
from data.corpora.lines import read_lines
from data.tokenizers.words import tokenize
from serving.files import whole_file


class TokenizedText:
    """A file of words with spaces between, one text a line; it can be gone through again and again.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        self.path = path

    def __iter__(self) -> Iterator[list[str]]:
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                yield line.split()


def prepare(options: Any, path: Path) -> TokenizedText:
    """Tokenizes the training text into a file, where that is not done yet.

    Args:
        options: a `WordVectorsOptions`.
        path: where the words go.

    Raises:
        UserError: there is no text to read.
        ValueError, OSError: it cannot be used; the message says why.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            for text in read_texts(options):
                words = tokenize(text, lowercase=True)
                if words:
                    file.write(" ".join(words).encode() + b"\n")
    return TokenizedText(path)


def read_texts(options: Any) -> Iterable[str]:
    """The user's own lines, or the reviews of IMDB but for the test reviews and their doubles.

    Raises:
        UserError: neither is given.
        ValueError, OSError: see `data.corpora`.
    """
    if options.text_file is not None:
        return read_lines(options.text_file)
    if options.data_dir is None:
        raise UserError(
            "No text to learn from. Give your own with --text-file, or name the folder that holds IMDB (aclImdb) with "
            "--data-dir or in CARROUSEL_DATA."
        )
    return _reviews(options.data_dir)


def _reviews(directory: Path) -> Iterator[str]:
    """Some test reviews are among the others once more, word by word: these are left out, too."""
    tested = {_digest(review.example.text) for review in imdb.read(directory, ("test",))}
    for review in imdb.read(directory, ("train", "unsup")):
        if _digest(review.example.text) not in tested:
            yield review.example.text


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
