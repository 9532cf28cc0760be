"""Flags made from dataclass fields by tyro, with errors in one line."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import field, make_dataclass
from typing import Annotated, Any, Literal

from apps.shared.errors import UserError


def parse(program: str, does: str, parts: Mapping[str, Any], argv: Sequence[str]) -> dict[str, Any]:
    """Reads the command line into several dataclasses at once, whose fields are the flags.

    Args:
        program: what the user typed before the flags.
        does: the command in one sentence, for `--help`.
        parts: by heading, a dataclass, or an instance of one that holds the defaults.
        argv: the flags.

    Returns:
        One instance a part.

    Raises:
        UserError: a flag is unknown, missing or has a bad value.
        SystemExit: with code 0, after `--help`.
    """
    import tyro

    fields = []
    for heading, part in parts.items():
        kind = part if isinstance(part, type) else type(part)
        flat = tyro.conf.OmitArgPrefixes[kind]  # type: ignore[valid-type]
        default = field() if isinstance(part, type) else field(default=part)
        fields.append((heading, flat, default))
    command = make_dataclass(program.split()[-1], fields, kw_only=True, frozen=True)
    boxes = io.StringIO()
    try:
        with redirect_stderr(boxes):
            values: Any = tyro.cli(command, prog=program, description=does, args=list(argv))
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise UserError(f"{one_line(boxes.getvalue())} See: {program} --help") from None
    if boxes.getvalue():
        sys.stderr.write(boxes.getvalue())
    return {heading: getattr(values, heading) for heading in parts}


def one_line(box: str) -> str:
    """What tyro's box says, without the box and the help below its rule.

    Where standard output is not UTF-8 the box has no frame: a title and a rule stand above what is said.
    """
    lines = [line.strip("│ ") for line in re.sub("\x1b\\[[0-9;]*m", "", box).splitlines()]
    lines = [line for line in lines if line and line[0] not in "╭╰"]
    rules = [number for number, line in enumerate(lines) if line.startswith(("──", "--- ", "----"))]
    if "│" not in box and rules:
        lines, rules = lines[rules[0] + 1 :], [number - rules[0] - 1 for number in rules[1:]]
    said = lines[: rules[0]] if rules else lines
    if said and said[0].startswith("Missing from"):
        flags = [line.split()[0] for line in said[1:] if line.startswith("--")]
        return f"Missing: {', '.join(flags)}."
    message = re.sub(r"^Error parsing (?!-)[\w-]+: ", "", " ".join(said))
    return message if message.endswith((".", "!", "?")) else f"{message}."


def first_value(argv: Sequence[str], flag: str) -> str | None:
    """The value of one flag, before the others can be understood; the last one where it is given twice."""
    value = None
    for number, word in enumerate(argv):
        if word == flag and number + 1 < len(argv):
            value = argv[number + 1]
        elif word.startswith(f"{flag}="):
            value = word.partition("=")[2]
    return value


def single(flag: str, explanation: str) -> Any:
    """A dataclass of one text flag, for a flag whose name depends on the task.

    Whether it was given is told by `first_value`: an empty text is a value, too.
    """
    import tyro

    kind = Annotated[str, tyro.conf.arg(help=explanation)]
    return make_dataclass("Input", [(flag, kind, field(default=""))], kw_only=True, frozen=True)


def choice(flag: str, names: Sequence[str], default: str, explanation: str) -> Any:
    """A dataclass of one flag that takes one of `names`."""
    import tyro

    kind = Annotated[Literal[tuple(names)], tyro.conf.arg(help=explanation)]  # type: ignore[valid-type]
    return make_dataclass("Choice", [(flag, kind, field(default=default))], kw_only=True, frozen=True)
