"""The list of runs: where each stands, in a line."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from rectune_dsl.hooks.api import Verdict
from rectune_dsl.memory.glance import Glance, lengths
from rectune_dsl.memory.journal import HEADER, Journal, RunRow
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.report.standing import waits_for
from rectune_dsl.workflow import clock
from rectune_dsl.workflow.abort import ABORT, ABORTED
from rectune_dsl.workflow.approval import approval_key
from rectune_dsl.workflow.compile import StepKind, round_step
from rectune_dsl.workflow.deliveries import HELD
from rectune_dsl.workflow.standing import Standing, standing

State = Literal["asks", "runs", "waits", "stopped", "finished", "aborted", "abort unfinished", "never began"]
STATES: tuple[State, ...] = get_args(State)
PER_PAGE = 25
_WAIT, _REQUEST = "/wait", "/request"


@dataclass(frozen=True)
class Line:
    """A run in the list. `round` is the one that it got to; `verdict` and `waits_for` are empty where there
    is none, or nothing."""

    run: str
    task: str
    surface: str
    started: str
    state: State
    round: int
    verdict: str
    waits_for: str


@dataclass(frozen=True)
class Asked:
    """Which runs somebody wants to see: those with `text` in id or surface, in one `state` or in any."""

    text: str = ""
    state: State | None = None
    page: int = 1


@dataclass(frozen=True)
class Shown:
    """One page of `pages`, and how many runs there are on all of them."""

    lines: tuple[Line, ...]
    page: int
    pages: int
    runs: int


class Lines:
    """Lines of a store. That of a run which is over is kept until its journal grows."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: dict[str, tuple[int, Line]] = {}
        self._lock = threading.Lock()

    def shown(self, asked: Asked) -> Shown:
        """The runs that were asked for, the newest first."""
        text = asked.text.casefold()
        rows = [row for row in self._journal.runs() if text in f"{row.run} {row.surface}".casefold()]
        known = lengths(self._journal.store)
        if asked.state is not None:
            found = [self._line(row, known.get(row.run, 0)) for row in rows]
            lines = [line for line in found if line.state == asked.state]
            pages, page, first = _paged(len(lines), asked.page)
            return Shown(tuple(lines[first : first + PER_PAGE]), page, pages, len(lines))
        pages, page, first = _paged(len(rows), asked.page)
        shown = (self._line(row, known.get(row.run, 0)) for row in rows[first : first + PER_PAGE])
        return Shown(tuple(shown), page, pages, len(rows))

    def _line(self, row: RunRow, length: int) -> Line:
        with self._lock:
            kept = self._kept.get(row.run)
        if kept is not None and kept[0] == length:
            return kept[1]
        made, is_over = _read(self._journal, row)
        if is_over:
            with self._lock:
                self._kept[row.run] = (length, made)
        return made


def telling(keys: Collection[str]) -> set[str]:
    """Of all keys of a run those whose bodies tell where it stands: the end, waits, and open questions."""
    ends = {ABORT, ABORTED, HELD, str(StepKind.VERDICT)}
    waits = {key for key in keys if key.endswith(_WAIT)}
    asked = {key for key in keys if key.endswith(_REQUEST)}
    is_open = {key for key in asked if approval_key(key.removesuffix(_REQUEST)) not in keys}
    return (ends & set(keys)) | waits | is_open


def state_of(now: Standing) -> State:
    """In a word. A question that nobody may answer any more is none."""
    if now.abort is not None:
        return "abort unfinished" if now.half_aborted else "aborted"
    if now.finished:
        return "finished"
    if is_asked(now):
        return "asks"
    if now.holder is not None:
        return "runs"
    return "stopped" if now.wait is None else "waits"


def is_asked(now: Standing) -> bool:
    """Whether it waits for somebody who may still answer."""
    return now.request is not None and now.answer is None and not now.request.has_expired(clock.utc_now())


def _read(journal: Journal, row: RunRow) -> tuple[Line, bool]:
    """The line of a run, and whether the run is over."""
    glance = Glance(journal, telling)
    recorder = Recorder(glance, row.run)
    started = row.created_at[:16].replace("T", " ")
    if not recorder.has(HEADER):
        return Line(row.run, row.task, row.surface, started, "never began", 0, "", ""), False
    now = standing(glance, row.run)
    verdict = recorder.recall(HELD, Verdict) or recorder.recall(StepKind.VERDICT, Verdict)
    line = Line(
        run=row.run,
        task=row.task,
        surface=row.surface,
        started=started,
        state=state_of(now),
        round=_rounds(recorder),
        verdict=verdict.decision if verdict else "",
        waits_for=waits_for(now.wait) if now.wait is not None and now.answer is None else "",
    )
    return line, now.over


def _rounds(recorder: Recorder) -> int:
    """How many rounds were begun."""
    begun = 0
    while recorder.has(round_step(begun + 1, StepKind.PROPOSE)):
        begun += 1
    return begun


def _paged(found: int, page: int) -> tuple[int, int, int]:
    """How many pages there are, which of them is shown, and which line is its first."""
    pages = max(-(-found // PER_PAGE), 1)
    shown = min(max(page, 1), pages)
    return pages, shown, (shown - 1) * PER_PAGE
