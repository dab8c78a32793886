"""What a surrogate believes about single configs, in the records and words that agents share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents import words
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import AgentContext, Config, JointSurrogate, Prediction, RoundResult, Surrogate
from rectune_dsl.surrogate.limits import ASSUMED_HEADROOM, Z90, chance_to_hold

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GuardrailRisk:
    """P(the guardrail holds) for one config, with what is expected of its metric. Until it is `measured` that
    is the prior alone."""

    metric: str
    limit: Limit
    p_holds: float
    mean: float
    sd: float
    measured: bool

    def __str__(self) -> str:
        low, high = self.mean - Z90 * self.sd, self.mean + Z90 * self.sd
        expected = (
            words.interval(*(max(words.LEAST_LIFT, end) for end in (self.mean, low, high)))
            if self.limit.relative
            else f"{self.mean:.4g} [{low:.4g}, {high:.4g}]"
        )
        return f"{self.metric} is expected at {expected} against {self.limit}: holds with {self._chance}"

    @property
    def _chance(self) -> str:
        return f"{words.chance(self.p_holds)}{'' if self.measured else self._unmeasured}"

    @property
    def _unmeasured(self) -> str:
        if self.limit.relative:
            return " (nothing measured yet)"
        return (
            f" (nothing measured yet; production is taken to keep it by {ASSUMED_HEADROOM:.0%} of the limit)"
        )


def predictions(task: Task, surrogate: Surrogate, config: Config) -> tuple[Prediction, ...]:
    """The expected lift of every metric with its 90 % interval, absolute metrics' included."""
    means, sds = surrogate.predict([config, Config(task.production)])
    return tuple(
        _prediction(task, metric, (means[0, i], sds[0, i]), means[1, i])
        for i, metric in enumerate(surrogate.metrics)
    )


def objective(surrogate: Surrogate, config: Config) -> Prediction:
    """U, the weighted sum of the north stars' lifts."""
    mean, sd = (float(values[0]) for values in surrogate.objective([config]))
    return Prediction("U", mean, mean - Z90 * sd, mean + Z90 * sd)


def least_objective(task: Task) -> float:
    """What U cannot fall below: all of every north star is lost; no bound where less of one is better."""
    weights = task.objective_weights.values()
    return -sum(weights) if all(weight >= 0 for weight in weights) else -math.inf


def guardrail_risks(context: AgentContext, config: Config) -> tuple[GuardrailRisk, ...]:
    """The task's guardrails, the weakest first."""
    surrogate = context.surrogate
    means, sds = surrogate.predict([config])
    risks = []
    for metric, limit in context.task.guarded.items():
        column = surrogate.metrics.index(metric)
        mean, sd = means[:, column], sds[:, column]
        p_holds = float(chance_to_hold(limit, mean, sd)[0])
        measured = _measured(context.history, metric, limit)
        risks.append(GuardrailRisk(metric, limit, p_holds, float(mean[0]), float(sd[0]), measured))
    return tuple(sorted(risks, key=lambda risk: risk.p_holds))


def risk_is_known(context: AgentContext) -> bool:
    """Whether anything tells how likely a guardrail breaks: a panel, an experiment that can be trusted, or
    that the task has no guardrails. Where nothing does, a surrogate's numbers are its prior alone."""
    guarded = context.task.guarded.items()
    return not guarded or context.whatif is not None or any(_measured(context.history, *g) for g in guarded)


def told_chance(context: AgentContext, p: float) -> str:
    """A probability about all guardrails, for people: `85 %`, with what of it is assumed."""
    return words.marked(words.chance(p), assumed(context.task, context.history))


def assumed(task: Task, history: Sequence[RoundResult]) -> str:
    """Of which guardrails such a probability knows the prior alone; empty where each was measured."""
    unseen = [metric for metric, limit in task.guarded.items() if not _measured(history, metric, limit)]
    if len(unseen) < len(task.guarded):
        verb = "was" if len(unseen) == 1 else "were"
        return f"assumed in part, before {words.listed(unseen)} {verb} measured" if unseen else ""
    return "assumed, before any guardrail was measured" if unseen else ""


def _measured(history: Sequence[RoundResult], metric: str, limit: Limit) -> bool:
    """Whether an experiment that can be trusted has an estimate of what the limit is about."""
    for result in history:
        found = result.estimates
        if not result.frozen and metric in found.metrics:
            rows = found.lift if limit.relative else found.level
            if any(row[found.metrics.index(metric)] is not None for row in rows):
                return True
    return False


def objective_draws(
    surrogate: Surrogate, configs: Sequence[Config], rng: np.random.Generator, count: int
) -> Array:
    """Draws of U (count, configs): joint where the surrogate can, otherwise independent."""
    if isinstance(surrogate, JointSurrogate):
        return surrogate.objective_draws(configs, rng, count)
    mean, sd = surrogate.objective(configs)
    return mean + sd * rng.standard_normal((count, len(configs)))


def _prediction(task: Task, metric: str, moments: tuple[float, float], production: float) -> Prediction:
    mean, sd = float(moments[0]), float(moments[1])
    limit = task.guarded.get(metric)
    if limit is not None and not limit.relative:  # levels, which production's level turns into lifts
        base = abs(float(production)) or 1.0
        mean, sd = (mean - float(production)) / base, sd / base
    return Prediction(metric, mean, mean - Z90 * sd, mean + Z90 * sd)
