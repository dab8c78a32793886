"""U of several north stars: Fieller's bounds for a weighted sum of lifts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr

from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.linear import Array

_STEPS = 100
_CLOSE = 1e-10
_FARTHEST = 1e4
"""Standard errors from the estimate at which a bound is given up."""


@dataclass(frozen=True)
class _Nearest:
    """How many standard `errors` away the nearest levels with a given U are, and what that would be
    `on_average`, were they the truth."""

    errors: float
    on_average: float


@dataclass(frozen=True, eq=False)
class LiftSum(Measured):
    """The sum of weight x (treatment / control - 1) over metrics whose levels covary.

    `levels` (2 * metrics,) are the treatment's and then control's, `covariance` is theirs. A limit is judged
    by how many errors the levels lie from the nearest ones that have a U just there (the signed root of the
    likelihood ratio of normal levels). For a single metric that is Fieller's test; like it, it takes the
    error at the limit, not at an estimate that may be small, and seem sure, by chance.

    With several metrics the levels of one U are a curved surface: normal levels around a point of it lie on
    its hollow side more often than on the other, so that the signed root's mean is not 0. What it is on
    average is taken off (Efron 1985, "Bootstrap confidence intervals for a class of parametric problems").
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
        apart = self._nearest(bound).errors
        return math.inf if apart == 0 else (self.value - bound) / apart

    def p_above(self, null: float = 0.0) -> float:
        return float(stdtr(self.degrees, -self.distance(null)))

    def p_below(self, null: float = 0.0) -> float:
        return float(stdtr(self.degrees, self.distance(null)))

    def distance(self, bound: float) -> float:
        """In standard errors, positive where U is larger; 0 where it cannot be told.

        Nothing is farther than a control level is from 0: beyond that, levels with any U may be nearer than
        those that were found.
        """
        nearest = self._nearest(bound)
        return float(np.clip(nearest.errors - nearest.on_average, -self._most, self._most))

    @property
    def _most(self) -> float:
        control = slice(len(self.weights), None)
        return float(np.min((self.levels / np.sqrt(np.diagonal(self.covariance)))[control]))

    def _nearest(self, bound: float) -> _Nearest:
        """The levels with this U that are nearest to those that were seen: the fixed point of linearising U
        at them. Steps are halved where they would take control's levels below 0."""
        at, control = self.levels, slice(len(self.weights), None)
        for _ in range(_STEPS):
            value, gradient = _sum(self.weights, at)
            spread = self.covariance @ gradient
            variance = float(gradient @ spread)
            beyond = value - bound + float(gradient @ (self.levels - at))
            step = self.levels - spread * (beyond / variance) - at
            if np.all(np.abs(step) <= _CLOSE * self.levels[control].min()):
                errors = float(np.clip(beyond / math.sqrt(variance), -self._most, self._most))
                return _Nearest(errors, self._on_average(at, spread, variance))
            while np.any((at + step)[control] <= 0):
                step = step / 2
            at = at + step
        return _Nearest(0.0, 0.0)

    def _on_average(self, at: Array, spread: Array, variance: float) -> float:
        """The mean of the signed root if `at` were the truth: half the curvature there, over the directions
        in which U stays as it is, in standard errors. Where that is not below 1, the levels are hardly known,
        and a curvature at one point says no more."""
        curvature = _curvature(self.weights, at)
        along = float(np.sum(curvature * self.covariance)) - float(spread @ curvature @ spread) / variance
        most = min(1.0, self._most)
        return float(np.clip(along / (2 * math.sqrt(variance)), -most, most))

    def _bound(self, factor: float, side: int) -> float:
        if math.isinf(factor):
            return side * math.inf

        def lacking(errors: float) -> float:
            return factor + side * self.distance(self.value + side * errors * self.error)

        near, far = 0.0, factor
        while lacking(near) < 0:  # few errors, of which the surface's curvature takes off more
            near -= 1.0
        while lacking(far) > 0:
            far *= 2
            if far > _FARTHEST:
                return side * math.inf
        return self.value + side * self.error * float(brentq(lacking, near, far, xtol=1e-9))


def _sum(weights: Array, levels: Array) -> tuple[float, Array]:
    """The sum, and its gradient by the levels."""
    treatment, control = np.split(levels, 2)
    gradient = np.concatenate([weights / control, -weights * treatment / control**2])
    return float(weights @ (treatment / control - 1)), gradient


def _curvature(weights: Array, levels: Array) -> Array:
    """The sum's second derivatives by the levels."""
    treatment, control = np.split(levels, 2)
    mixed, twice = np.diag(-weights / control**2), np.diag(2 * weights * treatment / control**3)
    found: Array = np.block([[np.zeros_like(mixed), mixed], [mixed, twice]])
    return found
