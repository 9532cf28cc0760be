"""How captions are written: lower case and without punctuation, as they are scored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data.text import clean
from data.tokenizers.subwords import SubwordTokenizer

CONVENTIONS = "lower case, punctuation out, clitics joined (dog's)"
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CLITIC = re.compile(r"(?<=\w)\s+['’](?=(?:s|t|re|ve|ll|d|m)\b)")
_SIDES = {"left": "right", "right": "left"}


def normalise(caption: str) -> str:
    """A caption as the model learns and says it: "Two dogs ' toys ; a man 's hat ." → "two dogs toys a man's hat"."""
    return " ".join(_WORD.findall(_CLITIC.sub("'", clean(caption).text.lower())))


def mirror(caption: str) -> str:
    """The caption of the mirrored photo: left and right are exchanged."""
    return " ".join(_SIDES.get(word, word) for word in caption.split(" "))


def learn_tokenizer(captions: Sequence[Sequence[str]], vocabulary: int) -> SubwordTokenizer:
    """Learns the pieces from the normalised captions of all items."""
    return SubwordTokenizer.train((caption for item in captions for caption in item), vocabulary)


@dataclass(frozen=True, kw_only=True)
class CaptionSet:
    """Items with their captions, normalised.

    Attributes:
        names: of the photos or clips.
        captions: of each; at least one that is not blank.
    """

    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, items: Sequence) -> CaptionSet:
        """From items with `name` and `captions`, see `data.corpora.captions`; those with nothing to say are left out.

        Raises:
            ValueError: nothing is left.
        """
        said = [(item.name, tuple(filter(None, map(normalise, item.captions)))) for item in items]
        said = [(name, captions) for name, captions in said if captions]
        if not said:
            raise ValueError("There are no captions to read.")
        return cls(names=tuple(name for name, _ in said), captions=tuple(captions for _, captions in said))

    def __len__(self) -> int:
        return len(self.names)
