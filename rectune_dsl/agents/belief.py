"""What a surrogate believes about single configs, in the records and words that agents share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rectune_dsl.agents import words
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, JointSurrogate, Prediction, Surrogate

Array = NDArray[np.float64]

Z90 = float(ndtri(0.95))
"""Half the width of a 90 % interval, in standard deviations."""


@dataclass(frozen=True)
class GuardrailRisk:
    """P(the guardrail holds) for one config, with what is expected of its metric."""

    metric: str
    limit: Limit
    p_holds: float
    mean: float
    sd: float

    def __str__(self) -> str:
        low, high = self.mean - Z90 * self.sd, self.mean + Z90 * self.sd
        expected = (
            words.interval(self.mean, low, high)
            if self.limit.relative
            else f"{self.mean:.4g} [{low:.4g}, {high:.4g}]"
        )
        return f"{self.metric} is expected at {expected} against {self.limit}: holds with {self._chance}"

    @property
    def _chance(self) -> str:
        return words.chance(self.p_holds)


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


def guardrail_risks(task: Task, surrogate: Surrogate, config: Config) -> tuple[GuardrailRisk, ...]:
    """The task's guardrails, the weakest first."""
    means, sds = surrogate.predict([config])
    risks = []
    for metric, limit in task.guardrails.items():
        column = surrogate.metrics.index(metric)
        mean, sd = float(means[0, column]), float(sds[0, column])
        room = mean - limit.bound if limit.direction == ">=" else limit.bound - mean
        p_holds = float(ndtr(room / sd)) if sd > 0 else float(room >= 0)
        risks.append(GuardrailRisk(metric, limit, p_holds, mean, sd))
    return tuple(sorted(risks, key=lambda risk: risk.p_holds))


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
    limit = task.guardrails.get(metric)
    if limit is not None and not limit.relative:  # levels, which production's level turns into lifts
        base = abs(float(production)) or 1.0
        mean, sd = (mean - float(production)) / base, sd / base
    return Prediction(metric, mean, mean - Z90 * sd, mean + Z90 * sd)
