"""Translations for a translator to learn from, better than its own search gives: chosen from its n best.

    python -m apps.translation.distillation --model en-de --reverse de-en --input captions.en --output captions.de
    python -m apps.translation.distillation --model en-de --reference train.de --input train.en --output nearest.de

One line out per line in. Without references, of each sentence's n best the one is taken that three judges like
together: the model, a model of the reverse direction (the noisy channel, as Li & Jurafsky 2016 rerank by mutual
information), and the other n best (minimum Bayes risk, Kumar & Byrne 2004). With references, the one nearest to them
(Kim & Rush 2016, section 3.3). A run that was cut goes on by the same command.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.errors import describe
from apps.shared.progress import Progress
from metrics.captions import SentenceBleu

BLOCK = 2048
"""Sentences between two writings to the disk."""
TEMPERATURE = 2.0
"""Of the probabilities by which the n best vote: their search leaves the first too sure."""
VOTING, CHOOSING = 0.3, 0.5
"""What the reverse model's log-probability weighs beside the model's, in the vote and in the choice."""
LENGTH = 0.8
"""Log-probabilities are divided by tokens to this power."""
_WORD = re.compile(r"\w+|[^\w\s]")


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the translations; 0, or 2 where it cannot start, 1 where it cannot write, 130 after ctrl-C."""
    options = _options(argv)
    try:
        sentences = _lines(options.input)
        references = _lines(options.reference) if options.reference else None
        if references is not None and len(references) != len(sentences):
            raise ValueError(
                f"{options.input} has {len(sentences):,} lines and {options.reference} {len(references):,}: "
                "they must go line by line."
            )
        from apps.translation.task import TranslationTask
        from serving import store

        model, reverse = (
            TranslationTask().open(store.resolve(name, "translation")) if name else None
            for name in (options.model, options.reverse)
        )
        teacher = Teacher(model, reverse, options.beam_size)
    except (OSError, ValueError) as error:
        print(describe(error), file=sys.stderr)
        return 2
    try:
        _write(sentences, references, teacher, options.output)
    except OSError as error:
        print(describe(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on.", file=sys.stderr)
        return 130
    return 0


class Teacher:
    """Chooses among a translator's n best.

    Args:
        model: a `Translator`.
        reverse: one of the reverse direction, or None where references choose.
        beam_size: how many it chooses from.
    """

    def __init__(self, model: Any, reverse: Any = None, beam_size: int = 8):
        from models.decoding.options import SearchOptions

        self.model, self.reverse = model, reverse
        self.search = SearchOptions(beam_size=beam_size, n_best=beam_size, length_penalty=1.0)

    def __call__(self, sentences: Sequence[str], references: Sequence[str] | None = None) -> list[str]:
        """A translation of each sentence; an empty one where there is nothing to translate."""
        found = [answer.n_best or (answer,) for answer in self.model.predict(sentences, self.search)]
        texts = [[one.translation for one in n_best] for n_best in found]
        if references is not None:
            return [nearest(n_best, reference) for n_best, reference in zip(texts, references, strict=True)]
        flat = [(sentence, text) for sentence, n_best in zip(sentences, texts, strict=True) for text in n_best]
        backwards = self.reverse.score([text for _, text in flat], [sentence for sentence, _ in flat])
        tokens = np.array([len(self.model.target.encode(text)) for _, text in flat])
        chosen, start = [], 0
        for n_best, answers in zip(texts, found, strict=True):
            part = slice(start, start + len(n_best))
            forwards = np.array([one.score for one in answers])
            chosen.append(choose(n_best, forwards, backwards[part], tokens[part]))
            start += len(n_best)
        return chosen


def choose(texts: Sequence[str], forwards: np.ndarray, backwards: np.ndarray, tokens: np.ndarray) -> str:
    """The translation that model, reverse model and the other translations like together.

    Args:
        texts: the n best.
        forwards: log p(translation | sentence) of each.
        backwards: log p(sentence | translation) of each.
        tokens: of each.
    """
    if len(texts) < 2:
        return texts[0] if texts else ""
    liked = (forwards + VOTING * backwards) / TEMPERATURE
    votes = np.exp(liked - liked.max())
    words = [_words(text) for text in texts]
    bleu = SentenceBleu([[one] for one in words])
    likeness = np.array([[bleu.score(other, one) for other in range(len(words))] for one in words])
    consensus = likeness @ (votes / votes.sum())
    return texts[
        int(np.argmax(np.log(consensus + 1e-9) + (forwards + CHOOSING * backwards) / np.maximum(tokens, 1) ** LENGTH))
    ]


def nearest(texts: Sequence[str], reference: str) -> str:
    """The translation with the highest smoothed BLEU; of equals the first, which the model likes best."""
    bleu = SentenceBleu([[_words(reference)]])
    return max(texts, key=lambda text: bleu.score(0, _words(text)), default="")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _write(
    sentences: Sequence[str],
    references: Sequence[str] | None,
    translate: Callable[[Sequence[str], Sequence[str] | None], list[str]],
    output: Path,
) -> None:
    """Block by block into a file beside `output`, which takes its name when it is whole."""
    partial = output.with_name(f".{output.name}.partial")
    done = _whole_lines(partial)
    with open(partial, "a", encoding="utf-8") as file, Progress("sentences") as progress:
        for start in range(done, len(sentences), BLOCK):
            block = slice(start, start + BLOCK)
            said = translate(sentences[block], references[block] if references is not None else None)
            file.write("".join(f"{line}\n" for line in said))
            file.flush()
            progress.at(start + len(said))
    os.replace(partial, output)


def _whole_lines(path: Path) -> int:
    """How many lines of whole blocks a file has; what stands behind them is cut off."""
    if not path.is_file():
        return 0
    lines = path.read_bytes().split(b"\n")[:-1]
    whole = len(lines) // BLOCK * BLOCK
    path.write_bytes(b"".join(line + b"\n" for line in lines[:whole]))
    return whole


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text.") from error


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the translator, a shipped one's name or a folder")
    judge = parser.add_mutually_exclusive_group(required=True)
    judge.add_argument("--reverse", default="", help="one of the reverse direction, which judges")
    judge.add_argument("--reference", type=Path, help="translations by people, to which the nearest is taken")
    parser.add_argument("--input", type=Path, required=True, help="sentences, one a line")
    parser.add_argument("--output", type=Path, required=True, help="where their translations go")
    parser.add_argument("--beam-size", type=int, default=8, help="to choose from (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
