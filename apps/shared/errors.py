"""How a command ends: exit code, and one line that says what to do. No traceback reaches a user unless `--debug`.

Exit codes: 0 all done; 1 some items failed, or stopped midway with a named cause; 2 could not start (a flag, a file, a
model); 130 interrupted.
"""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import threading
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
    interrupts = _Interrupts()
    try:
        with interrupts:
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
        if interrupts.struck:
            say("Interrupted.")
            return INTERRUPTED
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


class _Interrupts:
    """Within `with`, no ctrl-C is lost, wherever it falls.

    Out of a finaliser or a callback of the garbage collector nothing can be raised: Python prints the traceback and
    goes on. Then the signal is sent once more, by another thread and a moment later, when they are left. Out of the C
    code of a library an interrupt may come as another error: `struck` tells that there was one.
    """

    def __init__(self):
        self.struck, self.sent = False, []

    def __enter__(self):
        self.hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        self.handler = None
        at_hand = threading.current_thread() is threading.main_thread()
        if at_hand and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self.handler = signal.signal(signal.SIGINT, self._strike)
        return self

    def __exit__(self, *_):
        sys.unraisablehook = self.hook
        if self.handler is not None:
            signal.signal(signal.SIGINT, self.handler)
        for timer in self.sent:
            timer.cancel()

    def _strike(self, *_):
        self.struck = True
        raise KeyboardInterrupt

    def _unraisable(self, found) -> None:
        if not issubclass(found.exc_type, KeyboardInterrupt):
            self.hook(found)
            return
        timer = threading.Timer(0.01, _thread.interrupt_main)
        timer.daemon = True
        self.sent.append(timer)
        timer.start()


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):
        pass
