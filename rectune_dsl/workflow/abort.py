"""Ends a run at once: takes it over, stops its traffic, takes back what it shipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from rectune_dsl.hooks.api import ABBackend, ExperimentSpec
from rectune_dsl.memory import slots
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.deliveries import DELIVER, ROLLBACK, production_before
from rectune_dsl.workflow.journaled import Abort, Aborted

ABORT, ABORTED = "abort", "aborted"
"""Keys of the order, and of what came of it."""
_NOTHING = type(None)


def abort(journal: Journal, run: str, backend: ABBackend, by: str, why: str, kept: str) -> Aborted:
    """Stop every experiment of the run that may be running, and roll back what it delivered, unless `kept`
    says why that has to stay. Whoever worked on the run can write no more. An abort that was interrupted is
    finished when it is given again."""
    with Lease(journal.store, run, seize=True) as lease:
        recorder = Recorder(journal, run, lease)
        order = recorder.act(ABORT, Abort, lambda: Abort(by, why, datetime.now(UTC)))
        stopped = []
        for step, spec in open_experiments(recorder):
            stop = partial(_stop, backend, spec, order)
            recorder.act(f"{ABORT}/stop/{step}", _NOTHING, stop)
            stopped.append(step)
        may_serve = recorder.attempted(DELIVER)
        if may_serve and not kept:
            recorder.act(ROLLBACK, _NOTHING, partial(_roll_back, journal, run, backend))
        done = Aborted(tuple(stopped), may_serve and not kept, kept if may_serve else "")
        slots.release(journal.store, run)
        return recorder.act(ABORTED, Aborted, lambda: done)


def undo_again(journal: Journal, run: str, backend: ABBackend, newer: str | None) -> Abort | None:
    """For a process that finds the run taken from it: if it was aborted, undo what this process may have
    started or delivered meanwhile; no delivery, where a `newer` run has shipped. The abort, or None."""
    recorder = Recorder(journal, run)
    order = recorder.recall(ABORT, Abort)
    if order is None:
        return None
    for _, spec in open_experiments(recorder):
        _stop(backend, spec, order)
    if recorder.attempted(ROLLBACK) and newer is None:
        _roll_back(journal, run, backend)
    return order


def open_experiments(recorder: Recorder) -> Iterator[tuple[str, ExperimentSpec]]:
    """Experiments that may be running, by their steps: begun to be made, and not stopped."""
    for key in recorder.done:
        step = key.removesuffix("/design")
        if step != key and recorder.attempted(f"{step}/create") and not recorder.has(f"{step}/stop"):
            spec = recorder.recall(key, ExperimentSpec)
            assert spec is not None
            yield step, spec


def _stop(backend: ABBackend, spec: ExperimentSpec, order: Abort) -> None:
    """The key finds the experiment, whether or not its id was recorded."""
    backend.stop(backend.create(spec, spec.key), f"aborted by {order.by}: {order.why}")


def _roll_back(journal: Journal, run: str, backend: ABBackend) -> None:
    """Deliver what was production before. The journal knows that for each run, a backend only for the last
    delivery; and whether one that was begun happened does not matter."""
    backend.deliver(production_before(journal, run))
