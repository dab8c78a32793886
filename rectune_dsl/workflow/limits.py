"""The one gate before a backend: what no agent can pass, whatever it decides."""

from __future__ import annotations

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import CONTROL, HOLDOUT, Capabilities, ExperimentSpec, PluginError


def enforce(task: Task, capabilities: Capabilities, spec: ExperimentSpec) -> ExperimentSpec:
    """The spec as it is, or a PluginError that says which limit it breaks."""
    problems = [*_arms(task, spec), *_configs(task, spec), *_traffic(task, capabilities, spec)]
    if problems:
        raise PluginError(
            f"an agent asked for an experiment that the limits forbid: {'; '.join(problems)}",
            help="nothing was launched; raise [limits] if you mean it, or use another agent",
        )
    return spec


def _arms(task: Task, spec: ExperimentSpec) -> list[str]:
    names = [arm.name for arm in spec.arms]
    problems = []
    if names[:1] != [CONTROL] or len(set(names)) != len(names):
        problems.append("its first arm has to be `control`, and names have to differ")
    treatments = sum(name not in (CONTROL, HOLDOUT) for name in names)
    most = task.experiment.arms if spec.purpose == "explore" else 1
    if treatments > min(most, task.limits.arms or most):
        problems.append(f"{treatments} arms, {min(most, task.limits.arms or most)} are allowed")
    return problems


def _configs(task: Task, spec: ExperimentSpec) -> list[str]:
    space = Space(task)
    problems = []
    for arm in spec.arms:
        if arm.name == CONTROL and dict(arm.config.values) != task.production:
            problems.append("control is not the production config")
        if arm.name in (CONTROL, HOLDOUT):
            continue
        wrong = space.violations(arm.config.values)
        problems += [f"{arm.name}: {why}" for why in wrong]
        if not wrong:
            step = float(abs(space.to_unit(arm.config.values) - space.production).max())
            if step > task.limits.step + 1e-6:
                problems.append(f"{arm.name}: {step:.2f} of a param's range from production")
    return problems


def _traffic(task: Task, capabilities: Capabilities, spec: ExperimentSpec) -> list[str]:
    planned = task.experiment if spec.purpose == "explore" else task.confirm
    problems = []
    if spec.users_per_arm > planned.users_per_arm or spec.days > planned.days:
        problems.append("more users or days than the task gives")
    if capabilities.population:
        share = spec.users_per_arm * len(spec.arms) / capabilities.population
        if share > task.limits.traffic_share:
            problems.append(f"{share:.0%} of the users, {task.limits.traffic_share:.0%} are allowed")
    return problems
