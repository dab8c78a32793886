"""Names, places and runs the experiments of a campaign."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from itertools import count
from typing import Literal

from rectune_dsl.hooks.api import Arm, Exposure, Launch, RoundResult
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.calendar import first_start, thawed
from rectune_dsl.workflow.clock import EPOCH
from rectune_dsl.workflow.compile import Step
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.experiment import Laboratory, Outcome
from rectune_dsl.workflow.limits import Gate, UntimelyError
from rectune_dsl.workflow.parts import Parts
from rectune_dsl.workflow.slots import ramp_of, slot_of
from rectune_dsl.workflow.traffic import caps_of

Purpose = Literal["explore", "confirm"]


class Launches:
    """Runs experiments one after the other. `ended` is when the last one did."""

    def __init__(self, parts: Parts, gate: Gate, contexts: Contexts) -> None:
        self.ended: datetime | None = None
        self._parts = parts
        self._task = parts.task
        self._gate = gate
        self._contexts = contexts

    def run(
        self,
        step: Step,
        purpose: Purpose,
        arms: tuple[Arm, ...],
        fresh_of: tuple[Exposure, ...],
        history: tuple[RoundResult, ...],
    ) -> Outcome:
        """Run the experiment of a step. One that could not be started before its first day, since the run was
        held up, is given up, and launched again for a later day."""
        parts = self._parts
        laboratory = Laboratory(
            task=self._task,
            backend=parts.backend,
            online=parts.agents.online,
            recorder=parts.recorder,
            pause=parts.pause,
            context=partial(self._contexts.of, step, history),
            gate=self._gate,
            watch=parts.watch,
        )
        for number in count(1):
            place = _place(step.name, number)
            if _is_given_up(parts.recorder, place):
                continue
            try:
                outcome = laboratory.run(place, self._launch(step, place, purpose, arms, fresh_of))
            except UntimelyError:
                laboratory.give_up(place)
            else:
                break
        self.ended = outcome.ended
        return outcome

    def serves_from(self, what: Literal["launch", "confirm", "ship"]) -> datetime:
        """From when people would be served what is asked for, if that were done now: what ships on the next
        moment that is not frozen."""
        if what == "ship":
            return thawed(self._task.freeze, self._parts.clock.now(self.ended or EPOCH))
        return self._start("explore" if what == "launch" else "confirm")

    def _launch(
        self, step: Step, place: str, purpose: Purpose, arms: tuple[Arm, ...], fresh_of: tuple[Exposure, ...]
    ) -> Launch:
        """The salt is the campaign's, so that a seed gives the same users; the key is the run's, so that no
        other run's experiment is taken for it, and the place's, so that none is for one that was given up."""
        parts = self._parts
        digest = hashlib.sha256(repr(arms).encode()).hexdigest()[:12]
        salt = f"{self._task.task.name}/{parts.seed}/{step.name}"
        start = parts.recorder.act(f"{place}/calendar", datetime, partial(self._start, purpose))
        key = f"{parts.recorder.run}/{place}/{digest}"
        slot, ramp, caps = slot_of(self._task), ramp_of(self._task), self._caps(step, purpose)
        return Launch(key, salt, start, arms, purpose, fresh_of, slot, ramp, caps)

    def _start(self, purpose: Purpose) -> datetime:
        """The first day from which a whole experiment fits before the next freeze."""
        days = self._task.ramp_days + self._task.planned(purpose).days
        return first_start(self._task.freeze, self._parts.clock.next_start(self.ended), days)

    def _caps(self, step: Step, purpose: Purpose) -> dict[str, float]:
        """The caps of winsorised metrics, fixed before the experiment."""
        if not self._task.winsorized:
            return {}
        find = partial(caps_of, self._task, self._parts.backend, self._task.planned(purpose).days)
        return self._parts.recorder.act(f"{step.name}/caps", dict[str, float], find)


def latest_place(recorder: Recorder, step: str) -> str:
    """Where the journal has the experiment of a step: the last one, where others were given up."""
    found = step
    for number in count(2):
        if not recorder.has(f"{_place(step, number)}/calendar"):
            return found
        found = _place(step, number)
    raise AssertionError("numbers do not end")


def _place(step: str, number: int) -> str:
    """Under which key the acts of a step's n-th launch stand."""
    return step if number == 1 else f"{step}/launch-{number}"


def _is_given_up(recorder: Recorder, place: str) -> bool:
    """Whether it was stopped without having been started."""
    return recorder.has(f"{place}/stop") and not recorder.has(f"{place}/start")
