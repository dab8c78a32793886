"""Covariances of a Gaussian process over the unit cube, with the derivatives that fitting needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SQRT5 = float(np.sqrt(5.0))


@dataclass(frozen=True, eq=False)
class Hyperparameters:
    """`amplitude` is the prior sd, in units of the modelled value; `lengthscales` (dimension,) are the
    distances in the unit cube over which it changes."""

    amplitude: float
    lengthscales: Array


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
    scaled = _SQRT5 * np.sqrt(squared.sum(0))
    decay = hyper.amplitude**2 * np.exp(-scaled)
    return (1.0 + scaled + scaled**2 / 3.0) * decay, (5.0 / 3.0) * (1.0 + scaled) * decay * squared
