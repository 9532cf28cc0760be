"""Text from outside made safe: one form of Unicode, nothing invisible, nothing endless; what was changed is said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MAX_WORDS = 10_000
MAX_CHARACTERS = 200_000
"""A text without spaces is refused by its characters."""

# Every character that means "here is some space or a new line"; the text becomes one line.
SPACE = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# They turn the direction of writing (Unicode Standard Annex 9), and can make a page show another text than it has.
DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Soft hyphen, zero-width space and byte order mark. The zero-width joiners stay: scripts and emoji need them.
INVISIBLE = re.compile("[\u00ad\u200b\ufeff]")
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]]*(?=\s)")


class TextRefused(ValueError):
    """A text that no model is asked about; the message says why."""


@dataclass(frozen=True, kw_only=True)
class CleanText:
    """A text that can be given to a tokenizer.

    Attributes:
        text: one line in Unicode's normal form C, without blanks at the ends; empty for a blank text.
        notices: what was removed, one sentence each, for the user to read.
    """

    text: str
    notices: tuple[str, ...] = ()


def clean(text: str) -> CleanText:
    """Makes one line of safe text.

    New lines and tabs become spaces, silently. Control characters (NUL among them), marks of direction and invisible
    characters are removed, with a notice.

    Args:
        text: anything a user can type or paste.

    Raises:
        TextRefused: more than 10,000 words or 200,000 characters, or bytes that were not UTF-8.
    """
    if len(text) > MAX_CHARACTERS:
        raise TextRefused(f"The text has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}. Split it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise TextRefused("The text is not UTF-8. Convert it, for instance with iconv.")
    notices = []
    text = SPACE.sub(" ", text)
    for kind, pattern in (
        ("control character", CONTROL),
        ("mark of writing direction", DIRECTION),
        ("invisible character", INVISIBLE),
    ):
        text, count = pattern.subn("", text)
        if count:
            kind = kind if count == 1 else _plural(kind)
            notices.append(f"{count:,} {kind} {'was' if count == 1 else 'were'} removed.")
    text = unicodedata.normalize("NFC", text).strip()
    words = len(text.split())
    if words > MAX_WORDS:
        raise TextRefused(f"The text has {words:,} words; the limit is {MAX_WORDS:,}. Split it.")
    return CleanText(text=text, notices=tuple(notices))


def cut_to_window(text: str, length: Callable[[str], int], limit: int) -> CleanText:
    """Cuts a text that is longer than a model can read: at the end of a sentence, or of a word where none fits.

    Args:
        text: clean text.
        length: tells how long a text is to the model, in tokens; longer texts are never shorter to it.
        limit: the longest that fits, in tokens.

    Returns:
        The text whole, or its beginning with a notice. Empty when not even its first word fits.
    """
    total = length(text)
    if total <= limit:
        return CleanText(text=text)
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    kept = _longest(text, ends, length, limit) or _longest(text, _word_ends(text), length, limit)
    notice = f"The text is longer than the model can read ({total:,} tokens, {limit:,} fit); the end was left out."
    return CleanText(text=kept, notices=(notice,))


def _longest(text: str, ends: list[int], length: Callable[[str], int], limit: int) -> str:
    """The longest beginning that fits, by bisection over its possible ends."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if length(text[: ends[middle]]) <= limit:
            low = middle + 1
        else:
            high = middle
    return text[: ends[low - 1]] if low else ""


def _word_ends(text: str) -> list[int]:
    return [match.end() for match in re.finditer(r"\S+", text)]


def _plural(kind: str) -> str:
    head, *rest = kind.split(" of ", 1)
    return " of ".join([head + "s", *rest])
