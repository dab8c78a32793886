"""A Gaussian process with known, correlated noise: its posterior, and draws from it.

Formulas: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from rectune_dsl.surrogate.kernels import Array, Hyperparameters, matern52


@dataclass(frozen=True, eq=False)
class Observations:
    """What was measured: `points` (n, dimension) in the unit cube, `values` (n,), and the covariance
    (n, n) of the values' errors. Arms of one round share their control, so it has off-diagonal terms."""

    points: Array
    values: Array
    noise: Array

    @property
    def count(self) -> int:
        return len(self.values)

    def with_exact(self, point: Array, value: float) -> Observations:
        """The same, and first of all a value that is known without error."""
        noise = np.zeros((self.count + 1, self.count + 1))
        noise[1:, 1:] = self.noise
        return Observations(
            np.vstack([point[None, :], self.points]), np.concatenate([[value], self.values]), noise
        )


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """A zero-mean process conditioned on `observations`."""

    observations: Observations
    hyper: Hyperparameters

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean and standard deviation of the noise-free value, (n,) each."""
        across = matern52(self.observations.points, points, self.hyper)
        mean = across.T @ self._weights
        explained = solve_triangular(self._factor, across, lower=True, check_finite=False)
        variance = self.hyper.amplitude**2 - (explained**2).sum(0)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def joint(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean (n,) and covariance (n, n)."""
        across = matern52(self.observations.points, points, self.hyper)
        explained = solve_triangular(self._factor, across, lower=True, check_finite=False)
        covariance = matern52(points, points, self.hyper) - explained.T @ explained
        return across.T @ self._weights, covariance

    def draws(self, points: Array, rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws (count, n)."""
        if not len(points):
            return np.empty((count, 0))
        mean, covariance = self.joint(points)
        factor = cholesky(covariance + self._jitter * np.eye(len(points)), lower=True, check_finite=False)
        drawn: Array = mean + rng.standard_normal((count, len(points))) @ factor.T
        return drawn

    @property
    def _jitter(self) -> float:
        return float(1e-7 * self.hyper.amplitude**2)

    @cached_property
    def _factor(self) -> Array:
        return noisy_factor(
            matern52(self.observations.points, self.observations.points, self.hyper),
            self.observations.noise,
            self.hyper,
        )

    @cached_property
    def _weights(self) -> Array:
        return np.asarray(cho_solve((self._factor, True), self.observations.values, check_finite=False))


def noisy_factor(covariance: Array, noise: Array, hyper: Hyperparameters) -> Array:
    """Lower Cholesky factor of covariance + noise, with the least jitter that keeps it positive definite."""
    total = covariance + noise
    identity = np.eye(len(total))
    for jitter in (1e-8, 1e-6, 1e-4, 1e-2):
        try:
            return np.asarray(
                cholesky(total + jitter * hyper.amplitude**2 * identity, lower=True, check_finite=False)
            )
        except np.linalg.LinAlgError:
            continue
    raise np.linalg.LinAlgError("the noise covariance is not positive semi-definite")
