"""How far long work has got: a bar on a terminal, plain lines elsewhere, nothing for who wants quiet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Task as Bar
from rich.text import Text

from rectune_dsl.report.console import console
from rectune_dsl.report.loglines import LogLines, duration, logged

T = TypeVar("T")


class TimeLeft(ProgressColumn):
    """The time left, if the rest of the work takes as long as what was done since the bar began."""

    def render(self, task: Bar) -> Text:
        return Text(_left(task), "cyan")


class Campaign:
    """A bar over the days of a campaign's experiments. Days that people live through are counted, and not
    timed: how long they last is known, and a log has a line for each wait."""

    def __init__(self, out: Console, days: int, *, timed: bool) -> None:
        shown = TimeLeft() if timed else TextColumn("{task.fields[calendar]}", style="cyan")
        self._out, self._timed = out, timed
        self._progress = _bar(out, shown)
        self._bar = self._progress.add_task("", total=days, calendar="", began=None)
        self._lines: LogLines | None = None

    @property
    def calendar(self) -> str:
        """The days that are left, for people who live through them; empty where nobody does."""
        return "" if self._timed else str(self._progress.tasks[self._bar].fields["calendar"])

    def start(self) -> None:
        if self._out.is_terminal:
            self._progress.start()
        elif self._timed and self._lines is None:
            self._lines = LogLines(lambda: _so_far(self._progress.tasks[self._bar], "days"))
            self._lines.start()

    def stop(self) -> None:
        self._progress.stop()
        if self._lines is not None:
            self._lines.stop()
            self._lines = None

    def doing(self, what: str) -> None:
        self._progress.update(self._bar, description=what)

    def reached(self, day: int, *, replayed: bool = False) -> None:
        """So many days are over. What is `replayed` was over before a resume, and took no time now.
        The bar never goes back: an experiment that is made anew repeats days."""
        bar = self._progress.tasks[self._bar]
        day = max(day, int(bar.completed))
        if replayed:
            self._progress.reset(self._bar, start=True, completed=day)
        began = day if replayed or bar.fields["began"] is None else bar.fields["began"]
        left = round((bar.total or 0) - day)
        calendar = f"{left} day{'' if left == 1 else 's'} of experiments left"
        self._progress.update(self._bar, completed=day, calendar=calendar, began=began)


def tracked(steps: Iterable[T], what: str, count: int, quiet: bool) -> Iterator[T]:
    """The same steps, with what is left of them on stderr."""
    out = _errors(quiet)
    with _bar(out, TimeLeft()) as progress:
        bar = progress.add_task(what, total=count, began=0)
        unseen = not (quiet or out.is_terminal)
        with logged(what, lambda: _so_far(progress.tasks[bar], "steps")) if unseen else nullcontext():
            for step in steps:
                yield step
                progress.advance(bar)


@contextmanager
def working(what: str, quiet: bool) -> Iterator[None]:
    """Tell on stderr what takes a while, where nobody knows how long."""
    out = _errors(quiet)
    shown: AbstractContextManager[object] = nullcontext()
    if not quiet:
        shown = out.status(Text(what)) if out.is_terminal else logged(what, lambda: what)
    with shown:
        yield


def _errors(quiet: bool) -> Console:
    """Standard error, which is no terminal to who wants quiet."""
    return Console(file=io.StringIO()) if quiet else console(stderr=True)


def _bar(out: Console, left: ProgressColumn) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(24), left)
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


def _so_far(task: Bar, unit: str) -> str:
    """What a bar shows, in words."""
    left = _left(task)
    done = f"{task.completed:g} of {task.total:g} {unit}"
    return ", ".join(part for part in (f"{task.description}: {done}", left) if part)


def _left(task: Bar) -> str:
    done = task.completed - (task.fields["began"] or 0)
    if done <= 0 or not task.elapsed or task.total is None:
        return ""
    return f"{duration(task.elapsed / done * (task.total - task.completed))} left"
