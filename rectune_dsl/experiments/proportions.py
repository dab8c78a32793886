"""Levels of proportions: exact bounds, which know that no event among few users shows little."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtr

from rectune_dsl.experiments.intervals import Measured

_ROUNDING = 1e-9
"""Relative; sums of zeros and ones may have passed through other types."""


@dataclass(frozen=True)
class Proportion(Measured):
    """The share of `n` users with an event. Bounds are Clopper and Pearson's (1934, "The use of confidence or
    fiducial limits illustrated in the case of the binomial"): never wrong more often than they say."""

    n: int
    events: float

    @classmethod
    def of(cls, n: int, events: float) -> Proportion:
        share = events / n
        return cls(share, proportion_error(share, n), n - 1, n, events)

    def lower(self, alpha: float) -> float:
        if self.events <= 0:
            return 0.0
        return float(betaincinv(self.events, self.n - self.events + 1, alpha))

    def upper(self, alpha: float) -> float:
        if self.events >= self.n:
            return 1.0
        return float(betaincinv(self.events + 1, self.n - self.events, 1 - alpha))

    def bounds(self, factor: float) -> tuple[float, float]:
        """At the level that `factor` errors have under the normal curve."""
        alpha = float(ndtr(-factor))
        return self.lower(alpha), self.upper(alpha)

    def error_at(self, bound: float) -> float:
        return proportion_error(bound, self.n)


def proportion_error(share: float, n: float) -> float:
    """The standard error of a share of `n` users."""
    return math.sqrt(max(share * (1 - share), 0.0) / n)


def is_binary(share: float, variance: float, n: int) -> bool:
    """Whether all `n` users have 0 or 1: then, and only then, does the users' variance follow from it."""
    follows = share * (1 - share) * n / (n - 1)
    return 0 <= share <= 1 and math.isclose(variance, follows, rel_tol=_ROUNDING, abs_tol=1e-12)


def least_variance(n: int) -> float:
    """Of a share of `n` users among whom none, or all, had the event: as if one more user of each kind had
    come (Laplace's rule of succession). Without it such an arm would count as certain."""
    return proportion_error(1 / (n + 2), n) ** 2
