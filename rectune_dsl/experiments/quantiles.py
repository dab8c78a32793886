"""Quantiles over users: bounds from the order statistics, for levels and for lifts.

Woodruff 1952, "Confidence intervals for medians and other position measures": bounds of a distribution
function, inverted, are bounds of its quantiles. Here the function's bounds are the binomial distribution's,
which are exact whatever the values are. Deng, Knoblich and Lu 2018, "Applying the delta method in metric
analytics", section 4, use the same order statistics, and take a standard error from the interval's width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik, ndtr, ndtri

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.linear import Sample
from rectune_dsl.experiments.ratios import ratio_bounds
from rectune_dsl.hooks.api import ArmMoments, Histogram

Array = NDArray[np.float64]

_TAIL = 0.025
"""The standard error is half the width of the two-sided 95 % interval, in standard errors of the normal."""
_WIDTH = 2 * -float(ndtri(_TAIL))
_ROUNDING = 1e-12
"""Relative; a share times a number of users may not be the whole number that it is."""


@dataclass(frozen=True, eq=False)
class Quantile(Measured):
    """The smallest value that at least a `share` of `n` users do not exceed.

    `values` and `cumulative` are a histogram: so many users have at most that value. Bounds are widened by
    what its values may have been rounded by. `error` is infinite where there are too few users for an
    interval, and 0 where too many of them have the same value to tell.
    """

    n: int
    share: float
    values: Array
    cumulative: NDArray[np.int64]
    rounding: float

    @classmethod
    def of(cls, histogram: Histogram, share: float) -> Quantile:
        """Of one user at least."""
        values = np.asarray(histogram.values, np.float64)
        cumulative = np.cumsum(np.asarray(histogram.counts, np.int64))
        n = int(cumulative[-1])
        value = _at_share(values, cumulative, share)
        parts = (n, share, values, cumulative, histogram.rounding)
        width = cls(value, 0.0, n - 1, *parts).interval(1 - 2 * _TAIL)
        return cls(value, (width[1] - width[0]) / _WIDTH, n - 1, *parts)

    @property
    def is_known(self) -> bool:
        """Whether users tell how sure it is."""
        return 0 < self.error < math.inf

    def lower(self, alpha: float) -> float:
        value = _at_rank(self.values, self.cumulative, _rank(self.n, self.share, alpha))
        return value - self.rounding * abs(value) if math.isfinite(value) else value

    def upper(self, alpha: float) -> float:
        rank = self.n + 1 - _rank(self.n, 1 - self.share, alpha)
        value = _at_rank(self.values, self.cumulative, rank)
        return value + self.rounding * abs(value) if math.isfinite(value) else value

    def bounds(self, factor: float) -> tuple[float, float]:
        """At the level that `factor` errors have under the normal curve."""
        alpha = float(ndtr(-factor))
        return self.lower(alpha), self.upper(alpha)

    def error_at(self, bound: float) -> float:
        """From how many users lie below `bound`, against how many would if it were the quantile."""
        place = int(np.searchsorted(self.values, bound, side="right"))
        below = float(self.cumulative[place - 1]) / self.n if place else 0.0
        distance = (self.share - below) / math.sqrt(self.share * (1 - self.share) / self.n)
        return math.inf if distance == 0 else abs((self.value - bound) / distance)


@dataclass(frozen=True)
class QuantileLift(Measured):
    """The lift treatment / control - 1 of two independent quantiles.

    Bounds are Fieller's for T - (1 + d) C, where the variances of T and C come from their own bounds on the
    side that counts: (T - its lower bound)^2 and (C's upper bound - C)^2 for a lower bound of the lift, at
    the same level (Donner and Zou 2012, "Closed-form confidence intervals for functions of the normal mean
    and standard deviation", MOVER). `error` is the delta method's.
    """

    treatment: Quantile
    control: Quantile

    @classmethod
    def of(cls, treatment: Quantile, control: Quantile, degrees: float) -> QuantileLift:
        """Control's quantile is above 0."""
        ratio = treatment.value / control.value
        error = math.hypot(treatment.error, ratio * control.error) / control.value
        return cls(ratio - 1, error, degrees, treatment, control)

    def bounds(self, factor: float) -> tuple[float, float]:
        """Infinite where control is not shown to be above 0, or there are too few users."""
        above, below = self.treatment.value, self.control.value
        (low, high), (base_low, base_high) = self.treatment.bounds(factor), self.control.bounds(factor)
        ratio = above / below
        lower, _ = ratio_bounds(ratio, ((above - low) / below) ** 2, ((base_high - below) / below) ** 2)
        _, upper = ratio_bounds(ratio, ((high - above) / below) ** 2, ((below - base_low) / below) ** 2)
        return lower - 1, upper - 1

    def error_at(self, bound: float) -> float:
        return math.hypot(self.treatment.error, (1 + bound) * self.control.error) / self.control.value


def value_at(histogram: Histogram, share: float) -> float:
    """The smallest value that at least a `share` of the users do not exceed. Of one user at least."""
    cumulative = np.cumsum(np.asarray(histogram.counts, np.int64))
    return _at_share(np.asarray(histogram.values, np.float64), cumulative, share)


def quantile_of(metric: Metric, name: str, arm: ArmMoments) -> Quantile | None:
    """The metric in one arm; None where its users are not counted by value."""
    histogram = arm.histograms.get(metric.column or name)
    if histogram is None or not histogram.values or metric.quantile is None:
        return None
    return Quantile.of(histogram, metric.quantile)


def with_quantiles(users: Sample, quantiles: Sequence[Quantile | None]) -> Sample:
    """The sample with a column more for each quantile, as if it were a mean that varies on its own.

    How quantiles vary along with sums is not in the moments: it is taken as not at all. The variance of one
    that is not known is 0.
    """
    if not quantiles:
        return users
    levels = [q.value if q else 0.0 for q in quantiles]
    variances = [q.error**2 * users.n if q and q.is_known else 0.0 for q in quantiles]
    width = len(users.mean)
    covariance = np.zeros((width + len(quantiles),) * 2)
    covariance[:width, :width] = users.covariance
    covariance[range(width, len(covariance)), range(width, len(covariance))] = variances
    return Sample(users.n, np.concatenate([users.mean, levels]), covariance)


def _rank(n: int, share: float, alpha: float) -> int:
    """The rank whose value exceeds the quantile with probability `alpha` at most, counted from 1; 0 for
    none: the smallest k with P(Binomial(n, share) <= k) >= alpha."""
    if alpha <= 0:
        return 0
    rank = max(math.ceil(float(bdtrik(alpha, n, share))), 0)
    while rank > 0 and bdtr(rank - 1, n, share) >= alpha:
        rank -= 1
    while bdtr(rank, n, share) < alpha:
        rank += 1
    return rank


def _at_share(values: Array, cumulative: NDArray[np.int64], share: float) -> float:
    return _at_rank(values, cumulative, math.ceil(int(cumulative[-1]) * share * (1 - _ROUNDING)))


def _at_rank(values: Array, cumulative: NDArray[np.int64], rank: int) -> float:
    """The value of the user with this rank, from 1; infinite beyond all users."""
    if rank < 1:
        return -math.inf
    at = int(np.searchsorted(cumulative, rank))
    return float(values[at]) if at < len(values) else math.inf
