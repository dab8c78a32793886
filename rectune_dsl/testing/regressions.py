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
_MOST_CHANCE = 0.9
"""The largest share of users that is planted."""


@dataclass(frozen=True)
class Regression:
    """How many of `seeds` confirmations shipped a config that breaks `metric`'s guardrail, and how many would
    have without that guardrail."""

    metric: str
    limit: Limit
    alpha: float
    seeds: int
    shipped: int
    without: int

    @property
    def allowed(self) -> int:
        """More than this, and alpha is exceeded but for a chance of FALSE_ALARMS."""
        return most_allowed(self.seeds, self.alpha)

    @property
    def is_tried(self) -> bool:
        """Whether it is the guardrail that decides: without it, most would ship."""
        return 2 * self.without > self.seeds

    @property
    def words(self) -> str:
        return (
            f"{self.shipped} of {self.seeds} simulated confirmations shipped a config that breaks the "
            f"guardrail {self.limit}; alpha = {self.alpha:g} allows {self.allowed}"
        )


def most_allowed(seeds: int, alpha: float) -> int:
    """Ships of so many confirmations that a test at level alpha exceeds with a chance of FALSE_ALARMS."""
    return int(binom.isf(FALSE_ALARMS, seeds, alpha))


def regression(task: Task, metric: str, seeds: int) -> Regression:
    """Try the guardrail on `metric` in `seeds` confirmations of a config that breaks it."""
    production, candidate = planted(task, metric)
    unguarded = without(task, metric)
    shipped = control = 0
    for seed in range(seeds):
        seen = confirmation(task, production, candidate, seed)
        shipped += verdict(task, seen, spec=spec(task), confirmation=1).decision == "ship"
        control += verdict(unguarded, seen, spec=spec(task), confirmation=1).decision == "ship"
    return Regression(metric, task.guarded[metric], task.experiment.alpha, seeds, shipped, control)


def without(task: Task, metric: str) -> Task:
    """The task without the guardrail on `metric`."""
    guardrails = {name: limit for name, limit in task.guardrails.items() if name != metric}
    segments = {}
    for segment_name, segment in task.segments.items():
        left = {n: g for n, g in segment.guardrails.items() if f"{segment_name}.{n}" != metric}
        segments[segment_name] = segment.model_copy(update={"guardrails": left})
    return task.model_copy(update={"guardrails": guardrails, "segments": segments})


def planted(task: Task, broken: str | None) -> tuple[Population, Population]:
    """Production's users, and the candidate's: all metrics are better, and `broken` is past its margin.

    What is better is better by enough that U is, whatever the broken metric takes from it.
    """
    control = population(task)
    fixed = frozenset(n for n, m in task.judged.items() if m.kind != "ratio")  # columns that others are of
    names = sorted(task.judged, key=lambda name: task.judged[name].kind == "ratio")  # ratios are set last
    for name in (n for n in names if n in task.guarded):
        start = _start(task, name, broken, level(control, task.judged[name], name))
        set_level(control, task.judged[name], name, start, fixed)
    treated = dict(control)
    for name in names:
        metric = task.judged[name]
        if name != broken and (metric.sign or name in task.guarded):
            wanted = level(control, metric, name) * (1 + _wanted(task, name, broken))
            set_level(treated, metric, name, wanted, fixed)
    if broken is not None:
        metric, before = task.judged[broken], level(control, task.judged[broken], broken)
        set_level(treated, metric, broken, _past(task.guarded[broken], before), fixed)
    return control, treated


def confirmation(task: Task, production: Population, candidate: Population, seed: int) -> Moments:
    """What a confirmation of the task observes of these users once everything is mature."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    users = task.confirm.users_per_arm
    matures = task.matures_after_days
    arms = tuple(
        draw(of, arm, users, generator, task.quantiles)
        for arm, of in ((CONTROL, production), (TREATMENT, candidate))
    )
    return Moments(spec(task).start + timedelta(days=task.confirm.days + matures), tuple(production), arms)


def spec(task: Task) -> ExperimentSpec:
    """The task's confirmation."""
    config = Config(task.production)
    arms = (Arm(CONTROL, config), Arm(TREATMENT, config))
    planned = task.confirm
    surface = task.task.surface
    return ExperimentSpec("", "confirm", surface, arms, planned.users_per_arm, planned.days, EPOCH, "")


def _start(task: Task, name: str, broken: str | None, usual: float) -> float:
    """Where production stands in a guarded metric: what is planted is possible, and the limit decides."""
    limit, metric = task.guarded[name], task.judged[name]
    if limit.relative:
        most = _MOST_CHANCE / (1 + max(limit.bound, GAIN))
        return min(usual, most) if metric.is_share and metric.kind == "proportion" else usual
    if name != broken:  # a gain from there keeps the limit
        return _inside(metric, limit) / (1 + _wanted(task, name, broken))
    if metric.sign and limit.bound > 0 and (metric.sign > 0) == (limit.direction == ">="):
        return limit.bound / (1 + GAIN * metric.sign)  # at the limit it is better than production
    return _inside(metric, limit)


def _past(limit: Limit, before: float) -> float:
    """A level just past a limit."""
    away = -1 if limit.direction == ">=" else 1
    if limit.relative:
        return before * (1 + limit.bound + away * PAST)
    return limit.bound + away * PAST * max(abs(limit.bound), PAST)


def _wanted(task: Task, name: str, broken: str | None) -> float:
    """The lift that everybody is glad of: towards the goal, or else away from the limit; half the way to a
    limit that stands before the goal."""
    metric, limit = task.judged[name], task.guarded.get(name)
    sign = metric.sign or (1 if limit is None or limit.direction == ">=" else -1)
    gain = sign * (_enough(task, broken) if metric.sign > 0 else GAIN)
    if limit is not None and limit.relative and not limit.holds(gain):
        gain = limit.bound / 2
    return gain


def _enough(task: Task, broken: str | None) -> float:
    """The lift of the other stars that outweighs what the broken one may lose."""
    star, limit = task.metrics.get(broken or ""), task.guarded.get(broken or "")
    if star is None or limit is None or not star.sign or not limit.relative:
        return GAIN
    others = sum(m.weight for name, m in task.north_stars.items() if name != broken and m.sign > 0)
    return max(GAIN, 2 * star.weight * abs(limit.bound) / others) if others else GAIN


def _inside(metric: Metric, limit: Limit) -> float:
    """A level that keeps an absolute limit without doubt."""
    if metric.kind == "proportion":
        return (limit.bound + (limit.direction == ">=")) / 2
    if limit.direction == "<=":
        return limit.bound / 2 if limit.bound > 0 else limit.bound - 1
    return limit.bound * 2 if limit.bound > 0 else limit.bound + 1
