"""How far a command is, on standard error, and only where a person watches."""

from __future__ import annotations

import sys
import time


class Progress:
    """A line that is written over: how many are done, and how fast.

    Args:
        unit: what is counted.
    """

    def __init__(self, unit: str):
        self.unit, self.begun, self.shown = unit, time.monotonic(), False

    def __enter__(self) -> Progress:
        return self

    def at(self, count: int) -> None:
        """Shows that `count` are done. The first second shows nothing."""
        seconds = time.monotonic() - self.begun
        if seconds < 1 or not sys.stderr.isatty():
            return
        sys.stderr.write(f"\r{count:,} {self.unit}, {count / seconds:,.0f} a second \x1b[K")
        sys.stderr.flush()
        self.shown = True

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
