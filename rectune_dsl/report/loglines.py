"""How far long work has got, where nobody looks: seldom, in plain lines on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from rectune_dsl.report.console import console

PATIENCE = 5.0
"""Seconds without a line: what is done by then says nothing."""
PACE = 20.0
"""Seconds between two lines."""


class LogLines:
    """What goes on between `start` and `stop`: the first line after `PATIENCE`, then one each `PACE`. A
    thread of its own writes them, since the work does not stop to tell."""

    def __init__(self, so_far: Callable[[], str]) -> None:
        """`so_far` says what goes on, and what is left of it."""
        self._so_far = so_far
        self._began, self._said = 0.0, False
        self._over = Event()
        self._thread = Thread(target=self._write, daemon=True)

    def start(self) -> None:
        self._began = time.monotonic()
        self._thread.start()

    def stop(self, finished: str = "") -> None:
        """Say what is `finished`, where a line was written before."""
        self._over.set()
        self._thread.join()
        if self._said and finished:
            _log(f"{finished}: done in {duration(time.monotonic() - self._began)}")

    def _write(self) -> None:
        rest = PATIENCE
        while not self._over.wait(rest):
            self._said, rest = True, PACE
            _log(f"{self._so_far()}, {duration(time.monotonic() - self._began)} so far")


@contextmanager
def logged(what: str, so_far: Callable[[], str]) -> Iterator[None]:
    """Lines while a block runs, and its end where it came to one."""
    lines, finished = LogLines(so_far), ""
    lines.start()
    try:
        yield
        finished = what
    finally:
        lines.stop(finished)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def _log(line: str) -> None:
    console(stderr=True).print(line, soft_wrap=True)
