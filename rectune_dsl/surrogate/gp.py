"""A Gaussian process with known, correlated noise: its posterior, and draws from it.

Formulas: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from rectune_dsl.surrogate.kernels import Array, Covariance


@dataclass(frozen=True, eq=False)
class Observations:
    """What was measured: `points` (n, dimension), `values` (n,), and the covariance
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
    hyper: Covariance

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean and standard deviation of the noise-free value, (n,) each."""
        across = self.hyper(self.observations.points, points)
        mean = across.T @ self._weights
        explained = solve_triangular(self._factor, across, lower=True, check_finite=False)
        variance = self.hyper.variance(points) - (explained**2).sum(0)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def joint(self, points: Array) -> tuple[Array, Array]:
        """Posterior mean (n,) and covariance (n, n)."""
        return self.conditioned(self.hyper(self.observations.points, points), self.hyper(points, points))

    def conditioned(self, across: Array, prior: Array) -> tuple[Array, Array]:
        """Posterior mean (k,) and covariance (k, k) of what is jointly normal with the observations: `across`
        (n, k) is its covariance with them, `prior` (k, k) its own; its prior mean is 0."""
        explained = solve_triangular(self._factor, across, lower=True, check_finite=False)
        return across.T @ self._weights, prior - explained.T @ explained

    def draws(self, points: Array, rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws (count, n)."""
        if not len(points):
            return np.empty((count, 0))
        mean, covariance = self.joint(points)
        factor = cholesky(covariance + self._jitter * np.eye(len(points)), lower=True, check_finite=False)
        drawn: Array = mean + rng.standard_normal((count, len(points))) @ factor.T
        return drawn

    def left_out(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Mean and covariance of the observed values of `rows` by all other observations, errors included
        (Rasmussen & Williams, eq. 5.12, for several values at once)."""
        inverse = cho_solve((self._factor, True), np.eye(self.observations.count), check_finite=False)
        covariance = np.linalg.inv(inverse[np.ix_(rows, rows)])
        return self.observations.values[rows] - covariance @ self._weights[rows], covariance

    @property
    def _jitter(self) -> float:
        return float(1e-7 * self.hyper.amplitude**2)

    @cached_property
    def _factor(self) -> Array:
        return noisy_factor(
            self.hyper(self.observations.points, self.observations.points),
            self.observations.noise,
            self.hyper,
        )

    @cached_property
    def _weights(self) -> Array:
        return np.asarray(cho_solve((self._factor, True), self.observations.values, check_finite=False))


def noisy_factor(covariance: Array, noise: Array, hyper: Covariance) -> Array:
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
