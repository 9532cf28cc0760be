"""Character tokenizer: a word to the ids of its characters, so that a model can read words that it has never seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.tokenizers.special import SPECIAL_TOKENS, UNK_ID

LONGEST = 32
"""Characters of a word that are read; of a longer one the first and the last halves of so many."""


class CharacterTokenizer:
    """Turns words into the ids of their characters (Unicode code points).

    Args:
        characters: the vocabulary in the order of its ids, the special tokens first.
        longest: see `LONGEST`; an even number.

    Raises:
        ValueError: the special tokens are not the house's, or an entry is no single character, or occurs twice.
    """

    def __init__(self, characters: Sequence[str], longest: int = LONGEST):
        self.characters, self.longest = list(characters), longest
        own = self.characters[len(SPECIAL_TOKENS) :]
        if tuple(self.characters[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
            raise ValueError(f"A vocabulary begins with {', '.join(SPECIAL_TOKENS)}.")
        if len(set(own)) != len(own) or any(len(one) != 1 for one in own):
            raise ValueError("A vocabulary of characters has each of them once, and nothing longer.")
        self.numbers = {character: number for number, character in enumerate(self.characters)}

    @classmethod
    def train(cls, words: Iterable[str], least: int = 1, longest: int = LONGEST) -> CharacterTokenizer:
        """The characters of a text's words, the most frequent first.

        Args:
            words: the words.
            least: a character that occurs less often is left out.
            longest: see the class.

        Raises:
            ValueError: there is no character.
        """
        counts = Counter(character for word in words for character in word)
        kept = sorted((one for one in counts if counts[one] >= least), key=lambda one: (-counts[one], one))
        if not kept:
            raise ValueError("There is no character to make a vocabulary of. Give at least one word.")
        return cls([*SPECIAL_TOKENS, *kept], longest)

    @classmethod
    def load(cls, path: str | Path, longest: int = LONGEST) -> CharacterTokenizer:
        """Reads a `characters.txt`: one character a line, in the order of the ids.

        Raises:
            ValueError: it is no such vocabulary; the message names the file.
        """
        try:
            with open(path, encoding="utf-8", newline="") as file:
                return cls(file.read().removesuffix("\n").split("\n"), longest)
        except ValueError as error:
            raise ValueError(f"{path} is no vocabulary of characters. {error}") from None

    @property
    def text(self) -> str:
        """What `characters.txt` holds."""
        return "".join(f"{character}\n" for character in self.characters)

    @property
    def size(self) -> int:
        """Number of characters, special tokens included."""
        return len(self.characters)

    def ids(self, word: str) -> list[int]:
        """The ids of a word's characters, `<unk>` for those that are not known; at least one, at most `longest`."""
        if len(word) > self.longest:
            half = self.longest // 2
            word = word[:half] + word[-half:]
        return [self.numbers.get(character, UNK_ID) for character in word] or [UNK_ID]
