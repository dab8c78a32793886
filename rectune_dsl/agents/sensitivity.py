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
    found = slopes(offsets, measured)
    if found is None:
        return tuple(Effect(metric, name, 0.0, -np.inf, np.inf, 0) for name in space.names)
    half = Z90 * np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
    low, middle, high = ((STEP * x).tolist() for x in (found.mean - half, found.mean, found.mean + half))
    return tuple(
        Effect(metric, name, middle[i], low[i], high[i], int(arms[i])) for i, name in enumerate(space.names)
    )


@dataclass(frozen=True, eq=False)
class Slopes:
    """Posterior of β: `mean` (params,) and `covariance` (params, params), in lift per full range. `spare` is
    the standard deviation of h."""

    mean: Array
    covariance: Array
    spare: float


def slopes(offsets: Array, measured: Observations) -> Slopes | None:
    """None before anything was measured."""
    if measured.count == 0:
        return None
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
    means, covariances = np.array([fit[1] for fit in fits]), np.array([fit[2] for fit in fits])
    mean = weight @ means
    apart = means - mean
    covariance = np.tensordot(weight, covariances, 1) + np.einsum("f,fi,fj->ij", weight, apart, apart)
    spare = float(np.sqrt(weight @ np.array([fit[3] for fit in fits]) ** 2))
    return Slopes(mean, covariance, spare)


def _fit(
    offsets: Array, measured: Observations, tau: float, spare: float
) -> tuple[float, Array, Array, float]:
    """Log marginal likelihood, posterior mean and covariance of β, and the sd of h."""
    total = measured.noise + spare**2 * np.eye(measured.count)
    factor = cholesky(total + tau**2 * offsets @ offsets.T, lower=True)
    weights = cho_solve((factor, True), measured.values)
    gain = tau**2 * offsets.T
    covariance = tau**2 * np.eye(offsets.shape[1]) - gain @ cho_solve((factor, True), gain.T)
    evidence = -0.5 * float(measured.values @ weights) - float(np.log(np.diag(factor)).sum())
    return evidence, gain @ weights, covariance, spare
