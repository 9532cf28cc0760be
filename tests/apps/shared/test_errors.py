"""How commands end: exit codes, one line, no traceback."""

import errno
import signal
import sys
import time

import pytest

from apps.shared.errors import InterruptedRun, ItemErrors, UserError, describe, run, starting


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("No model.\nTrain one."), 2, "No model. Train one.\n"),
        (ItemErrors(2, 1000), 1, "2 of 1,000 items failed; the others are done.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (InterruptedRun("Go on with: x"), 130, "Go on with: x\n"),
        (ValueError("bad"), 1, "Stopped: bad (--debug shows where.)\n"),
        (ZeroDivisionError("by zero"), 1, "Stopped: ZeroDivisionError: by zero (--debug shows where.)\n"),
        (MemoryError(), 1, "Stopped: the memory does not suffice; use a smaller batch. (--debug shows where.)\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.txt"),
            1,
            "Stopped: the disk is full; free some space and run the command again: out.txt\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            1,
            "Stopped: no permission; choose another file or folder, or change its rights: x\n",
        ),
    ],
)
def test_every_end_has_its_code_and_one_line(error, code, line, capsys):
    assert run(raising(error)) == code
    assert capsys.readouterr() == ("", line)


def test_all_done_is_0_and_silent(capsys):
    assert run(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


def test_debug_shows_the_traceback(capsys):
    assert run(raising(UserError("No model.")), debug=True) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("bad"), FileNotFoundError("none"), ImportError("no ray")])
def test_what_goes_wrong_before_the_work_is_the_callers_to_mend(error):
    with pytest.raises(UserError, match=str(error)), starting():
        raise error


def test_a_defect_before_the_work_stays_a_defect():
    with pytest.raises(KeyError), starting():
        raise KeyError("x")


def test_an_error_without_words_is_named():
    assert describe(RuntimeError()) == "RuntimeError"


def test_an_interrupt_that_falls_into_a_finaliser_ends_the_command_all_the_same(capsys):
    class Finalised:
        def __del__(self):
            raise KeyboardInterrupt

    def command():
        Finalised()  # gone at once
        for _ in range(1000):
            time.sleep(0.001)
        pytest.fail("the interrupt was lost")

    before = sys.unraisablehook
    assert run(command) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert sys.unraisablehook is before


def test_an_interrupt_that_a_library_turns_into_another_error_is_an_interrupt(capsys):
    def command():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise SystemError("returned a result with an exception set") from None

    assert run(command) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
