"""Hyperparameters by maximum a posteriori: marginal likelihood times log-normal priors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from rectune_dsl.surrogate.gp import GaussianProcess, Observations, noisy_factor
from rectune_dsl.surrogate.kernels import Array, Family

_RESTARTS = 2
_BOUND_SDS = 3.5
"""The search stays within this many prior standard deviations."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A process of what the family's mean leaves, with that mean. `evidence` is the log posterior of its
    hyperparameters up to a constant: comparable between families with the same hyperparameters. Standard
    deviations are `widened` by a factor."""

    process: GaussianProcess
    family: Family
    evidence: float
    widened: float = 1.0

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean and standard deviation of the noise-free value, (n,) each."""
        mean, sd = self.process.mean_sd(points)
        return mean + self.family.mean(points), self.widened * sd

    def joint(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean (n,) and covariance (n, n) of the noise-free values."""
        mean, covariance = self.process.joint(points)
        return mean + self.family.mean(points), self.widened**2 * covariance

    def draws(self, points: Array, rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws (count, n)."""
        drawn = self.process.draws(points, rng, count)
        if self.widened > 1.0 and len(points):
            center = self.process.mean_sd(points)[0]
            drawn = center + self.widened * (drawn - center)
        return drawn + self.family.mean(points)


def fit(observations: Observations, family: Family) -> Fitted:
    """Condition on the observations with the most probable hyperparameters.

    Without observations these are the priors' medians. The starts are fixed, so equal data give equal models.
    """
    rest = replace(observations, values=observations.values - family.mean(observations.points))
    best, least = family.center, np.inf
    if observations.count > 1:
        for start in _starts(family):
            found = minimize(
                negative_log_posterior,
                start,
                args=(rest, family),
                jac=True,
                method="L-BFGS-B",
                bounds=_bounds(family),
                options={"maxiter": 60},
            )
            if found.fun < least:
                best, least = found.x, float(found.fun)
    return Fitted(GaussianProcess(rest, family.at(best)), family, -least if np.isfinite(least) else 0.0)


def negative_log_posterior(logs: Array, observations: Observations, family: Family) -> tuple[float, Array]:
    """Minus the log posterior of log hyperparameters, up to a constant, and its gradient. The observations
    have the family's mean taken off.

    Rasmussen & Williams, eq. 5.8 and 5.9, plus the log-normal priors.
    """
    covariance, slopes = family.with_gradients(logs, observations.points)
    factor = noisy_factor(covariance, observations.noise, family.at(logs))
    weights = cho_solve((factor, True), observations.values, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(observations.count), check_finite=False)
    standardised = (logs - family.center) / family.spread
    value = (
        0.5 * float(observations.values @ weights)
        + float(np.log(np.diag(factor)).sum())
        + 0.5 * float(standardised @ standardised)
    )
    sensitivity = 0.5 * (inverse - np.outer(weights, weights))
    gradient = np.einsum("ij,pij->p", sensitivity, slopes)
    return value, gradient + standardised / family.spread


def _bounds(family: Family) -> list[tuple[float, float]]:
    reach = _BOUND_SDS * family.spread
    return list(zip(family.center - reach, family.center + reach, strict=True))


def _starts(family: Family) -> list[Array]:
    """The priors' medians first, then points drawn around them, the same for every fit of as many."""
    rng = np.random.Generator(np.random.Philox(key=len(family.center)))
    moves = rng.standard_normal((_RESTARTS, len(family.center)))
    return [family.center, *(family.center + 0.7 * family.spread * moves)]
