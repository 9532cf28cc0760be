"""Answers one input, or many: one line out per item in, in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from apps.shared import errors, files, flags
from apps.shared.commands import settle
from apps.shared.commands.opening import find_model, open_model, stored_recipe
from apps.shared.errors import ItemErrors, UserError
from apps.shared.files import Item
from apps.shared.options import PredictOptions
from apps.shared.predictor import Failed, Predictor, Result
from apps.shared.progress import Progress
from apps.shared.task import Task


def run(task: Task, program: str, argv: Sequence[str]) -> None:
    """`predict`: reads the flags, opens the model, answers.

    Raises:
        UserError: a flag, a file or the model keeps it from starting.
        ItemErrors: some inputs had no answer.
    """
    kind = task.input_kind
    parts: dict[str, Any] = {
        "input": flags.single(kind, f"One input: {'a text' if kind == 'text' else 'a file'}."),
        "run": PredictOptions(model=task.default_model),
    }
    if task.speaks:
        parts["search"] = task.default_search(stored_recipe(task, argv))
    values = flags.parse(program, f"{task.does.capitalize()}.", parts, argv)
    options, search = values["run"], values.get("search")
    one = getattr(values["input"], kind) if flags.first_value(argv, f"--{kind}") is not None else None
    _check(task, one, options, search)
    if options.engine == "ray":
        from apps.shared.commands import sharded

        sharded.run(task, options, search)
        return
    settle(options, task.uses_keras)
    with errors.starting():
        inputs = _one(one, kind) if one is not None else files.items(options.input, kind)
        path = find_model(task, options.model)
        if options.trace:
            files.check_new(options.trace)
    with files.output(options.output) as out:
        predictor = open_model(task, path, options.allow_hub)
        # A person who types wants each answer at once; a pipe is faster in batches.
        by_hand = options.input == files.STANDARD and sys.stdin.isatty()
        at_once = 1 if by_hand else predictor.at_once
        total, failed = answer_all(predictor, inputs, search, options.json, out, at_once)
    # Only here, so that the file is there with all other answers in it.
    if failed:
        raise ItemErrors(failed, total)
    if options.trace:
        trace = predictor.trace(_value(one, kind), search)
        files.write_text(options.trace, files.json_line(trace) + "\n")


def answer_all(
    predictor: Predictor, inputs: Iterator[Item], search: Any, as_json: bool, out: BinaryIO, at_once: int
) -> tuple[int, int]:
    """Answers inputs and writes the answers as they come.

    Args:
        predictor: the model.
        inputs: what to answer.
        search: `SearchOptions`, or None.
        as_json: write JSON lines.
        out: a binary file.
        at_once: inputs answered together.

    Returns:
        How many inputs there were, and how many of them failed.
    """
    total, failed = 0, 0
    with Progress("inputs") as progress:
        for item, result in answers(predictor, inputs, search, at_once, lambda: out.flush()):
            failed += _report(item, result)
            out.write(as_line(result, as_json))
            total += 1
            if total % at_once == 0:
                progress.at(total)
    return total, failed


def answers(
    predictor: Predictor,
    inputs: Iterator[Item],
    search: Any,
    at_once: int,
    after_each_batch: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Item, Result]]:
    """Inputs with their answers, in order; arguments as in `answer_all`."""
    while batch := list(islice(inputs, at_once)):
        yield from zip(batch, _answer(predictor, batch, search), strict=True)
        after_each_batch()


def as_line(result: Result, as_json: bool) -> bytes:
    """An answer as a line of the output."""
    line = files.json_line(result.to_json()) if as_json else _flat(result.to_line())
    return line.encode("utf-8", "replace") + b"\n"


def _answer(predictor: Predictor, batch: Sequence[Item], search: Any) -> list[Result]:
    answers = iter(predictor.predict([item.value for item in batch if not item.error], search))
    return [Failed(input=str(item.value), error=item.error) if item.error else next(answers) for item in batch]


def _report(item: Item, result: Result) -> bool:
    """Names an input's notices and its error on standard error; True when it failed."""
    place = f"{item.place}: " if item.place else ""
    for notice in result.notices:
        errors.say(f"{place}{notice}")
    if isinstance(result, Failed):
        errors.say(f"{place}{result.error}")
        return True
    return False


def _check(task: Task, one: str | None, options: PredictOptions, search: Any) -> None:
    flag = f"--{task.input_kind}"
    if one is None and not options.input:
        raise UserError(f"Give one input with {flag}, or many with --input FILE (- for standard input).")
    if one is not None and options.input:
        raise UserError(f"Give {flag} or --input, not both.")
    if options.trace and not task.speaks:
        raise UserError(f"{task.name} does not search, so there is nothing to trace. Leave out --trace.")
    if options.trace and one is None:
        raise UserError(f"--trace follows one input: give it with {flag}.")
    if one is not None and options.engine == "ray":
        raise UserError(f"{flag} is one input, and --engine ray answers a folder. Leave out --engine.")
    if search is not None and search.n_best > 1 and not options.json:
        raise UserError("--n-best needs --json: as plain text there is one line an input.")
    if options.trace and options.output != files.STANDARD and Path(options.output) == options.trace:
        raise UserError("--output and --trace name the same file.")


def _one(value: str, kind: str) -> Iterator[Item]:
    path = Path(value)
    if kind != "text" and not (path.is_file() or (kind == "video" and files.holds_frames(path))):
        raise UserError(f"No file {value}.")
    return iter([Item(place="", value=_value(value, kind))])


def _value(value: str | None, kind: str) -> str | Path:
    return (value or "") if kind == "text" else Path(value or "")


def _flat(line: str) -> str:
    return line.replace("\r", " ").replace("\n", " ")
