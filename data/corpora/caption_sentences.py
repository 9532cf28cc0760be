"""Captions as sentences of one language, more text for a translator to learn from by back-translation.

    python -m data.corpora.caption_sentences --data-dir DIR > captions.en

Flickr8k's photos are among Flickr30k's, whose captions Multi30k translates: so all captions of a photo are
left out where one of them is, or nearly is, a sentence that Multi30k chooses or tests by. Those that it
trains on are left out too: their translation is known.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from data.corpora import flickr8k, multi30k

LIKE = 0.8
"""Two sentences with this share of their words in common are taken for one."""
FREQUENT = 400
"""A word in as many held-out sentences tells nothing about which of them a caption is like."""


class HeldOut:
    """Sentences that must not be learnt from, found again in other spelling and nearly the same words."""

    def __init__(self, sentences: Iterable[str]):
        self._words = [frozenset(_words(sentence)) for sentence in sentences]
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(self._words):
            for word in words:
                self._by_word[word].append(number)

    def has(self, sentence: str) -> bool:
        """Whether it is one of them, or like one: words in common over words in either."""
        words = frozenset(_words(sentence))
        shared: Counter = Counter()
        for word in words:
            if len(self._by_word.get(word, ())) < FREQUENT:
                shared.update(self._by_word.get(word, ()))
        candidates = [number for number, _ in shared.most_common(20)]
        return any(len(words & self._words[one]) >= LIKE * len(words | self._words[one]) for one in candidates)


def sentences(directory: str | Path) -> list[str]:
    """English sentences from Flickr8k's training captions that Multi30k does not have.

    Args:
        directory: the folder of corpora, with `flickr8k` and `multi30k`.

    Raises:
        FileNotFoundError, ValueError: see `data.corpora.flickr8k` and `data.corpora.multi30k`.
    """
    held_out = HeldOut(line for split in multi30k.SPLITS[1:] for line in multi30k.read(directory, split, "en"))
    known = {" ".join(_words(line)) for line in multi30k.read(directory, "train", "en")}
    found = []
    for photo in flickr8k.read(directory, "train"):
        captions = [tidy(caption) for caption in photo.captions]
        if any(map(held_out.has, captions)):
            continue
        for caption in captions:
            words = _words(caption)
            if len(words) >= 3 and " ".join(words) not in known:
                known.add(" ".join(words))
                found.append(caption)
    return found


def tidy(caption: str) -> str:
    """A caption whose tokens stand apart ("a dog 's ball .") as people write: "A dog's ball."."""
    text = re.sub(r"\s+([.,;:!?]|'s\b|n't\b)", r"\1", " ".join(caption.split()))
    text = re.sub(r'" ([^"]*?) "', r'"\1"', text)
    return text[:1].upper() + text[1:] + ("" if text[-1:] in (*".!?",) else ".")


def _words(sentence: str) -> list[str]:
    return re.sub(r"[^a-z0-9 ]", "", sentence.lower()).split()


def main() -> None:
    """Prints them, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder with flickr8k and multi30k")
    try:
        found = sentences(parser.parse_args().data_dir)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    print("\n".join(found))


if __name__ == "__main__":
    main()
