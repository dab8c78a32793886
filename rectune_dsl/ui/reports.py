"""The reports of runs, as parts of their pages. One that was made stands until its run's journal grows."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.errors import RectuneError
from rectune_dsl.memory.glance import length
from rectune_dsl.memory.journal import Journal, RunRow
from rectune_dsl.memory.store import StoreError
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.facts.gather import Showing, facts
from rectune_dsl.report.facts.records import Facts
from rectune_dsl.report.facts.slates import replayed
from rectune_dsl.report.pages.blocks import Section
from rectune_dsl.report.pages.run import page
from rectune_dsl.report.view import RunView, read_run
from rectune_dsl.ui.locks import Locks
from rectune_dsl.ui.looks import UNSEEN, Looks
from rectune_dsl.ui.render import Part, part
from rectune_dsl.workflow.journaled import RunHeader
from rectune_dsl.workflow.prepare import header_of, task_of

_KEPT = 8
"""Runs whose reports are kept: those that were looked at last. That of a thousand arms takes 3 MB."""
_PATIENCE = 10.0
"""Whoever watches waits for so many times what it takes to make a report before it is made anew: a tenth of a
processor at most is taken from the campaign that is watched."""


@dataclass(frozen=True)
class Report:
    """A run's page without where it stands. `contents` are names and titles of sections; `problem` says why
    there are none, and `help` what to do. `is_unseen`: a config could be looked at in slates, and was not."""

    title: str
    about: tuple[str, ...] = ()
    contents: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    problem: str = ""
    help: str = ""
    is_unseen: bool = False


@dataclass(frozen=True)
class _Made:
    """A report of a journal of some `length`, which took `seconds` `until` it was there."""

    report: Report
    length: tuple[int, int]
    seconds: float
    until: float


class Reports:
    def __init__(self, journal: Journal, plugins: Callable[[RunHeader], Host], flag: str) -> None:
        self._journal, self._plugins, self._flag = journal, plugins, flag
        self._kept: OrderedDict[str, _Made] = OrderedDict()
        self._tasks: dict[str, Task] = {}
        self._looks = Looks()
        self._making, self._guard = Locks(), threading.Lock()

    def now(self, row: RunRow) -> Report:
        """The report of a run as its journal is now. Raises UsageError for one that never began."""
        header_of(self._journal, row.run)
        with self._making.held(row.run):
            long = length(self._journal.store, row.run)
            kept = self._kept.get(row.run)
            if kept is None or kept.length != long:
                began = time.monotonic()
                report = self._make(row)
                kept = _Made(report, long, time.monotonic() - began, time.monotonic())
            self._keep(row.run, kept)
            return kept.report

    def lately(self, row: RunRow) -> Report:
        """The same for those who watch, to whom it may be a little old."""
        kept = self._kept.get(row.run)
        if kept is not None and time.monotonic() - kept.until < _PATIENCE * kept.seconds:
            return kept.report
        return self.now(row)

    def look(self, row: RunRow) -> str:
        """Ask the run's backend for logged requests, and keep for its report what changes on them. Returns
        why nothing was seen, where that is so. Raises UsageError for a run that never began."""
        host = self._plugins(header_of(self._journal, row.run))
        showing = self._looks.asking(row.run, replayed(self._journal, row.run, host))
        why = self._facts(row, showing).no_slates
        with self._making.held(row.run):  # one that is being made now may be without what was found
            self._kept.pop(row.run, None)
        return why

    def _keep(self, run: str, made: _Made) -> None:
        with self._guard:
            self._kept[run] = made
            self._kept.move_to_end(run)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _make(self, row: RunRow) -> Report:
        try:
            found = self._facts(row, self._looks.kept(row.run))
        except StoreError:
            raise
        except RectuneError as error:  # a plugin that is not there any more: the run can be aborted without
            return Report(row.task, problem=str(error), help=error.help)
        told = page(found)
        contents = tuple((section.name, section.title) for section in told.sections)
        parts = tuple(map(_part, told.sections))
        return Report(told.title, told.about, contents, parts, is_unseen=found.no_slates == UNSEEN)

    def _facts(self, row: RunRow, showing: Showing) -> Facts:
        view = read_run(self._journal, row.run)
        assert view is not None
        return facts(self._task(view), view, self._flag, showing)

    def _task(self, view: RunView) -> Task:
        """As it was when the run began, which never changes."""
        if view.run not in self._tasks:
            self._tasks[view.run] = task_of(view.header, self._plugins(view.header))
        return self._tasks[view.run]


def section_part(section: str) -> str:
    """The name of the part that shows a section of the report."""
    return f"report-{section}"


def _part(section: Section) -> Part:
    return part(section_part(section.name), "section.html", section=section)
