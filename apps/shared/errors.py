"""How a command ends: exit code, and one line that says what to do. No traceback reaches a user unless `--debug`.

Exit codes: 0 all done; 1 some items failed, or stopped midway with a named cause; 2 could not start (a flag, a file, a
model); 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DONE, FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
LONGEST = 1500
"""Characters of a message; from the middle of a longer one, which quotes what came in, something is left out."""


class UserError(Exception):
    """The command cannot start; the message says what is wrong, what came in, and what to do."""


class ItemErrors(Exception):
    """Some items failed, each of which was named; the others are done."""

    def __init__(self, failed: int, total: int):
        super().__init__(f"{failed:,} of {total:,} items failed; the others are done.")


class InterruptedRun(KeyboardInterrupt):
    """Ctrl-C, after the work was saved; the message says how to go on."""


@contextmanager
def starting() -> Iterator[None]:
    """Wraps what comes before the work (reading data, opening a model): errors there are the caller's to mend.

    Raises:
        UserError: for a ValueError, an OSError or a missing package in the body, with its message.
    """
    try:
        yield
    except UserError:
        raise
    except (ValueError, OSError, ImportError) as error:
        raise UserError(describe(error)) from error


def run(command: Callable[[], None], debug: bool = False) -> int:
    """Runs a command and turns whatever happens into an exit code and at most one line on standard error.

    Args:
        command: the work.
        debug: show tracebacks as well.

    Returns:
        The exit code.
    """
    try:
        command()
        sys.stdout.flush()
        return DONE
    except KeyboardInterrupt as error:
        say(str(error) or "Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # What read our output has gone. Python would complain once more when it flushes at exit.
        with open(os.devnull, "w") as nowhere, _ignored():
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        say("Standard output was closed before everything was written.")
        return FAILED
    except Exception as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, UserError):
            say(str(error))
            return NOT_STARTED
        if isinstance(error, ItemErrors):
            say(str(error))
            return FAILED
        hint = "" if debug or isinstance(error, OSError) else " (--debug shows where.)"
        say(f"Stopped: {describe(error)}{hint}")
        return FAILED


def describe(error: BaseException) -> str:
    """An error as one line for people."""
    if isinstance(error, OSError) and error.errno is not None:
        where = f" {error.filename}" if error.filename else ""
        causes = {
            errno.ENOSPC: "the disk is full; free some space and run the command again",
            errno.EDQUOT: "your disk quota is used up; free some space and run the command again",
            errno.EFBIG: "the file would be larger than the disk or your limit allows; write elsewhere",
            errno.EROFS: "the disk is read-only; choose another folder",
            errno.EACCES: "no permission; choose another file or folder, or change its rights",
            errno.EPERM: "no permission; choose another file or folder, or change its rights",
            errno.ENOENT: "no such file or folder",
            errno.EISDIR: "this is a folder, not a file",
            errno.ENOTDIR: "a part of this path is a file, not a folder",
        }
        if error.errno in causes:
            return f"{causes[error.errno]}:{where}" if where else f"{causes[error.errno]}."
    if isinstance(error, MemoryError):
        return "the memory does not suffice; use a smaller batch."
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError, ImportError, RuntimeError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def say(message: str) -> None:
    """One line on standard error; not even a closed standard error stops the work.

    What a stranger's file put into the message cannot steer the terminal: characters that do not print become �.
    """
    shown = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(message.split()))
    if len(shown) > LONGEST:
        shown = f"{shown[: LONGEST - 300]} … {shown[-250:]}"
    with _ignored():
        print(shown.encode("utf-8", "replace").decode("utf-8"), file=sys.stderr, flush=True)


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):
        pass
