"""The list of runs: where each stands, in a line.

Whoever watches the list asks for it each second. So what a run's journal tells is read once, until the
journal grows or an answer is given. What changes besides is asked of all runs at once, or of the clock:
whether the holder of a lease lives, and whether a question has expired.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

from rectune_dsl.hooks.api import Verdict
from rectune_dsl.memory import answers
from rectune_dsl.memory.glance import Glance, lengths
from rectune_dsl.memory.journal import HEADER, Journal, RunRow
from rectune_dsl.memory.lease import Holder, holders
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.report.standing import waits_for
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


@dataclass(frozen=True)
class _Moment:
    """How long the journals of runs are, how many answers they have, and who holds them; by their ids."""

    entries: dict[str, int]
    answers: dict[str, int]
    holders: dict[str, Holder]

    def holder(self, run: str) -> Holder | None:
        held = self.holders.get(run)
        return held if held is not None and held.alive else None


@dataclass(frozen=True)
class _Read:
    """What the journal of a run tells, when it was so long and so many answers were given. `now` is None for
    a run that never began."""

    length: tuple[int, int]
    round: int = 0
    verdict: str = ""
    now: Standing | None = None


class Lines:
    """Lines of a store."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: dict[str, _Read] = {}

    def shown(self, asked: Asked) -> Shown:
        """The runs that were asked for, the newest first."""
        text, store = asked.text.casefold(), self._journal.store
        rows = [row for row in self._journal.runs() if text in f"{row.run} {row.surface}".casefold()]
        moment = _Moment(lengths(store), answers.counts(store), holders(store))
        if asked.state is not None:
            found = [self._line(row, moment) for row in rows]
            lines = [line for line in found if line.state == asked.state]
            pages, page, first = _paged(len(lines), asked.page)
            return Shown(tuple(lines[first : first + PER_PAGE]), page, pages, len(lines))
        pages, page, first = _paged(len(rows), asked.page)
        shown = (self._line(row, moment) for row in rows[first : first + PER_PAGE])
        return Shown(tuple(shown), page, pages, len(rows))

    def _line(self, row: RunRow, moment: _Moment) -> Line:
        length = moment.entries.get(row.run, 0), moment.answers.get(row.run, 0)
        read = self._kept.get(row.run)
        if read is None or read.length != length:
            self._kept[row.run] = read = _read(self._journal, row.run, length)
        return _line(row, read, moment.holder(row.run))


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
    if now.asks is not None:
        return "asks"
    if now.holder is not None:
        return "runs"
    return "stopped" if now.wait is None else "waits"


def _read(journal: Journal, run: str, length: tuple[int, int]) -> _Read:
    glance = Glance(journal, telling)
    recorder = Recorder(glance, run)
    if not recorder.has(HEADER):
        return _Read(length)
    verdict = recorder.recall(HELD, Verdict) or recorder.recall(StepKind.VERDICT, Verdict)
    return _Read(length, _rounds(recorder), verdict.decision if verdict else "", standing(glance, run))


def _line(row: RunRow, read: _Read, held: Holder | None) -> Line:
    """The line of a run that is `held` now."""
    now = None if read.now is None else replace(read.now, holder=held)
    return Line(
        run=row.run,
        task=row.task,
        surface=row.surface,
        started=row.created_at[:16].replace("T", " "),
        state="never began" if now is None else state_of(now),
        round=read.round,
        verdict=read.verdict,
        waits_for=waits_for(now.wait) if now and now.wait and not now.answer else "",
    )


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
