"""What people do to runs here: the same as on the command line, by the same functions, and on record."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

from rectune_dsl.hooks.errors import RectuneError, UsageError
from rectune_dsl.memory import answers
from rectune_dsl.memory.codec import decode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import PATIENCE_SECONDS
from rectune_dsl.memory.process import Process
from rectune_dsl.memory.store import StoreError
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.standing import (
    abort_words,
    aborted_words,
    answered_words,
    going_on_words,
    taken_back_words,
)
from rectune_dsl.ui.door import Outcome
from rectune_dsl.workflow.abort import AbortedAlreadyError, abort
from rectune_dsl.workflow.approval import answer_request
from rectune_dsl.workflow.journaled import Aborted, Approval, RunHeader
from rectune_dsl.workflow.prepare import header_of, reach
from rectune_dsl.workflow.standing import standing
from rectune_dsl.workflow.surface import superseded

Say = Callable[[Outcome], None]


def answer(journal: Journal, run: str, step: str, given: Approval, flag: str) -> Outcome:
    """Answer what a run asks at a step; or tell why that cannot be done any more. Raises StoreError where
    nobody knows."""
    try:
        answer_request(journal, run, step, given)
    except StoreError:
        raise
    except UsageError as error:
        first = answers.given(journal.store, run, step)
        told = () if first is None else (f"{answered_words(step, decode(Approval, first))}.",)
        return Outcome("bad", f"Not done: {error}.", (*told, "Below is where the run stands now."))
    return Outcome("good", f"{answered_words(step, given)}.", (going_on_words(standing(journal, run), flag),))


class Aborts:
    """Aborts that are ordered here. An abort may have to wait for half a minute until somebody has gone, so
    each has a thread of its own; if this process ends first, `rectune tick` finishes it. `failures` tells of
    those that failed, by their runs."""

    def __init__(self, journal: Journal, plugins: Callable[[RunHeader], Host], flag: str) -> None:
        self._journal, self._plugins, self._flag = journal, plugins, flag
        self.failures: dict[str, str] = {}

    def order(self, run: str, by: str, why: str) -> Outcome:
        """Abort a run, or finish an abort. Returns once its traffic is stopped, or with why it may not be."""
        said: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        threading.Thread(target=self._abort, args=(run, by, why, said.put), daemon=True).start()
        return said.get()

    def _abort(self, run: str, by: str, why: str, say: Say) -> None:
        warnings: list[str] = []
        try:
            outcome = self._carried_out(run, by, why, warnings, say)
            self.failures.pop(run, None)
        except AbortedAlreadyError as error:
            outcome = Outcome("bad", f"Not done: {error}.", (f"{error.help}.",))
        except Exception as error:  # whatever a platform raises, it has to be said
            self.failures[run] = words = str(error) or type(error).__name__
            help = error.help if isinstance(error, RectuneError) else ""
            more = (*warnings, help, f"`rectune tick {run}{self._flag}` tries again.")
            outcome = Outcome("bad", f"The abort failed: {words}.", tuple(filter(None, more)))
        say(outcome)

    def _carried_out(self, run: str, by: str, why: str, warnings: list[str], say: Say) -> Outcome:
        now = standing(self._journal, run)
        if now.abort is not None and now.aborted is not None:
            return Outcome("bad", f"Not done: run {run} was {abort_words(now.abort)}.")
        plugins = self._plugins(header_of(self._journal, run))
        backend = reach(self._journal, run, plugins, warnings.append)
        kept, at_work = partial(superseded, self._journal, run), partial(_at_work, say)
        done = abort(self._journal, run, backend, by, why, kept, at_work)
        return _told(run, done, warnings)


def _told(run: str, done: Aborted, warnings: Sequence[str]) -> Outcome:
    more = list(warnings)
    if said := taken_back_words(done):
        more.append(said)
    return Outcome("good", f"Run {run} is {aborted_words(done)}.", tuple(more))


def _at_work(say: Say, overtaken: Process) -> None:
    words = (
        f"{overtaken.holder} was at work: what it was in the middle of is undone when it has gone, or in "
        f"{PATIENCE_SECONDS:.0f} seconds."
    )
    say(Outcome("doubtful", "Its traffic is stopped.", (words,)))
