"""Runs one experiment on the backend: the only caller of a backend's experiments.

Each act is recorded; after a crash the experiment is found again by its key, never launched twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.readiness import unready
from rectune_dsl.experiments.rebase import without
from rectune_dsl.hooks.api import (
    HOLDOUT,
    ABBackend,
    Action,
    AgentContext,
    BackendError,
    Estimates,
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
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.workflow.calendar import thawed
from rectune_dsl.workflow.journaled import Look
from rectune_dsl.workflow.limits import Gate
from rectune_dsl.workflow.pause import Pause

T = TypeVar("T")

MOST_EXTRA_LOOKS = 30
"""Looks beyond one per day after which an Online agent that never finishes is given up."""


@dataclass(frozen=True)
class Outcome:
    """A finished experiment. `last` is its last look."""

    spec: ExperimentSpec
    last: Look
    stopped: Mapping[str, str] = field(default_factory=dict)
    stopped_at: Mapping[str, Look] = field(default_factory=dict)
    frozen: str = ""

    @property
    def ended(self) -> datetime:
        return self.last.as_of


@dataclass(frozen=True)
class Laboratory:
    """What an experiment needs. `context` makes what the agent knows, by the act it is for; `gate` keeps the
    limits; `watch` is told of every look."""

    task: Task
    backend: ABBackend
    online: OnlineAgent
    recorder: Recorder
    pause: Pause
    context: Callable[[str], AgentContext]
    gate: Gate
    watch: Callable[[ExperimentSpec, Look], None]

    def run(self, step: str, launch: Launch) -> Outcome:
        """Launch what the Online agent designs and follow its decisions to the end."""
        act = self.recorder.act

        def design() -> ExperimentSpec:
            return self.gate.launch(launch, self.online.design(self.context("design"), launch))

        spec = act(f"{step}/design", ExperimentSpec, design)
        experiment = self._attach(step, launch, spec)
        state = self._begin(step, spec, experiment)
        act(f"{step}/start", type(None), lambda: self.backend.start(experiment))
        outcome = self._follow(step, state, experiment)
        why = outcome.frozen or "finished"
        act(f"{step}/stop", type(None), lambda: self.backend.stop(experiment, why))
        return outcome

    def _attach(self, step: str, launch: Launch, spec: ExperimentSpec) -> str:
        """Create the experiment, or find it again: the backend gives the same id for the same key."""

        def create() -> str:
            return self.backend.create(self.gate.launch(launch, spec), spec.key)

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
        self._expose(step, "expose", experiment, first)
        return ExperimentState(spec, servings=(first,))

    def _follow(self, step: str, state: ExperimentState, experiment: str) -> Outcome:
        spec = state.spec
        stopped_at: dict[str, Look] = {}
        as_of = spec.start + timedelta(days=1)
        matures = max(m.matures_after_days for m in self.task.judged.values())
        for number in range(1, spec.lasts + matures + MOST_EXTRA_LOOKS + 1):
            look = self._look(step, number, as_of, state, experiment)
            self.watch(spec, look)
            stops = {a.arm: a.why for a in look.actions if isinstance(a, StopArm)}
            stopped_at |= {arm: look for arm in stops if arm not in stopped_at}
            state = replace(state, looks=number, stopped={**state.stopped, **stops})
            state = self._act_on(step, state, experiment, look)
            if (end := _end(look.actions)) is not None:
                frozen = end.why if isinstance(end, Freeze) else ""
                return Outcome(spec, look, state.stopped, stopped_at, frozen)
            as_of = _next(look)
        raise PluginError("the Online agent does not finish the experiment", help="use another online agent")

    def _look(self, step: str, number: int, as_of: datetime, state: ExperimentState, experiment: str) -> Look:
        key = f"{step}/look-{number}"
        self.pause.until(key, as_of, "the data")

        def observe() -> Look:
            observation = self.backend.observe(experiment, as_of)
            actions = self.online.step(self.context(f"look-{number}"), state, observation)
            return Look(number, as_of, observation, self.gate.actions(state, as_of, observation, actions))

        return self.recorder.act(key, Look, observe)

    def _act_on(self, step: str, state: ExperimentState, experiment: str, look: Look) -> ExperimentState:
        """Tell the backend what was decided. Returns the state with what is served from now on."""
        servings = state.servings
        for i, action in enumerate(look.actions, 1):
            act = f"look-{look.number}/act-{i}"
            if isinstance(action, StopArm):
                self._expose(step, act, experiment, Serving(look.as_of, 0.0), action.arm)
            elif isinstance(action, SetExposure):
                serving = Serving(look.as_of, action.fraction)
                self.pause.until(f"{step}/{act}", self._when(state, serving), "the end of a freeze")
                self._expose(step, act, experiment, serving, state=state)
                servings += (serving,)
        return replace(state, servings=servings)

    def _expose(
        self,
        step: str,
        act: str,
        experiment: str,
        serving: Serving,
        arm: str | None = None,
        state: ExperimentState | None = None,
    ) -> None:
        """Set an exposure; after a crash again where a simulated platform is as new as the process. `state`
        is the one that an agent changes."""

        def expose() -> None:
            if state is not None:
                self.gate.exposure(state, serving.fraction, self._when(state, serving))
            self.backend.set_exposure(experiment, serving.fraction, arm, serving.since)

        replayed = self.recorder.has(f"{step}/{act}")
        self.recorder.act(f"{step}/{act}", type(None), expose)
        is_new = self.gate.capabilities.virtual_time and not self.recorder.has(f"{step}/stop")
        if replayed and is_new:
            self._again(f"{step}/{act}", expose)

    def _when(self, state: ExperimentState, serving: Serving) -> datetime:
        """More users are served when no day is frozen; fewer at once."""
        now = self.pause.clock.now(serving.since)
        return thawed(self.task.freeze, now) if serving.fraction > state.now.fraction else now

    def _again(self, key: str, work: Callable[[], T]) -> T:
        """Do once more what the journal has. It records a failure: that is a setback of the run."""
        try:
            return work()
        except BackendError:
            self.recorder.failed(key)
            raise


def settled(outcome: Outcome, task: Task) -> Estimates:
    """The lifts of all arms. A stopped arm keeps the lifts of the look that stopped it: what its users did
    after that says nothing about it. The holdout, whose users were not randomised here, is left out."""
    final = estimate(without(outcome.last.observation, (HOLDOUT,)), task.judged)
    final = _ready(final, outcome, task)
    for arm, look in outcome.stopped_at.items():
        final = _splice(final, estimate(without(look.observation, (HOLDOUT,)), task.judged), arm)
    return final


def _ready(final: Estimates, outcome: Outcome, task: Task) -> Estimates:
    """Without the lifts of metrics that are stale or not mature: nothing is to be learnt from those."""
    last = outcome.last.observation
    late = {m: unready(m, task.judged[m], outcome.spec, last) for m in final.metrics}
    late = {metric: why for metric, why in late.items() if why and metric not in final.missing}
    lift = tuple(
        tuple(None if m in late else x for m, x in zip(final.metrics, row, strict=True)) for row in final.lift
    )
    return replace(final, lift=lift, missing={**late, **final.missing})


def _splice(final: Estimates, earlier: Estimates, arm: str) -> Estimates:
    at, width = final.arms.index(arm), len(final.metrics)
    row = earlier.arms.index(arm)
    covariance = [list(line) for line in final.covariance]
    for i in range(width):
        for j in range(width):
            covariance[at * width + i][at * width + j] = earlier.covariance[row * width + i][row * width + j]

    def swap(rows: tuple[T, ...], source: tuple[T, ...], shift: int) -> tuple[T, ...]:
        return tuple(source[row + shift] if i == at + shift else line for i, line in enumerate(rows))

    return replace(
        final,
        lift=swap(final.lift, earlier.lift, 0),
        level=swap(final.level, earlier.level, 1),
        level_se=swap(final.level_se, earlier.level_se, 1),
        effective_n=swap(final.effective_n, earlier.effective_n, 0),
        covariance=tuple(map(tuple, covariance)),
        missing={**_of_arm(earlier, arm), **final.missing},
    )


def _of_arm(estimates: Estimates, arm: str) -> dict[str, str]:
    return {key: why for key, why in estimates.missing.items() if key.startswith(f"{arm}/")}


def _end(actions: Sequence[Action]) -> Finish | Freeze | None:
    return next((a for a in actions if isinstance(a, (Finish, Freeze))), None)


def _next(look: Look) -> datetime:
    """When to look again: as the agent says, but always later than now."""
    waits = [a.until for a in look.actions if isinstance(a, Wait)]
    return max([*waits, look.as_of + timedelta(hours=1)]) if waits else look.as_of + timedelta(days=1)
