"""Covariances of a Gaussian process, with the derivatives that fitting needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SQRT5 = float(np.sqrt(5.0))


class Covariance(Protocol):
    """A prior covariance, ready to use. `amplitude` is its size as a standard deviation, in units of the
    modelled value."""

    @property
    def amplitude(self) -> float: ...

    def __call__(self, left: Array, right: Array) -> Array:
        """Of points (n, dimension) and (m, dimension): (n, m)."""
        ...

    def variance(self, points: Array) -> Array:
        """Of each point (n, dimension) alone: (n,)."""
        ...


class Family(Protocol):
    """Covariances of one form, by their hyperparameters on the log scale, with log-normal priors of these."""

    @property
    def center(self) -> Array:
        """The priors' medians, (hyperparameters,), on the log scale."""
        ...

    @property
    def spread(self) -> Array:
        """The priors' standard deviations, (hyperparameters,), on the log scale."""
        ...

    def at(self, logs: Array) -> Covariance: ...

    def with_gradients(self, logs: Array, points: Array) -> tuple[Array, Array]:
        """The covariance of `points` with themselves, (n, n), and its derivatives by every hyperparameter's
        logarithm, (hyperparameters, n, n)."""
        ...

    def mean(self, points: Array) -> Array:
        """What is expected beforehand, (n,)."""
        ...


@dataclass(frozen=True, eq=False)
class Hyperparameters:
    """A Matérn-5/2 `Covariance`. `amplitude` is the prior sd, in units of the modelled value; `lengthscales`
    (dimension,) are the distances over which it changes."""

    amplitude: float
    lengthscales: Array

    def __call__(self, left: Array, right: Array) -> Array:
        return matern52(left, right, self)

    def variance(self, points: Array) -> Array:
        return np.full(len(points), self.amplitude**2)


def matern52(left: Array, right: Array, hyper: Hyperparameters) -> Array:
    """Matérn-5/2 covariance with one lengthscale per dimension (Rasmussen & Williams 2006, eq. 4.17).

    `left` (n, dimension) and `right` (m, dimension) give (n, m).
    """
    a, b = left / hyper.lengthscales, right / hyper.lengthscales
    squared = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * (a @ b.T)
    scaled = _SQRT5 * np.sqrt(np.maximum(squared, 0.0))
    covariance: Array = hyper.amplitude**2 * (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return covariance


def matern52_with_gradients(points: Array, hyper: Hyperparameters) -> tuple[Array, Array]:
    """The covariance of `points` with themselves (n, n) and, (dimension, n, n), its derivative by the
    logarithm of each lengthscale. The derivative by log amplitude is twice the covariance."""
    # differences rather than products: exact zeros on the diagonal keep the derivative exact too
    squared = ((points.T[:, :, None] - points.T[:, None, :]) / hyper.lengthscales[:, None, None]) ** 2
    covariance, slope = _of_distances(squared.sum(0), hyper.amplitude)
    return covariance, slope * squared


def matern52_by_lengthscale(points: Array, hyper: Hyperparameters) -> tuple[Array, Array]:
    """The covariance of `points` with themselves (n, n) and its derivative by the logarithm of a lengthscale
    that all dimensions have in common."""
    scaled_points = points / hyper.lengthscales
    squared = ((scaled_points[:, None, :] - scaled_points[None, :, :]) ** 2).sum(2)
    covariance, slope = _of_distances(squared, hyper.amplitude)
    return covariance, slope * squared


def _of_distances(squared: Array, amplitude: float) -> tuple[Array, Array]:
    """The covariance at squared scaled distances, and its derivative by the logarithm of a lengthscale per
    squared scaled distance along it."""
    scaled = _SQRT5 * np.sqrt(squared)
    decay = amplitude**2 * np.exp(-scaled)
    return (1.0 + scaled + scaled**2 / 3.0) * decay, (5.0 / 3.0) * (1.0 + scaled) * decay
