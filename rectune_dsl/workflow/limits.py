"""The one gate before a backend: what no agent can pass, whatever it decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.experiments.looks import harmful, unequal
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Action,
    Arm,
    Capabilities,
    Config,
    ExperimentSpec,
    ExperimentState,
    Finish,
    Freeze,
    Launch,
    Observation,
    PluginError,
    SetExposure,
    StopArm,
    UsageError,
)
from rectune_dsl.workflow.calendar import frozen
from rectune_dsl.workflow.slots import ramp_of, slot_of

STEP_TOLERANCE = 1e-6


class UntimelyError(UsageError):
    """An experiment's first day has come before it was started."""


@dataclass(frozen=True)
class Gate:
    """The limits of a task on a backend. Each method is asked right before the backend is called."""

    task: Task
    capabilities: Capabilities

    def launch(self, launch: Launch, spec: ExperimentSpec, at: datetime) -> ExperimentSpec:
        """The spec as it is, or a PluginError that says which limit it breaks; UntimelyError where it is too
        late for it `at` that moment.

        An agent may take fewer users and days than the task gives. All else of a spec is the workflow's:
        which arms, which users, when it starts, how it begins, what makes it the same experiment.
        """
        if not isinstance(spec, ExperimentSpec):
            raise PluginError(
                f"the Online agent made {type(spec).__name__} instead of ExperimentSpec",
                help="update its plugin, or name another agent: [agents] online",
            )
        problems = [
            *_changed(self.task, launch, spec),
            *_arms(self.task, spec),
            *_configs(self.task, spec.arms),
            *_traffic(self.task, self.capabilities, spec),
            *_days(self.task, spec),
        ]
        if problems:
            raise PluginError(
                f"an agent asked for an experiment that the limits forbid: {'; '.join(problems)}",
                help="nothing was launched; raise [limits] if you mean it, or use another agent",
            )
        self.start(spec, at)
        return spec

    def start(self, spec: ExperimentSpec, at: datetime) -> None:
        """Raises UntimelyError where it is too late to make or start an experiment. A freeze does not matter:
        all days on which it serves users are free."""
        if at > spec.start:
            day = f"{spec.start:%Y-%m-%d}"
            raise UntimelyError(f"an experiment that was to begin on {day} was not started before")

    def actions(
        self, state: ExperimentState, as_of: datetime, observation: Observation, actions: Iterable[Action]
    ) -> tuple[Action, ...]:
        """The actions as they are, or a PluginError: only treatments are stopped, an experiment ends in one
        way, and more users are served only as the ramp has it, after a look that shows no harm but that of
        arms which are stopped."""
        decided = tuple(actions)
        problems = [f"{a!r} is no action" for a in decided if not isinstance(a, get_args(Action))]
        treatments = {arm.name for arm in state.spec.arms} - {CONTROL, HOLDOUT}
        stops = [a.arm for a in decided if isinstance(a, StopArm)]
        exposures = [a.fraction for a in decided if isinstance(a, SetExposure)]
        problems += [f"it stops {arm!r}, which is no treatment" for arm in stops if arm not in treatments]
        for fraction in exposures[:1]:
            problems += _exposure(self.task, state, fraction, as_of)  # a freeze only puts it off
            if not problems and fraction > state.now.fraction:
                problems += _harm(self.task, _without(state, stops), observation)
        if len(exposures) > 1:
            problems.append("it sets the exposure twice")
        if sum(isinstance(a, (Finish, Freeze)) for a in decided) > 1:
            problems.append("it ends the experiment in two ways")
        if problems:
            raise _undoable(problems)
        return decided

    def exposure(self, state: ExperimentState, fraction: float, at: datetime) -> None:
        """Raises PluginError where a fraction of the users may not be served at a moment."""
        problems = _exposure(self.task, state, fraction, at)
        if fraction > state.now.fraction and (name := frozen(self.task.freeze, at)):
            problems.append(f"it serves more users in [freeze] {name}")
        if problems:
            raise _undoable(problems)

    def delivery(self, config: Config, moment: datetime) -> None:
        """Raises PluginError where a config may not be made production, UsageError where not then."""
        if problems := _configs(self.task, (Arm("the config to ship", config),)):
            raise PluginError(
                f"the limits forbid to ship: {'; '.join(problems)}", help="nothing was delivered"
            )
        if name := frozen(self.task.freeze, moment):
            raise UsageError(
                f"nothing ships on {moment:%Y-%m-%d}: [freeze] {name}", help="resume the run when it is over"
            )


# --- an experiment's spec --------------------------------------------------------------------------


def _changed(task: Task, launch: Launch, spec: ExperimentSpec) -> list[str]:
    asked = {
        "key": launch.key,
        "salt": launch.salt,
        "start": launch.start,
        "purpose": launch.purpose,
        "arms": launch.arms,
        "fresh_of": launch.fresh_of,
        "surface": task.task.surface,
        "holdout_share": task.holdout.share if task.holdout else 0.0,
        "slot": slot_of(task),
        "ramp": ramp_of(task),
        "unit": task.experiment.unit,
        "caps": launch.caps,
    }
    return [f"it changes `{name}`" for name, value in asked.items() if getattr(spec, name) != value]


def _arms(task: Task, spec: ExperimentSpec) -> list[str]:
    names = [arm.name for arm in spec.arms]
    problems = []
    if names[:1] != [CONTROL] or len(set(names)) != len(names):
        problems.append("its first arm has to be `control`, and names have to differ")
    if spec.purpose == "explore" and HOLDOUT in names:
        problems.append("the holdout takes part in confirmations only")
    treatments = sum(name not in (CONTROL, HOLDOUT) for name in names)
    most = task.experiment.arms if spec.purpose == "explore" else 1
    most = min(most, task.limits.arms or most)
    if treatments > most:
        problems.append(f"{treatments} arms, {most} are allowed")
    return problems


def _configs(task: Task, arms: tuple[Arm, ...]) -> list[str]:
    space = Space(task)
    problems = []
    for arm in arms:
        if arm.name == CONTROL and dict(arm.config.values) != task.production:
            problems.append("control is not the production config")
        if arm.name in (CONTROL, HOLDOUT):
            continue
        wrong = space.violations(arm.config.values)
        problems += [f"{arm.name}: {why}" for why in wrong]
        if not wrong:
            step = float(abs(space.to_unit(arm.config.values) - space.production).max())
            if step > task.limits.step + STEP_TOLERANCE:
                problems.append(f"{arm.name}: {step:.2f} of a param's range from production")
    return problems


def _traffic(task: Task, capabilities: Capabilities, spec: ExperimentSpec) -> list[str]:
    """Users of the holdout come on top: they are reserved already."""
    planned = task.planned(spec.purpose)
    problems = []
    if not (0 < spec.users_per_arm <= planned.users_per_arm and 0 < spec.days <= planned.days):
        problems.append("more users or days than the task gives, or none")
    if capabilities.population:
        share = spec.users / capabilities.population
        if share > task.limits.traffic_share:
            problems.append(f"{share:.0%} of the users, {task.limits.traffic_share:.0%} are allowed")
    return problems + _daily(task, spec, spec.ramp.first)


def _days(task: Task, spec: ExperimentSpec) -> list[str]:
    name = frozen(task.freeze, spec.start, spec.lasts) if spec.lasts > 0 else ""
    return [f"it runs on days of [freeze] {name}"] if name else []


# --- who is served ---------------------------------------------------------------------------------


def _exposure(task: Task, state: ExperimentState, fraction: float, at: datetime) -> list[str]:
    """Fewer users may be served at any time."""
    if not (isinstance(fraction, int | float) and 0 <= fraction <= 1):
        return [f"it exposes a fraction of {fraction}"]
    if fraction <= state.now.fraction:
        return []
    problems = _daily(task, state.spec, fraction)
    if fraction > (most := state.most(at)):
        problems.append(f"it serves {fraction:.3g} of the users, and the ramp allows {most:.3g} by now")
    return problems


def _daily(task: Task, spec: ExperimentSpec, fraction: float) -> list[str]:
    """All users who are served may come on one day."""
    most, users = task.limits.users_per_day, spec.users * fraction
    return [f"{users:,.0f} users on a day, {most:,} are allowed"] if most and users > most else []


def _harm(task: Task, state: ExperimentState, observation: Observation) -> list[str]:
    """Why this look does not let more users be served."""
    if why := unequal(task, state, observation):
        return [f"it serves more users, and {why[0].lower()}{why[1:]}"]
    harm = harmful(task, state, observation)
    return [f"it serves more users, and {arm} is not stopped: {why}" for arm, why in harm.items()]


def _without(state: ExperimentState, stops: Iterable[str]) -> ExperimentState:
    return replace(state, stopped={**state.stopped, **dict.fromkeys(stops, "")})


def _undoable(problems: Iterable[str]) -> PluginError:
    return PluginError(
        f"the Online agent decided what cannot be done: {'; '.join(problems)}",
        help="the run can be resumed with a mended agent",
    )
