"""Several clients' questions answered by one call of the model, each as if it had come alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from serving.engines.rest import Question, Refused, Signature

COUNT = "count"
"""An output that says how many places of each row are real: a row's answer is as wide as without its neighbours."""

Outputs = Mapping[str, np.ndarray]
Call = Callable[[str, Mapping[str, np.ndarray]], Outputs]
"""A signature's name and its inputs → its outputs."""


def answer_together(
    questions: Sequence[Question], signatures: Mapping[str, Signature], call: Call, most_rows: int
) -> list[Outputs | Exception]:
    """Answers questions in as few calls as can be.

    Those go together that ask the same signature with the same scalars and equal shapes behind the rows. Where a call
    fails, each of its questions is asked alone, so that nobody's photo fails for another's.

    Args:
        questions: as they came.
        signatures: those of the model.
        call: the model.
        most_rows: rows a call; a question of more is asked alone.

    Returns:
        For each question its outputs, or what was raised.
    """
    answers: list[Outputs | Exception] = [Refused("not asked", 500)] * len(questions)
    for group in _groups(questions, signatures, most_rows):
        found = _together([questions[number] for number in group], signatures, call)
        for number, answer in zip(group, found, strict=True):
            answers[number] = answer
    return answers


def joins(signature: Signature) -> bool:
    """Whether rows of several questions can go through a signature together: each gives a row of every output."""
    takes_rows = [spec for spec in signature.inputs.values() if spec.shape]
    tensors = [*takes_rows, *signature.outputs.values()]
    return bool(takes_rows) and all(spec.shape and spec.shape[0] is None for spec in tensors)


def _groups(questions: Sequence[Question], signatures: Mapping[str, Signature], most_rows: int) -> list[list[int]]:
    groups: list[list[int]] = []
    room: dict[tuple, tuple[list[int], int]] = {}  # the group of each kind that still has room, and its rows
    for number, question in enumerate(questions):
        signature = signatures[question.signature]
        if not joins(signature):
            groups.append([number])
            continue
        key = (
            question.signature,
            *(_kind(question.tensors[name], spec.shape) for name, spec in signature.inputs.items()),
        )
        group, rows = room.get(key, ([], most_rows + 1))
        if rows + question.rows > most_rows:
            group, rows = [], 0
            groups.append(group)
        group.append(number)
        room[key] = group, rows + question.rows
    return groups


def _kind(array: np.ndarray, shape: tuple) -> tuple:
    """What must be equal for two questions to go together: a scalar's value, the shape of a row."""
    return array.shape[1:] if shape else (array.item(),)


def _together(questions: list[Question], signatures: Mapping[str, Signature], call: Call) -> list[Outputs | Exception]:
    first = questions[0]
    if len(questions) == 1:
        try:
            return [call(first.signature, first.tensors)]
        except Exception as error:
            return [error]
    specs = signatures[first.signature].inputs
    joined = {
        name: np.concatenate([question.tensors[name] for question in questions]) if specs[name].shape else array
        for name, array in first.tensors.items()
    }
    try:
        outputs = call(first.signature, joined)
    except Exception:
        return [answer for question in questions for answer in _together([question], signatures, call)]
    return _apart(outputs, signatures[first.signature], [question.rows for question in questions])


def _apart(outputs: Outputs, signature: Signature, rows: Sequence[int]) -> list[Outputs | Exception]:
    answers: list[Outputs | Exception] = []
    ends = np.cumsum(rows)
    for begin, end in zip(ends - rows, ends, strict=True):
        own = {name: array[begin:end] for name, array in outputs.items()}
        if COUNT in own:
            width = max(1, int(own[COUNT].max()))
            for name, spec in signature.outputs.items():
                if len(spec.shape) > 1 and spec.shape[1] is None:
                    own[name] = own[name][:, :width]
        answers.append(own)
    return answers
