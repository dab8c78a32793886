"""Does a guardrail stop what it is there to stop? Confirmations of a config that truly breaks it.

The config is a strong gain in everything but the guarded metric, which lies just past its margin: the hardest
case, in which a test at level alpha ships most often. The promise is that alpha is never exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy.stats import binom

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import CONTROL, Arm, Config, ExperimentSpec, Moments
from rectune_dsl.testing.population import Population, draw, level, population, set_level
from rectune_dsl.workflow.clock import EPOCH

FALSE_ALARMS = 1e-4
"""The chance that a guardrail which keeps its promise fails this test."""
PAST = 1e-6
"""How far past the margin the metric lies: as a lift, or in parts of an absolute limit."""
GAIN = 0.3
"""The lift of everything else, in the direction that is wanted."""
TREATMENT = "candidate"


@dataclass(frozen=True)
class Regression:
    """How many of `seeds` confirmations shipped a config that breaks `metric`'s guardrail."""

    metric: str
    limit: Limit
    alpha: float
    seeds: int
    shipped: int

    @property
    def allowed(self) -> int:
        """More than this, and alpha is exceeded but for a chance of FALSE_ALARMS."""
        return int(binom.isf(FALSE_ALARMS, self.seeds, self.alpha))

    @property
    def words(self) -> str:
        return (
            f"{self.shipped} of {self.seeds} simulated confirmations shipped a config that breaks the "
            f"guardrail {self.limit}; alpha = {self.alpha:g} allows {self.allowed}"
        )


def regression(task: Task, metric: str, seeds: int) -> Regression:
    """Try the guardrail on `metric` in `seeds` confirmations of a config that breaks it."""
    production, candidate = planted(task, metric)
    decisions = [
        verdict(task, confirmation(task, production, candidate, seed), spec=spec(task), confirmation=1)
        for seed in range(seeds)
    ]
    shipped = sum(v.decision == "ship" for v in decisions)
    return Regression(metric, task.guarded[metric], task.experiment.alpha, seeds, shipped)


def planted(task: Task, broken: str | None) -> tuple[Population, Population]:
    """Production's users, and the candidate's: all metrics are better, and `broken` is past its margin."""
    control = population(task)
    limits = {name: limit for name, limit in task.guarded.items() if name != broken}
    for name, limit in task.guarded.items():
        metric = task.judged[name]
        if not limit.relative:  # where production stands, so that a gain from there keeps the limit
            set_level(control, metric, name, _inside(metric, limit) / (1 + _wanted(task, name, limit)))
    treated = dict(control)
    for name, metric in task.judged.items():
        if metric.sign or name in limits:
            gain = _wanted(task, name, limits.get(name))
            set_level(treated, metric, name, level(control, metric, name) * (1 + gain))
    if broken is not None:
        limit, metric = task.guarded[broken], task.judged[broken]
        away = -1 if limit.direction == ">=" else 1
        if limit.relative:
            target = level(control, metric, broken) * (1 + limit.bound + away * PAST)
        else:
            target = limit.bound + away * PAST * max(abs(limit.bound), PAST)
        set_level(treated, metric, broken, target)
    return control, treated


def confirmation(task: Task, production: Population, candidate: Population, seed: int) -> Moments:
    """What a confirmation of the task observes of these users once everything is mature."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    users = task.confirm.users_per_arm
    matures = max(m.matures_after_days for m in task.judged.values())
    arms = (draw(production, CONTROL, users, generator), draw(candidate, TREATMENT, users, generator))
    return Moments(spec(task).start + timedelta(days=task.confirm.days + matures), tuple(production), arms)


def spec(task: Task) -> ExperimentSpec:
    """The task's confirmation."""
    config = Config(task.production)
    arms = (Arm(CONTROL, config), Arm(TREATMENT, config))
    planned = task.confirm
    surface = task.task.surface
    return ExperimentSpec("", "confirm", surface, arms, planned.users_per_arm, planned.days, EPOCH, "")


def _wanted(task: Task, name: str, limit: Limit | None) -> float:
    """The lift that everybody is glad of: towards the goal, or else away from the limit."""
    sign = task.judged[name].sign or (1 if limit is None or limit.direction == ">=" else -1)
    return GAIN * sign


def _inside(metric: Metric, limit: Limit) -> float:
    """A level that keeps an absolute limit without doubt."""
    if metric.kind == "proportion":
        return (limit.bound + (limit.direction == ">=")) / 2
    if limit.direction == "<=":
        return limit.bound / 2 if limit.bound > 0 else limit.bound - 1
    return limit.bound * 2 if limit.bound > 0 else limit.bound + 1
