"""The trained thing in use: inputs in, typed results out. Every application's predictor extends `Predictor`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Result(ABC):
    """What a predictor says about one input. Tasks extend it with plain Python fields.

    Attributes:
        input: the input as the user gave it: the text, or the name of the file.
        notices: what was done to the input, one sentence each; a page and the command line show them.
    """

    input: str
    notices: tuple[str, ...] = ()

    @abstractmethod
    def to_line(self) -> str:
        """The answer as one line of text; empty for an empty input."""

    def to_json(self) -> dict[str, Any]:
        """`input` first, then the task's own fields, then `notices` where there are any. Ready for `json.dumps`."""
        values = asdict(self)
        notices = values.pop("notices")
        return {**values, "notices": list(notices)} if notices else values


@dataclass(frozen=True, kw_only=True)
class Failed(Result):
    """An input that has no answer.

    Attributes:
        error: why, and what to do, in one sentence.
    """

    error: str

    def to_line(self) -> str:
        """An empty line, so that the lines after it keep their place."""
        return ""


class Predictor(ABC):
    """A trained model in use.

    `predict` is the one door for the command line, the page and the tests. A task writes `read`, `answer` and
    `empty`; where it speaks, `trace` too.

    Attributes:
        at_once: how many inputs the command line hands over in one call of `predict`; `answer` sorts and batches
            within them. Fewer where prepared inputs are large.
    """

    at_once: ClassVar[int] = 1024

    @abstractmethod
    def read(self, item: Any) -> tuple[Any, tuple[str, ...]]:
        """Checks and prepares one input: text is cleaned (`data.text.clean`), a photo is decoded.

        Args:
            item: text as str, or the `Path` of a file.

        Returns:
            The prepared value, None for a blank input; and the notices.

        Raises:
            ValueError or OSError: this input cannot be answered (the others can); the message says why.
        """

    @abstractmethod
    def answer(self, values: Sequence[Any], search: Any = None) -> Sequence[Result]:
        """Answers prepared inputs, in their order.

        Args:
            values: what `read` returned, none of them None; at least one.
            search: `SearchOptions` where the task speaks, else None.

        Returns:
            One result a value; `input` and `notices` are filled in by `predict`.
        """

    @abstractmethod
    def empty(self) -> Result:
        """The result of a blank input: an empty answer."""

    def trace(self, item: Any, search: Any = None) -> dict[str, Any]:
        """The whole search for one input, step by step, as a DecodingTrace ready for JSON.

        Raises:
            ValueError: the input is refused or blank.
        """
        raise NotImplementedError(f"{type(self).__name__} does not speak, so there is no search to trace.")

    def predict(self, items: Sequence[Any], search: Any = None) -> list[Result]:
        """Answers a batch.

        A blank input gives the empty answer and a refused one a `Failed`; the others are answered all the same.

        Args:
            items: texts, or paths of files.
            search: `SearchOptions` where the task speaks, else None.

        Returns:
            One result an item, in order.
        """
        results: list[Result | None] = [None] * len(items)
        waiting: list[tuple[int, Any, tuple[str, ...]]] = []
        for number, item in enumerate(items):
            try:
                value, notices = self.read(item)
            except (ValueError, OSError) as error:
                results[number] = Failed(input=str(item), error=str(error))
                continue
            if value is None:
                results[number] = replace(self.empty(), input=str(item), notices=notices)
            else:
                waiting.append((number, value, notices))
        if waiting:
            answers = self.answer([value for _, value, _ in waiting], search)
            for (number, _, notices), answer in zip(waiting, answers, strict=True):
                if not _finite(vars(answer)):
                    why = "The model's answer is no number: its weights are damaged, or made to overflow."
                    results[number] = Failed(input=str(items[number]), error=why)
                    continue
                results[number] = replace(answer, input=str(items[number]), notices=(*notices, *answer.notices))
        return [result for result in results if result is not None]


def _finite(value: Any) -> bool:
    """Whether every number in a result is one."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, tuple):
        return all(map(_finite, value))
    return not is_dataclass(value) or _finite(vars(value))
