"""Runs one experiment on the backend: the only caller of a backend's experiments.

Each act is recorded; after a crash the experiment is found again by its key, never launched twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.contradictions import checked
from rectune_dsl.hooks.api import (
    ABBackend,
    Action,
    AgentContext,
    BackendError,
    ExperimentSpec,
    ExperimentState,
    Finish,
    Freeze,
    Launch,
    OnlineAgent,
    PluginError,
    Serving,
    SetExposure,
    StopArm,
    Wait,
)
from rectune_dsl.memory.recorder import NOTHING, Recorder
from rectune_dsl.workflow.calendar import frozen
from rectune_dsl.workflow.journaled import Look
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.pause import Pause
from rectune_dsl.workflow.watch import ArmStopped, Exposed, Looked, Watcher

T = TypeVar("T")

MOST_EXTRA_LOOKS = 30
"""Looks beyond one per day after which an Online agent that never finishes is given up."""
_DAY = timedelta(days=1)
_SERVING = cast(type[Serving | None], Serving | None)
"""What an act that sets an exposure leaves; journals of earlier versions have nothing there."""


@dataclass(frozen=True)
class Outcome:
    """A finished experiment. `last` is its last look; its users were `served` until then."""

    spec: ExperimentSpec
    last: Look
    served: datetime
    stopped: Mapping[str, str] = field(default_factory=dict)
    stopped_at: Mapping[str, Look] = field(default_factory=dict)
    frozen: str = ""

    @property
    def ended(self) -> datetime:
        return self.last.as_of


@dataclass(frozen=True)
class Laboratory:
    """What an experiment needs. `context` makes what the agent knows, by the act it is for; `gate` keeps the
    limits; `watch` is told of every look and of what came of it."""

    task: Task
    backend: ABBackend
    online: OnlineAgent
    recorder: Recorder
    pause: Pause
    context: Callable[[str], AgentContext]
    gate: Gate
    watch: Watcher

    def run(self, step: str, launch: Launch) -> Outcome:
        """Launch what the Online agent designs and follow its decisions to the end.

        Raises UntimelyError where its first day has come before it was started: it has to be given up.
        """
        act = self.recorder.act

        def design() -> ExperimentSpec:
            spec = self.online.design(self.context("design"), launch)
            return self.gate.launch(launch, spec, self._present(launch.start))

        spec = act(f"{step}/design", ExperimentSpec, design)
        experiment = self._attach(step, launch, spec)
        state = self._begin(step, spec, experiment)

        def start() -> None:
            self.gate.start(spec, self._present(spec.start))
            self.backend.start(experiment)

        act(f"{step}/start", type(None), start)
        outcome = self._follow(step, state, experiment)
        why = outcome.frozen or "finished"
        act(f"{step}/stop", type(None), lambda: self.backend.stop(experiment, why))
        return outcome

    def give_up(self, step: str) -> None:
        """Stop an experiment that must not begin any more, however far it was made."""
        spec = self.recorder.recall(f"{step}/design", ExperimentSpec)
        known = self.recorder.recall(f"{step}/create", str)

        def stop() -> None:
            if spec is not None and self.recorder.attempted(f"{step}/create"):
                self.backend.stop(known or self.backend.create(spec, spec.key), "it was not started in time")

        self.recorder.act(f"{step}/stop", type(None), stop)

    def _present(self, planned: datetime) -> datetime:
        return self.pause.clock.present(planned)

    def _attach(self, step: str, launch: Launch, spec: ExperimentSpec) -> str:
        """Create the experiment, or find it again: the backend gives the same id for the same key."""

        def create() -> str:
            begun = self.recorder.has(f"{step}/start")  # then it is only found again
            at = spec.start if begun else self._present(spec.start)
            return self.backend.create(self.gate.launch(launch, spec, at), spec.key)

        known = self.recorder.recall(f"{step}/create", str)
        if known is not None and self.recorder.has(f"{step}/stop"):
            return known
        if known is None:
            return self.recorder.act(f"{step}/create", str, create)
        found = self._again(f"{step}/create", create)
        if found != known:
            raise BackendError(
                f"the backend made experiment {found} for the key of {known}",
                help="stop one of them by hand: the backend's `create` is not idempotent",
            )
        return known

    def _begin(self, step: str, spec: ExperimentSpec, experiment: str) -> ExperimentState:
        """Before it starts, an experiment with a ramp is told how many it serves first."""
        if not spec.ramp.steps:
            return ExperimentState(spec)
        first = Serving(spec.start, spec.ramp.first)
        self._expose(f"{step}/expose", step, experiment, first)
        return ExperimentState(spec, servings=(first,))

    def _follow(self, step: str, state: ExperimentState, experiment: str) -> Outcome:
        spec, stopped_at = state.spec, dict[str, Look]()
        as_of, number = spec.start + _DAY, 0
        matures = self.task.matures_after_days
        most = spec.lasts + matures + MOST_EXTRA_LOOKS
        while number < most:
            number += 1
            was_seen = self.recorder.has(f"{step}/look-{number}")
            look = self._look(step, number, as_of, state, experiment)
            self.watch(Looked(spec, look, replayed=was_seen))
            stops = {a.arm: a.why for a in look.actions if isinstance(a, StopArm)}
            stopped_at |= {arm: look for arm in stops if arm not in stopped_at}
            state = replace(state, looks=number, stopped={**state.stopped, **stops})
            before, state = state, self._act_on(step, state, experiment, look)
            if (end := _end(look.actions)) is not None:
                why = end.why if isinstance(end, Freeze) else ""
                return Outcome(spec, look, state.ends(look.as_of), state.stopped, stopped_at, why)
            as_of = _next(look)
            if state.servings != before.servings:
                as_of += state.now.since - look.as_of  # what was decided for later counts from when it began
            elif any(isinstance(a, SetExposure) for a in look.actions):
                most += 1  # the agent wanted to go on, and could not
        raise PluginError("the Online agent does not finish the experiment", help="use another online agent")

    def _look(self, step: str, number: int, as_of: datetime, state: ExperimentState, experiment: str) -> Look:
        key = f"{step}/look-{number}"
        self.pause.until(key, as_of, "the data")

        def observe() -> Look:
            observation = checked(self.backend.observe(experiment, as_of))
            actions = self.online.step(self.context(f"look-{number}"), state, observation)
            return Look(number, as_of, observation, self.gate.actions(state, as_of, observation, actions))

        return self.recorder.act(key, Look, observe)

    def _act_on(self, step: str, state: ExperimentState, experiment: str, look: Look) -> ExperimentState:
        """Tell the backend what was decided. Returns the state with what is served from now on."""
        for i, action in enumerate(look.actions, 1):
            key = f"{step}/look-{look.number}/act-{i}"
            if isinstance(action, StopArm):
                self._expose(key, step, experiment, Serving(look.as_of, 0.0), action.arm)
                self.watch(ArmStopped(state.spec, action, replayed=self.recorder.has(f"{key}/told")))
                self.recorder.act(f"{key}/told", NOTHING, lambda: None)
            elif isinstance(action, SetExposure):
                serving = self._serve(key, step, experiment, state, Serving(look.as_of, action.fraction))
                self.watch(Exposed(state.spec, look, action, serving))
                if serving != state.now:
                    state = replace(state, servings=(*state.servings, serving))
        return state

    def _serve(
        self, key: str, step: str, experiment: str, state: ExperimentState, decided: Serving
    ) -> Serving:
        """Set the exposure that a look decided. Returns what is served since when: what was served before,
        where more users cannot be served now."""
        was_begun = self.recorder.attempted(key)

        def serve() -> Serving:
            serving = replace(decided, since=self.pause.clock.now(decided.since))
            if self._is_put_off(state, decided, serving):
                if was_begun:  # and may have been done
                    self.backend.set_exposure(experiment, state.now.fraction, None, serving.since)
                return state.now
            self.gate.exposure(state, serving.fraction, serving.since)
            self.backend.set_exposure(experiment, serving.fraction, None, serving.since)
            return serving

        is_lost = self._is_lost(key, step)
        serving = self.recorder.act(key, _SERVING, serve) or decided
        if is_lost and serving != state.now:
            set_again = partial(self.backend.set_exposure, experiment, serving.fraction, None, serving.since)
            self._again(key, set_again)
        return serving

    def _is_put_off(self, state: ExperimentState, decided: Serving, serving: Serving) -> bool:
        """Whether to leave it to a later look: more users are served on no frozen day, and not while there
        are days that no look has seen."""
        is_old = serving.since - decided.since >= _DAY
        return serving.fraction > state.now.fraction and (
            is_old or bool(frozen(self.task.freeze, serving.since))
        )

    def _expose(self, key: str, step: str, experiment: str, serving: Serving, arm: str | None = None) -> None:
        """Set the exposure an experiment begins with, or that of an arm that is stopped."""
        expose = partial(self.backend.set_exposure, experiment, serving.fraction, arm, serving.since)
        is_lost = self._is_lost(key, step)
        self.recorder.act(key, type(None), expose)
        if is_lost:
            self._again(key, expose)

    def _is_lost(self, key: str, step: str) -> bool:
        """Whether what an act did is gone, and needed: a simulated platform is as new as the process."""
        has = self.recorder.has
        return has(key) and self.gate.capabilities.virtual_time and not has(f"{step}/stop")

    def _again(self, key: str, work: Callable[[], T]) -> T:
        """Do once more what the journal has. It records a failure: that is a setback of the run."""
        try:
            return work()
        except BackendError:
            self.recorder.failed(key)
            raise


def _end(actions: Sequence[Action]) -> Finish | Freeze | None:
    return next((a for a in actions if isinstance(a, (Finish, Freeze))), None)


def _next(look: Look) -> datetime:
    """When to look again: as the agent says, but always later than now."""
    waits = [a.until for a in look.actions if isinstance(a, Wait)]
    return max([*waits, look.as_of + timedelta(hours=1)]) if waits else look.as_of + timedelta(days=1)
