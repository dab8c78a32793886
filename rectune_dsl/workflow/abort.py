"""Ends a run at once: takes it over, stops its traffic, takes back what it shipped.

Who worked on the run may have been in the middle of an act, which nobody can call back: so he undoes it when
he finds himself overtaken, and the abort, which waits until he has gone, undoes it once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from rectune_dsl.hooks.api import ABBackend, ExperimentSpec
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory import lease, slots
from rectune_dsl.memory.codec import encode
from rectune_dsl.memory.journal import Journal, OrderedAlreadyError, ordering
from rectune_dsl.memory.lease import Lease
from rectune_dsl.memory.process import Process, is_gone
from rectune_dsl.memory.recorder import NOTHING, Recorder
from rectune_dsl.workflow.deliveries import DELIVER, ROLLBACK, TOLD, production_before
from rectune_dsl.workflow.journaled import Abort, Aborted

ABORT, ABORTED = "abort", "aborted"
"""Keys of the order, and of what came of it."""
_AGAIN = f"{ABORT}/again"
_POLL_SECONDS = 0.2


class AbortedAlreadyError(UsageError):
    """Somebody else has aborted the run, or is about to."""


Kept = Callable[[], str]
"""Says why what a run delivered has to stay; empty where it has not."""
Told = Callable[[Process], None]
"""Is told whom an abort waits for."""


def abort(
    journal: Journal, run: str, backend: ABBackend, by: str, why: str, kept: Kept, told: Told
) -> Aborted:
    """Stop every experiment of the run that may be running, and roll back what it delivered, unless it is
    `kept`. Whoever worked on the run can write no more; where he is still alive, wait until he has gone, and
    undo once more. An abort that was interrupted is finished when it is given again.

    Raises AbortedAlreadyError while another one is carried out, and once it is done; UsageError where nothing
    is left to stop or to take back, since the run is over and delivered nothing.
    """
    told_before = Recorder(journal, run)
    if told_before.has(TOLD) and not told_before.attempted(DELIVER) and not told_before.has(ABORT):
        raise UsageError(
            f"run {run} is over, and nothing of it is served",
            help=f"`rectune show {run}` tells how it ended; there is nothing to stop or to take back",
        )

    def order(overtook: Process | None) -> str:
        return encode(Abort, Abort(by, why, datetime.now(UTC), overtook))

    try:
        with Lease(journal.store, run, seize=ordering(run, ABORT, order)) as seized:
            recorder = Recorder(journal, run, seized)
            if recorder.has(ABORTED):
                raise _aborted_already(recorder)
            return _carry_out(journal, recorder, backend, kept, told)
    except OrderedAlreadyError as error:
        raise _aborted_already(Recorder(journal, run), f"{error}") from error


def finish(journal: Journal, run: str, backend: ABBackend, kept: Kept, told: Told) -> Aborted:
    """Finish an abort that was interrupted. Raises RunHeldError while somebody is at it."""
    with Lease(journal.store, run) as held:
        return _carry_out(journal, Recorder(journal, run, held), backend, kept, told)


def undo_again(journal: Journal, run: str, backend: ABBackend, kept: Kept) -> Abort | None:
    """For a process whose work on the run has failed: if that is because it was aborted meanwhile, undo what
    this process may have started or delivered since, unless that is `kept`. The abort, or None."""
    if journal.entry(run, ABORT) is None:
        return None
    recorder = Recorder(journal, run)
    _undo(journal, recorder, backend, kept)
    return recorder.recall(ABORT, Abort)


def _aborted_already(recorder: Recorder, at_it: str = "") -> AbortedAlreadyError:
    """Says by whom, when and why; and who is `at_it`, where somebody is."""
    run, order = recorder.run, recorder.recall(ABORT, Abort)
    assert order is not None
    if not at_it:
        return AbortedAlreadyError(f"run {run} was aborted {by_whom(order)}", help="nothing is left to do")
    return AbortedAlreadyError(
        f"run {run} is being aborted already, {by_whom(order)}; {at_it}",
        help=f"`rectune status {run}` tells when it is done; should that process end before, `rectune tick "
        f"{run}` finishes it",
    )


def _carry_out(journal: Journal, recorder: Recorder, backend: ABBackend, kept: Kept, told: Told) -> Aborted:
    order, done = recorder.recall(ABORT, Abort), recorder.recall(ABORTED, Aborted)
    assert order is not None
    if done is not None:
        return done
    stopped = []
    for step, spec in open_experiments(recorder):
        recorder.act(f"{ABORT}/stop/{step}", NOTHING, partial(_stop, backend, spec, order))
        stopped.append(step)
    why_kept = kept() if recorder.attempted(DELIVER) else ""
    if recorder.attempted(DELIVER) and not why_kept:
        recorder.act(ROLLBACK, NOTHING, partial(_roll_back, journal, recorder.run, backend))
    if order.overtook is not None and not recorder.has(_AGAIN):
        _outlast(order.overtook, order.at, told)
        recorder.act(_AGAIN, NOTHING, partial(_undo, journal, recorder, backend, kept))
    slots.release(journal.store, recorder.run)
    return recorder.act(ABORTED, Aborted, lambda: Aborted(tuple(stopped), recorder.has(ROLLBACK), why_kept))


def _outlast(overtaken: Process, since: datetime, told: Told) -> None:
    """Wait until a process has gone; or for as long as one may be silent and live."""
    if not is_gone(overtaken):
        told(overtaken)
    while not is_gone(overtaken) and (datetime.now(UTC) - since).total_seconds() < lease.PATIENCE_SECONDS:
        time.sleep(_POLL_SECONDS)


def _undo(journal: Journal, recorder: Recorder, backend: ABBackend, kept: Kept) -> None:
    """Once more what an abort does."""
    order = recorder.recall(ABORT, Abort)
    assert order is not None
    for _, spec in open_experiments(recorder):
        _stop(backend, spec, order)
    if recorder.attempted(ROLLBACK) and not kept():
        _roll_back(journal, recorder.run, backend)


def by_whom(order: Abort) -> str:
    """Who gave the order, when and why."""
    why = f": {order.why}" if order.why else ""
    return f"by {order.by} at {order.at:%Y-%m-%d %H:%M} UTC{why}"


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
