"""Word tokenizer: text to words by a few rules that a SavedModel follows as well, and words to ids by a vocabulary.

The rules cut as the Penn Treebank does where a regular expression can: "don't" is "do", "n't", "film's" is "film",
"'s", punctuation stands alone, numbers ("3.5", "8/10") and hyphenated words stay whole. Every pattern means the same
to Python (`re.ASCII`) and to RE2, TensorFlow's own: `serving.signatures.words` runs these very steps inside a graph.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.tokenizers.special import EOS_ID, SPECIAL_TOKENS, UNK_ID

_ALONE = (
    r"[0-9]+(?:[.,:/][0-9]+)+"  # numbers with something inside
    r"|[nN]'[tT]\b|'(?:[sSdDmM]|[rR][eE]|[vV][eE]|[lL][lL])\b"  # what English writes together
    r"|[:;=]-?[()]"  # :-)
    r"|\.\.+|--+"
    r"|[!-&(-,./:-@\[-^{-~¡¿…–—。、，．！？：；（）「」『』・]"
    r"|\B'|'\B"  # a quote, but not the apostrophe within a name
)
STEPS: tuple[tuple[str, str], ...] = (
    ("<[bB][rR] */?>", " "),
    ("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]", " "),
    ("[‘’`´]", "'"),
    ("''|[“”„«»]", '"'),
    (f"({_ALONE})", r" \1 "),
)
"""Patterns and what replaces them, one after the other; then spaces part the words. The same in Python and in RE2."""

_COMPILED = tuple((re.compile(pattern, re.ASCII), replacement) for pattern, replacement in STEPS)


def lower(text: str) -> str:
    """The text in small letters by Unicode's full mapping, as `tf.strings.lower` makes them, too."""
    return text.lower()


def tokenize(text: str, lowercase: bool = False) -> list[str]:
    """The words of a text, in order.

    Args:
        text: one line, by custom clean (`data.text.clean`).
        lowercase: make the letters small first.
    """
    if lowercase:
        text = lower(text)
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return text.split()


class WordTokenizer:
    """Turns text into the ids of words and back.

    Args:
        words: the vocabulary in the order of its ids, the special tokens first.
        lowercase: read text in small letters; the vocabulary then has small letters only.

    Raises:
        ValueError: the special tokens are not the house's, or a word occurs twice.
    """

    def __init__(self, words: Sequence[str], lowercase: bool = True):
        self.words, self.lowercase = list(words), lowercase
        if tuple(self.words[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
            raise ValueError(f"A vocabulary begins with {', '.join(SPECIAL_TOKENS)}.")
        self.numbers = {word: number for number, word in enumerate(self.words)}
        if len(self.numbers) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(f"The vocabulary has the word {twice!r} twice.")

    @classmethod
    def from_counts(cls, counts: Counter[str], size: int, least: int = 1, lowercase: bool = True) -> WordTokenizer:
        """The most frequent words.

        Args:
            counts: how often each word occurs.
            size: the most words, special tokens included.
            least: a word that occurs less often is left out.
            lowercase: see the class.

        Raises:
            ValueError: there is no word.
        """
        known = [word for word, count in counts.items() if count >= least and word not in SPECIAL_TOKENS]
        if not known:
            raise ValueError("There is no word to make a vocabulary of. Give at least one line that is not blank.")
        known.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL_TOKENS, *known[: max(0, size - len(SPECIAL_TOKENS))]], lowercase)

    @classmethod
    def train(cls, lines: Iterable[str], size: int, least: int = 1, lowercase: bool = True) -> WordTokenizer:
        """The most frequent words of a text; see `from_counts`."""
        counts: Counter[str] = Counter()
        for line in lines:
            counts.update(tokenize(line, lowercase))
        return cls.from_counts(counts, size, least, lowercase)

    @classmethod
    def load(cls, path: str | Path, lowercase: bool = True) -> WordTokenizer:
        """Reads a `vocabulary.txt`: one word a line, in the order of the ids.

        Raises:
            ValueError: it is no vocabulary; the message names the file.
        """
        try:
            return cls(Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"), lowercase)
        except ValueError as error:
            raise ValueError(f"{path} is no vocabulary. {error}") from None

    @property
    def text(self) -> str:
        """What `vocabulary.txt` holds."""
        return "".join(f"{word}\n" for word in self.words)

    @property
    def size(self) -> int:
        """Number of words, special tokens included."""
        return len(self.words)

    def tokenize(self, text: str) -> list[str]:
        """The words of a text as the vocabulary spells them; known or not."""
        return tokenize(text, self.lowercase)

    def ids(self, words: Iterable[str]) -> list[int]:
        """The ids of words that were cut already; `<unk>` for those that are not known."""
        find = self.numbers.get
        if self.lowercase:
            return [find(lower(word), UNK_ID) for word in words]
        return [find(word, UNK_ID) for word in words]

    def encode(self, text: str, add_eos: bool = True) -> list[int]:
        """The ids of a text's words, `</s>` at the end where `add_eos`."""
        find = self.numbers.get
        found = [find(word, UNK_ID) for word in self.tokenize(text)]
        return [*found, EOS_ID] if add_eos else found

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The words with these ids."""
        return [self.words[int(i)] for i in ids]
