"""Bounds and intervals of what was estimated: lifts, levels, and the objective U."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.hooks.api import Estimates


@dataclass(frozen=True)
class Measured:
    """An estimate with its standard `error`, Student-t with `degrees` of freedom around the truth.

    An error of 0 says that the value was computed, not measured: it is certain.
    """

    value: float
    error: float
    degrees: float

    def lower(self, alpha: float) -> float:
        """The one-sided lower bound: above the truth with probability `alpha` at most."""
        return self.bounds(quantile(alpha, self.degrees))[0]

    def upper(self, alpha: float) -> float:
        """The one-sided upper bound: below the truth with probability `alpha` at most."""
        return self.bounds(quantile(alpha, self.degrees))[1]

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """The two-sided interval."""
        tail = (1 - confidence) / 2
        return self.lower(tail), self.upper(tail)

    def bounds(self, factor: float) -> tuple[float, float]:
        """The values that lie `factor` standard errors from what was seen."""
        margin = 0.0 if self.error == 0.0 else factor * self.error
        return self.value - margin, self.value + margin

    def error_at(self, bound: float) -> float:
        """The standard error of the distance from `bound`, were the truth there."""
        return self.error

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided, of the truth being `null`."""
        if self.error_at(null) == 0.0:
            return 1.0 if self.value == null else 0.0
        return 2 * min(self.p_above(null), self.p_below(null))

    def p_above(self, null: float = 0.0) -> float:
        """One-sided, of the truth being `null` or less: small where it lies above."""
        return self._tail(self.value - null, self.error_at(null))

    def p_below(self, null: float = 0.0) -> float:
        """One-sided, of the truth being `null` or more: small where it lies below."""
        return self._tail(null - self.value, self.error_at(null))

    def _tail(self, apart: float, error: float) -> float:
        if error == 0.0:
            return float(apart <= 0)
        return float(stdtr(self.degrees, -apart / error))


def quantile(alpha: float, degrees: float) -> float:
    """The upper `alpha` quantile of Student's t; infinite without degrees of freedom."""
    return math.inf if degrees <= 0 else float(-stdtrit(degrees, alpha))


def kept_p_value(seen: Measured, limit: Limit) -> float:
    """One-sided, of the limit not being kept: small where it is. With a relative limit that is the test of
    non-inferiority with a relative margin; a lift from users' moments is judged on T - (1 + margin) C."""
    return seen.p_above(limit.bound) if limit.direction == ">=" else seen.p_below(limit.bound)


def broken_by(seen: Measured, limit: Limit, factor: float) -> float | None:
    """The bound that favours the limit, `factor` errors away, if even that one breaks it."""
    low, high = seen.bounds(factor)
    best = high if limit.direction == ">=" else low
    return best if math.isfinite(best) and not limit.holds(best) else None


def lift(estimates: Estimates, arm: str, metric: str) -> Measured | None:
    """A treatment's lift over control; None where missing."""
    a, m = estimates.arms.index(arm), estimates.metrics.index(metric)
    value = estimates.lift[a][m]
    if value is None:
        return None
    at = a * len(estimates.metrics) + m
    error = math.sqrt(max(estimates.covariance[at][at], 0.0))
    return Measured(value, error, estimates.effective_n[a][m] - 1)


def level(estimates: Estimates, arm: str, metric: str) -> Measured | None:
    """A treatment's absolute value; None where missing.

    `effective_n` speaks of a difference of two means; one mean has half its degrees of freedom, exactly so
    for equal arms, and no less unless the treatment is the smaller one.
    """
    a, m = estimates.arms.index(arm), estimates.metrics.index(metric)
    value = estimates.level[a + 1][m]
    if value is None:
        return None
    # a metric without a lift (control at 0) has no degrees of its own: take the arm's best
    n = estimates.effective_n[a][m] or max(estimates.effective_n[a])
    return Measured(value, estimates.level_se[a + 1][m], (n - 1) / 2)


def limited(estimates: Estimates, arm: str, metric: str, limit: Limit) -> Measured | None:
    """What a guardrail's limit is about: the lift for a percentage, the level otherwise."""
    return (lift if limit.relative else level)(estimates, arm, metric)


def weighted_lifts(estimates: Estimates, weights: Mapping[str, float], arm: str) -> Measured | None:
    """U of one arm: the sum of weight x lift, with `weights` as in `Task.objective_weights`.

    None where one of them is missing, or there is none. Its error comes from the joint covariance, its
    degrees of freedom are the fewest of its parts.
    """
    if not weights or any(name not in estimates.metrics for name in weights):
        return None
    parts = [lift(estimates, arm, name) for name in weights]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    a, width = estimates.arms.index(arm), len(estimates.metrics)
    at = [a * width + estimates.metrics.index(name) for name in weights]
    signed = np.array(list(weights.values()))
    joint = np.array([[estimates.covariance[i][j] for j in at] for i in at])
    value = float(signed @ [part.value for part in known])
    error = math.sqrt(max(float(signed @ joint @ signed), 0.0))
    return Measured(value, error, min(part.degrees for part in known))


def objective(estimates: Estimates, metrics: Mapping[str, Metric]) -> tuple[tuple[float, float] | None, ...]:
    """Per arm, in order: U and its standard error, or None where a north star is missing."""
    weights = {name: metric.sign * metric.weight for name, metric in metrics.items() if metric.sign}
    found = [weighted_lifts(estimates, weights, arm) for arm in estimates.arms]
    return tuple(None if u is None else (u.value, u.error) for u in found)
