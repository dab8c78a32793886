"""Where a run stands: finished, aborted, worked on, or waiting; and for what."""

from __future__ import annotations

from dataclasses import dataclass

from rectune_dsl.hooks.api import UsageError
from rectune_dsl.memory import answers
from rectune_dsl.memory.codec import decode
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Holder, holder
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow import clock
from rectune_dsl.workflow.abort import ABORT, ABORTED
from rectune_dsl.workflow.deliveries import DELIVER, TOLD
from rectune_dsl.workflow.journaled import Abort, Aborted, Approval, Request, Wait


@dataclass(frozen=True)
class Standing:
    """`finished`: its last step is done; `delivered`: it shipped. `abort` is the order to end
    it, `aborted` what came of that, None while there is more to do. `wait` is what it waits for, with the
    `request` it made and the `answer` that was given but not yet taken: nothing, once it is aborted. `holder`
    is the living process that works on it."""

    run: str
    finished: bool
    delivered: bool
    abort: Abort | None
    aborted: Aborted | None
    wait: Wait | None
    request: Request | None
    answer: Approval | None
    holder: Holder | None

    @property
    def over(self) -> bool:
        """Whether nothing is left to do. A run that finished can still be aborted, and has to be then."""
        return self.aborted is not None or (self.finished and self.abort is None)

    @property
    def abortable(self) -> bool:
        """Whether an abort has something to stop or to take back."""
        return self.aborted is None and (not self.finished or self.delivered or self.abort is not None)

    @property
    def asks(self) -> Request | None:
        """Its question, as long as somebody may answer."""
        asked = self.request if self.answer is None else None
        return None if asked is None or asked.has_expired(clock.utc_now()) else asked

    @property
    def half_aborted(self) -> bool:
        """Whether its abort was begun, and is not done."""
        return self.abort is not None and self.aborted is None


def standing(journal: Journal, run: str) -> Standing:
    recorder = Recorder(journal, run)
    order = recorder.recall(ABORT, Abort)
    wait = _waits_for(recorder) if order is None else None
    request = _asked(recorder, wait) if wait is not None and wait.until is None else None
    given = answers.given(journal.store, run, request.step) if request else None
    held = holder(journal.store, run)
    return Standing(
        run=run,
        finished=recorder.has(TOLD),
        delivered=recorder.has(DELIVER),
        abort=order,
        aborted=recorder.recall(ABORTED, Aborted),
        wait=wait,
        request=request,
        answer=None if given is None else decode(Approval, given),
        holder=held if held is not None and held.alive else None,
    )


def open_request(journal: Journal, run: str, step: str) -> Request:
    """The question of a step that the run waits with. Raises UsageError where there is none, or where it has
    expired without an answer."""
    now = standing(journal, run)
    if now.abort is not None:
        raise UsageError(f"run {run} was aborted by {now.abort.by}", help="start a new one")
    if now.request is None:
        waits = f"it waits for {now.wait.why}" if now.wait else "it waits for no answer"
        raise UsageError(f"run {run} asks nothing: {waits}", help=f"`rectune status {run}` tells more")
    if now.request.step != step:
        raise UsageError(f"run {run} does not ask about {step!r}", help=f"it asks about {now.request.step!r}")
    if now.answer is None and now.request.has_expired(clock.utc_now()):
        raise UsageError(
            f"{step} of run {run} could be answered until {now.request.expires:%Y-%m-%d %H:%M} UTC: silence "
            "was a no",
            help=f"`rectune tick {run}` goes on; the task's [approval] expires_after_days gives more time",
        )
    return now.request


def _waits_for(recorder: Recorder) -> Wait | None:
    """The last wait that was begun, if what it was for has not been done."""
    begun = [key for key in recorder.done if key.endswith("/wait")]
    wait = recorder.recall(begun[-1], Wait) if begun else None
    return None if wait is None or recorder.has(wait.key) else wait


def _asked(recorder: Recorder, wait: Wait) -> Request | None:
    return recorder.recall(f"{wait.key.removesuffix('/approval')}/request", Request)
