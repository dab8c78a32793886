"""Hyperparameters by maximum a posteriori: marginal likelihood times log-normal priors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from rectune_dsl.surrogate.gp import GaussianProcess, Observations, noisy_factor
from rectune_dsl.surrogate.kernels import Array, Hyperparameters, matern52_with_gradients

_RESTARTS = 2
_BOUND_SDS = 3.5
"""The search stays within this many prior standard deviations."""


@dataclass(frozen=True)
class Prior:
    """Log-normal priors: medians, and standard deviations of the logarithm.

    The median lengthscale grows with the square root of the dimension, as distances in the cube do
    (Hvarfner, Hellsten & Nardi 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions").
    """

    amplitude: float = 0.05
    amplitude_spread: float = 1.0
    lengthscale: float = 0.8
    lengthscale_spread: float = 0.5

    def center(self, dimension: int) -> Array:
        """Medians of (amplitude, lengthscales...) on the log scale, (1 + dimension,)."""
        lengthscale = np.log(self.lengthscale * np.sqrt(dimension))
        return np.concatenate([[np.log(self.amplitude)], np.full(dimension, lengthscale)])

    def spread(self, dimension: int) -> Array:
        """Standard deviations on the log scale, (1 + dimension,)."""
        return np.concatenate([[self.amplitude_spread], np.full(dimension, self.lengthscale_spread)])


def fit(observations: Observations, prior: Prior) -> GaussianProcess:
    """Condition on the observations with the most probable hyperparameters.

    Without observations these are the prior's medians. The starts are fixed, so equal data give equal models.
    """
    dimension = observations.points.shape[1]
    center, spread = prior.center(dimension), prior.spread(dimension)
    if observations.count <= 1:
        return GaussianProcess(observations, _hyper(center))
    best = None
    for start in _starts(center, spread):
        found = minimize(
            negative_log_posterior,
            start,
            args=(observations, center, spread),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(center - _BOUND_SDS * spread, center + _BOUND_SDS * spread, strict=True)),
            options={"maxiter": 60},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    return GaussianProcess(observations, _hyper(best.x))


def negative_log_posterior(
    logs: Array, observations: Observations, center: Array, spread: Array
) -> tuple[float, Array]:
    """Minus the log posterior of log hyperparameters, up to a constant, and its gradient.

    Rasmussen & Williams, eq. 5.8 and 5.9, plus the log-normal priors.
    """
    hyper = _hyper(logs)
    covariance, by_lengthscale = matern52_with_gradients(observations.points, hyper)
    factor = noisy_factor(covariance, observations.noise, hyper)
    weights = cho_solve((factor, True), observations.values, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(observations.count), check_finite=False)
    standardised = (logs - center) / spread
    value = (
        0.5 * float(observations.values @ weights)
        + float(np.log(np.diag(factor)).sum())
        + 0.5 * float(standardised @ standardised)
    )
    sensitivity = 0.5 * (inverse - np.outer(weights, weights))
    gradient = np.empty_like(logs)
    gradient[0] = 2.0 * float((sensitivity * covariance).sum())
    gradient[1:] = np.einsum("ij,dij->d", sensitivity, by_lengthscale)
    return value, gradient + standardised / spread


def _starts(center: Array, spread: Array) -> list[Array]:
    """The prior's medians first, then points drawn around them, the same for every fit of this dimension."""
    rng = np.random.Generator(np.random.Philox(key=len(center)))
    return [center, *(center + 0.7 * spread * rng.standard_normal((_RESTARTS, len(center))))]


def _hyper(logs: Array) -> Hyperparameters:
    return Hyperparameters(float(np.exp(logs[0])), np.exp(logs[1:]))
