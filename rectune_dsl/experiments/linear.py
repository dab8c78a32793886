"""From sums over users to metrics as linear functions of column means (delta method), with CUPED.

A metric's level in an arm is a function of the arm's column means. Its gradient is all that is needed for
variances and covariances: those of the means, carried through it. The user is the unit throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.hooks.api import ArmMoments

Array = NDArray[np.float64]

LEAST_USERS = 2
"""Fewer give no variance."""
_ROUNDING = 1e-11
"""Relative to the squared level."""


@dataclass(frozen=True, eq=False)
class Sample:
    """`n` users: `mean` (columns,), and `covariance` (columns, columns) of one user, divided by n - 1."""

    n: int
    mean: Array
    covariance: Array

    @property
    def covariance_of_mean(self) -> Array:
        return self.covariance / self.n


@dataclass(frozen=True, eq=False)
class Linear:
    """A metric's `level` in a sample and its `gradient` (columns,) by the sample's column means."""

    level: float
    gradient: Array

    def variance(self, users: Sample) -> float:
        """Of the metric in one user of the sample; that of its level is n times smaller."""
        return max(float(self.gradient @ users.covariance @ self.gradient), 0.0)


def is_constant(level: float, variance: float) -> bool:
    """Whether users do not differ: their `variance` is what the rounding of sums leaves."""
    return variance <= _ROUNDING * level**2


def sample(arms: Sequence[ArmMoments]) -> Sample:
    """The users of all `arms` as one sample. They must be at least LEAST_USERS."""
    n = sum(arm.n for arm in arms)
    sums = np.array([arm.sums for arm in arms], dtype=np.float64).sum(axis=0)
    products = np.array([arm.products for arm in arms], dtype=np.float64).sum(axis=0)
    covariance = (products - np.outer(sums, sums) / n) / (n - 1)
    # cancellation may leave a variance of -1e-17 where all users are alike
    np.fill_diagonal(covariance, np.maximum(np.diagonal(covariance), 0.0))
    return Sample(n, sums / n, covariance)


def linear(metric: Metric, name: str, columns: Sequence[str], users: Sample) -> Linear | None:
    """The metric, plain. None for a ratio whose denominator is 0.

    A quantile has a column of its own (`quantiles.with_quantiles`).
    """
    if metric.kind == "ratio":
        return ratio_of(str(metric.numerator), str(metric.denominator), columns, users)
    return mean_of(quantile_column(metric, name) if metric.kind == "quantile" else name, columns, users)


def quantile_column(metric: Metric, name: str) -> str:
    """What the column of a quantile is called among those of sums."""
    return f"{metric.column or name} at {metric.quantile}"


def mean_of(column: str, columns: Sequence[str], users: Sample) -> Linear:
    """The mean of a column."""
    gradient = np.zeros(len(columns))
    at = columns.index(column)
    gradient[at] = 1.0
    return Linear(float(users.mean[at]), gradient)


def ratio_of(above: str, below: str, columns: Sequence[str], users: Sample) -> Linear | None:
    """The ratio of two columns' means; None where the denominator is 0.

    The gradient of a ratio N / D of means is (1, -N/D) / D (Deng, Knoblich and Lu 2018, "Applying the delta
    method in metric analytics", section 3).
    """
    gradient = np.zeros(len(columns))
    top, bottom = columns.index(above), columns.index(below)
    denominator = float(users.mean[bottom])
    if denominator == 0.0:
        return None
    level = float(users.mean[top]) / denominator
    gradient[top] += 1.0 / denominator
    gradient[bottom] -= level / denominator
    return Linear(level, gradient)


def counted(metric: Metric, columns: Sequence[str], users: Sample) -> int:
    """How many of the units the metric is about: a segment's, or all. Where units are groups of users, at
    most as many as the segment has users."""
    if metric.counts is None:
        return users.n
    return min(round(float(users.mean[columns.index(metric.counts)]) * users.n), users.n)


def variance_of_level(level: Linear, users: Sample, n: int) -> float:
    """The variance of a metric's level among `n` of the users, at least two.

    The delta method divides a segment's squares by all users; among the segment's own, one degree of freedom
    is lost to their mean, so that the variance of a mean is exactly that of a sample of `n`.
    """
    return level.variance(users) / users.n * (n / (n - 1)) * ((users.n - 1) / users.n)


@dataclass(frozen=True)
class Cuped:
    """An adjustment by a `covariate` (or by it `per` another column): minus `theta` times (its level -
    `centre`)."""

    covariate: str
    per: str | None
    theta: float
    centre: float

    def level_of(self, columns: Sequence[str], users: Sample) -> Linear | None:
        """The covariate's level in a sample; None where what it is divided by is 0."""
        return _covariate(self.covariate, self.per, columns, users)

    def adjust(self, plain: Linear, columns: Sequence[str], users: Sample) -> Linear:
        own = self.level_of(columns, users)
        if own is None:
            return plain
        level = plain.level - self.theta * (own.level - self.centre)
        return Linear(level, plain.gradient - self.theta * own.gradient)


def cuped(metric: Metric, name: str, columns: Sequence[str], pooled: Sample) -> Cuped | None:
    """The adjustment with theta = cov(metric, covariate) / var(covariate) over all arms' users pooled.

    None where the metric has no covariate, its column was not observed, or it does not vary. For a ratio the
    covariance is that of its linearisation, and for a covariate per user of a unit that of its own. Deng et
    al. 2013, "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data",
    equation 4.
    """
    if metric.covariate is None or metric.covariate not in columns:
        return None
    plain = linear(metric, name, columns, pooled)
    before = _covariate(metric.covariate, metric.covariate_per, columns, pooled)
    if plain is None or before is None or (variance := before.variance(pooled)) == 0.0:
        return None
    theta = float(plain.gradient @ pooled.covariance @ before.gradient) / variance
    return Cuped(metric.covariate, metric.covariate_per, theta, before.level)


def _covariate(name: str, per: str | None, columns: Sequence[str], users: Sample) -> Linear | None:
    return mean_of(name, columns, users) if per is None else ratio_of(name, per, columns, users)
