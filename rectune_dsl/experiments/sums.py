"""U of several north stars: Fieller's bounds for a weighted sum of lifts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.linear import Array

_STEPS = 100
_CLOSE = 1e-10
_FARTHEST = 1e4
"""Standard errors from the estimate at which a bound is given up."""


@dataclass(frozen=True, eq=False)
class LiftSum(Measured):
    """The sum of weight x (treatment / control - 1) over metrics whose levels covary.

    `levels` (2 * metrics,) are the treatment's and then control's, `covariance` is theirs. A limit is judged
    by how many errors the levels lie from the nearest ones that have a U just there (the signed root of the
    likelihood ratio of normal levels). For a single metric that is Fieller's test; like it, it takes the
    error at the limit, not at an estimate that may be small, and seem sure, by chance.
    """

    weights: Array
    levels: Array
    covariance: Array

    @classmethod
    def of(cls, weights: Array, levels: Array, covariance: Array, degrees: float) -> LiftSum:
        """Control's levels are above 0."""
        value, gradient = _sum(weights, levels)
        error = math.sqrt(float(gradient @ covariance @ gradient))
        return cls(value, error, degrees, weights, levels, covariance)

    def bounds(self, factor: float) -> tuple[float, float]:
        """Infinite where no limit is so far from what was seen: control is not shown to be above 0."""
        return self._bound(factor, -1), self._bound(factor, 1)

    def error_at(self, bound: float) -> float:
        if bound == self.value:
            return self.error
        distance = self.distance(bound)
        return math.inf if distance == 0 else (self.value - bound) / distance

    def distance(self, bound: float) -> float:
        """In standard errors, positive where U is larger; 0 where it cannot be told.

        The nearest levels with this U are the fixed point of linearising U at them. Steps are halved where
        they would take control's levels below 0. Nothing is farther than a control level is from 0: beyond
        that, levels with any U may be nearer than those that were found.
        """
        at, control = self.levels, slice(len(self.weights), None)
        most = float(np.min((self.levels / np.sqrt(np.diagonal(self.covariance)))[control]))
        for _ in range(_STEPS):
            value, gradient = _sum(self.weights, at)
            spread = self.covariance @ gradient
            variance = float(gradient @ spread)
            beyond = value - bound + float(gradient @ (self.levels - at))
            step = self.levels - spread * (beyond / variance) - at
            if np.all(np.abs(step) <= _CLOSE * self.levels[control].min()):
                return float(np.clip(beyond / math.sqrt(variance), -most, most))
            while np.any((at + step)[control] <= 0):
                step = step / 2
            at = at + step
        return 0.0

    def _bound(self, factor: float, side: int) -> float:
        if math.isinf(factor):
            return side * math.inf

        def lacking(errors: float) -> float:
            return factor + side * self.distance(self.value + side * errors * self.error)

        far = factor
        while lacking(far) > 0:
            far *= 2
            if far > _FARTHEST:
                return side * math.inf
        return self.value + side * self.error * float(brentq(lacking, 0.0, far, xtol=1e-9))


def _sum(weights: Array, levels: Array) -> tuple[float, Array]:
    """The sum, and its gradient by the levels."""
    treatment, control = np.split(levels, 2)
    gradient = np.concatenate([weights / control, -weights * treatment / control**2])
    return float(weights @ (treatment / control - 1)), gradient
