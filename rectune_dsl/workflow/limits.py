"""The one gate before a backend: what no agent can pass, whatever it decides."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    Action,
    Arm,
    Capabilities,
    ExperimentSpec,
    Finish,
    Freeze,
    Launch,
    PluginError,
    SetExposure,
    StopArm,
)

STEP_TOLERANCE = 1e-6


def enforce(task: Task, capabilities: Capabilities, launch: Launch, spec: ExperimentSpec) -> ExperimentSpec:
    """The spec as it is, or a PluginError that says which limit it breaks.

    An agent may take fewer users and days than the task gives. All else of a spec is the workflow's: which
    arms, which users are fresh, when it starts, what makes it the same experiment.
    """
    problems = [
        *_changed(task, launch, spec),
        *_arms(task, spec.arms, spec.purpose),
        *_configs(task, spec.arms),
        *_traffic(task, capabilities, spec),
    ]
    if problems:
        raise PluginError(
            f"an agent asked for an experiment that the limits forbid: {'; '.join(problems)}",
            help="nothing was launched; raise [limits] if you mean it, or use another agent",
        )
    return spec


def enforce_actions(spec: ExperimentSpec, actions: Sequence[Action]) -> tuple[Action, ...]:
    """The actions as they are, or a PluginError: only treatments are stopped, exposures are fractions, and an
    experiment ends in one way."""
    treatments = {arm.name for arm in spec.arms} - {CONTROL, HOLDOUT}
    problems = [
        f"it stops {a.arm!r}, which is no treatment"
        for a in actions
        if isinstance(a, StopArm) and a.arm not in treatments
    ]
    problems += [
        f"it exposes a fraction of {a.fraction}"
        for a in actions
        if isinstance(a, SetExposure) and not 0 <= a.fraction <= 1
    ]
    if sum(isinstance(a, (Finish, Freeze)) for a in actions) > 1:
        problems.append("it ends the experiment in two ways")
    if problems:
        raise PluginError(
            f"the Online agent decided what cannot be done: {'; '.join(problems)}",
            help="the run can be resumed with a mended agent",
        )
    return tuple(actions)


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
        "unit": task.experiment.unit,
        "caps": launch.caps,
    }
    return [f"it changes `{name}`" for name, value in asked.items() if getattr(spec, name) != value]


def _arms(task: Task, arms: tuple[Arm, ...], purpose: str) -> list[str]:
    names = [arm.name for arm in arms]
    problems = []
    if names[:1] != [CONTROL] or len(set(names)) != len(names):
        problems.append("its first arm has to be `control`, and names have to differ")
    treatments = sum(name not in (CONTROL, HOLDOUT) for name in names)
    most = task.experiment.arms if purpose == "explore" else 1
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
    planned = task.experiment if spec.purpose == "explore" else task.confirm
    problems = []
    if spec.users_per_arm > planned.users_per_arm or spec.days > planned.days:
        problems.append("more users or days than the task gives")
    if capabilities.population:
        served = sum(arm.name != HOLDOUT for arm in spec.arms)
        share = spec.users_per_arm * served / capabilities.population
        if share > task.limits.traffic_share:
            problems.append(f"{share:.0%} of the users, {task.limits.traffic_share:.0%} are allowed")
    return problems
