"""U of several north stars: Fieller's bounds for a weighted sum of lifts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import stdtr

from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.linear import Array

_STEPS = 100
_CLOSE = 1e-10


@dataclass(frozen=True, eq=False)
class LiftSum(Measured):
    """The sum of weight x (treatment / control - 1) over metrics whose levels covary.

    `levels` (2 * metrics,) are the treatment's and then control's, `covariance` is theirs. A limit is judged
    by how many errors the levels lie from the nearest ones that have a U just there (the signed root of the
    likelihood ratio of normal levels). For a single metric that is Fieller's test; like it, it takes the
    error at the limit, not at an estimate that may be small, and seem sure, by chance.

    With several metrics the levels of one U are a curved surface: normal levels around a point of it lie on
    its hollow side less often than on the other, so that the signed root's mean is not 0. What it is on
    average is taken off (Efron 1985, "Bootstrap confidence intervals for a class of parametric problems").
    """

    weights: Array
    levels: Array
    covariance: Array

    @classmethod
    def of(cls, weights: Array, levels: Array, covariance: Array, degrees: float) -> LiftSum:
        """Control's levels are above 0."""
        here = _at(weights, levels, covariance)
        return cls(here.value, here.error, degrees, weights, levels, covariance)

    def bounds(self, factor: float) -> tuple[float, float]:
        """Infinite where no limit is so far from what was seen: control is not shown to be above 0."""
        return self._bound(factor, -1), self._bound(factor, 1)

    def error_at(self, bound: float) -> float:
        if bound == self.value:
            return self.error
        errors, _ = self._root(bound)
        return math.inf if errors == 0 else (self.value - bound) / errors

    def p_above(self, null: float = 0.0) -> float:
        return float(stdtr(self.degrees, -self.distance(null)))

    def p_below(self, null: float = 0.0) -> float:
        return float(stdtr(self.degrees, self.distance(null)))

    def distance(self, bound: float) -> float:
        """In standard errors, positive where U is larger; 0 where it cannot be told.

        Nothing is farther than a control level is from 0: beyond that, levels with any U may be nearer than
        those that were found.
        """
        errors, on_average = self._root(bound)
        return float(np.clip(errors - on_average, -self._most, self._most))

    @cached_property
    def _most(self) -> float:
        control = slice(len(self.weights), None)
        return float(np.min((self.levels / np.sqrt(np.diagonal(self.covariance)))[control]))

    def _root(self, bound: float) -> tuple[float, float]:
        """The signed root, and its mean: of the nearest levels with this U, which are the fixed point of
        linearising U at what was found before."""

        def errors(here: _Point) -> float:
            return (here.value - bound + float(here.gradient @ (self.levels - here.levels))) / here.error

        found = self._fixed_point(errors)
        if found is None:
            return 0.0, 0.0
        return float(np.clip(errors(found), -self._most, self._most)), self._on_average(found)

    def _bound(self, factor: float, side: int) -> float:
        """The farthest U that is not yet `factor` errors away: again a fixed point."""
        if factor < self._most:
            found = self._fixed_point(lambda here: self._on_average(here) - side * factor)
            # where levels are hardly known, others with the same U may be nearer
            if found and math.isclose(self.distance(found.value), -side * factor, rel_tol=1e-6, abs_tol=1e-6):
                return found.value
        return side * math.inf

    def _fixed_point(self, errors: Callable[[_Point], float]) -> _Point | None:
        """Levels that lie so many `errors`, as told at themselves, below those that were seen, straight down
        U. None where they are not found. Steps are halved where they would take control's levels below 0."""
        at, control = self.levels, slice(len(self.weights), None)
        close = _CLOSE * self.levels[control].min()
        for _ in range(_STEPS):
            here = _at(self.weights, at, self.covariance)
            step = self.levels - here.spread * (errors(here) / here.error) - at
            if np.abs(step).max() <= close:
                return here
            while (at + step)[control].min() <= 0:
                step = step / 2
            at = at + step
        return None

    def _on_average(self, here: _Point) -> float:
        """The mean of the signed root if `here` were the truth: half the curvature there, over the directions
        in which U stays as it is, in standard errors. Where that is not below 1, the levels are hardly known,
        and a curvature at one point says no more."""
        metrics = len(self.weights)
        treatment, control = here.levels[:metrics], here.levels[metrics:]
        mixed, twice = -self.weights / control**2, 2 * self.weights * treatment / control**3
        above, below = here.spread[:metrics], here.spread[metrics:]
        covariance, own = np.diagonal(self.covariance, metrics), np.diagonal(self.covariance)[metrics:]
        everywhere = 2 * mixed @ covariance + twice @ own
        along = (2 * mixed @ (above * below) + twice @ below**2) / here.error**2
        most = min(1.0, self._most)
        return float(np.clip((everywhere - along) / (2 * here.error), -most, most))


@dataclass(frozen=True, eq=False)
class _Point:
    """A U, and its gradient by the `levels` that have it; `spread` is the covariance times that."""

    levels: Array
    value: float
    gradient: Array
    spread: Array
    error: float


def _at(weights: Array, levels: Array, covariance: Array) -> _Point:
    treatment, control = levels[: len(weights)], levels[len(weights) :]
    gradient = np.concatenate([weights / control, -weights * treatment / control**2])
    spread = covariance @ gradient
    value = float(weights @ (treatment / control - 1))
    return _Point(levels, value, gradient, spread, math.sqrt(float(gradient @ spread)))
