"""How lifts respond to single params: a Bayesian linear regression on the unit cube.

y = X β + h + ε: X (arms, params) is the distance from production in unit coordinates, β ~ N(0, τ²), h ~
N(0, s²) per arm takes up what is not linear, and ε has the known covariance of the arms' estimates, shared
control included. τ and s are averaged over a grid, weighted by marginal likelihood, so that intervals
also carry what is not known about them (Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import RoundResult
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.limits import Z90
from rectune_dsl.surrogate.params import ParamView

Array = NDArray[np.float64]

STEP = 0.1
"""The move that effects are stated for: a tenth of the param's range, on its scale."""
_LEAST_MOVED = 0.02
"""Params that no arm moved by this much of their range were not tested."""


@dataclass(frozen=True)
class Effect:
    """What the lift of `metric` does when `param` goes up by a tenth of its range, with a 90 % interval.

    `arms` counts the arms that moved the param; with 0 the effect is not known at all.
    """

    metric: str
    param: str
    effect: float
    low: float
    high: float
    arms: int

    @property
    def known(self) -> bool:
        """The interval excludes no effect."""
        return self.arms > 0 and not self.low <= 0 <= self.high

    def scaled(self, tenths: float) -> tuple[float, float, float]:
        """(effect, low, high) of a move by this many tenths of the range, downwards if negative."""
        low, high = sorted((self.low * tenths, self.high * tenths))
        return self.effect * tenths, low, high


def effects(task: Task, history: Sequence[RoundResult], metric: str) -> tuple[Effect, ...]:
    """The effect of every param on the lift of one metric, in the task's order."""
    space = Space(task)
    measured = lifts_of(ParamView(task).points, history, {metric: 1.0})
    offsets = measured.points - space.production
    arms = (np.abs(offsets) >= _LEAST_MOVED).sum(0)
    slope, sd = slopes(offsets, measured)
    half = Z90 * sd
    low, middle, high = ((STEP * x).tolist() for x in (slope - half, slope, slope + half))
    return tuple(
        Effect(metric, name, middle[i], low[i], high[i], int(arms[i])) for i, name in enumerate(space.names)
    )


def slopes(offsets: Array, measured: Observations) -> tuple[Array, Array]:
    """Posterior mean and sd of β, (params,) each, in lift per full range."""
    dimension = offsets.shape[1]
    if measured.count == 0:
        return np.zeros(dimension), np.full(dimension, np.inf)
    noise = float(np.diag(measured.noise).mean())
    size = max(float(np.mean(measured.values**2)) ** 0.5, noise**0.5, 1e-9)
    reach = max(float(np.sqrt((offsets**2).sum(1).mean())), 1e-3)
    fits = [
        _fit(offsets, measured, tau * size / reach, spare * size)
        for tau in (0.1, 0.3, 0.6, 1.0, 1.7, 3.0)
        for spare in (0.01, 0.1, 0.2, 0.4, 0.7)
    ]
    evidence = np.array([fit[0] for fit in fits])
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    means, variances = np.array([fit[1] for fit in fits]), np.array([fit[2] for fit in fits])
    mean = weight @ means
    return mean, np.sqrt(weight @ (variances + (means - mean) ** 2))


def _fit(offsets: Array, measured: Observations, tau: float, spare: float) -> tuple[float, Array, Array]:
    """Log marginal likelihood, and posterior mean and variance of β."""
    total = measured.noise + spare**2 * np.eye(measured.count)
    factor = cholesky(total + tau**2 * offsets @ offsets.T, lower=True)
    weights = cho_solve((factor, True), measured.values)
    gain = tau**2 * offsets.T
    variance = tau**2 - (gain * cho_solve((factor, True), offsets * tau**2).T).sum(1)
    evidence = -0.5 * float(measured.values @ weights) - float(np.log(np.diag(factor)).sum())
    return evidence, gain @ weights, np.maximum(variance, 0.0)
