"""A lift whose bounds hold when control is far from certain, too: Fieller's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rectune_dsl.experiments.intervals import Measured


@dataclass(frozen=True)
class Ratio(Measured):
    """`weight` times the lift treatment / control - 1, of two independent levels with known variances.

    A lift of d is tested on T - (1 + d) C, whose variance is v_T + (1 + d)^2 v_C: it is as normal as the
    levels are, whereas the quotient T / C of rare events is skewed, and its delta-method error shrinks
    exactly where T is small by chance. The bounds are the lifts at which the test turns (Fieller 1954, "Some
    problems in interval estimation"). `error` is the delta method's, for whoever plans with it.
    """

    treatment: float
    control: float
    treatment_variance: float
    control_variance: float
    weight: float = 1.0

    @classmethod
    def of(
        cls,
        treatment: tuple[float, float],
        control: tuple[float, float],
        degrees: float,
        weight: float = 1.0,
    ) -> Ratio:
        """From two levels with their variances; control's is above 0."""
        (above, own), (below, shared) = treatment, control
        ratio = above / below
        error = abs(weight) * math.sqrt(own + ratio**2 * shared) / below
        return cls(weight * (ratio - 1), error, degrees, above, below, own, shared, weight)

    def bounds(self, factor: float) -> tuple[float, float]:
        """Infinite where control is not shown to be above 0, or a bound lies below -100 %."""
        low, high = (self.weight * (side - 1) for side in self._ratios(factor))
        return (low, high) if self.weight > 0 else (high, low)

    def error_at(self, bound: float) -> float:
        ratio = 1 + bound / self.weight
        variance = self.treatment_variance + ratio**2 * self.control_variance
        return abs(self.weight) * math.sqrt(variance) / self.control

    def _ratios(self, factor: float) -> tuple[float, float]:
        """The roots r of (T - r C)^2 = factor^2 (v_T + r^2 v_C)."""
        if math.isinf(factor):
            return -math.inf, math.inf
        own = factor**2 * self.treatment_variance / self.control**2
        shared = factor**2 * self.control_variance / self.control**2
        return ratio_bounds(self.treatment / self.control, own, shared)


def ratio_bounds(ratio: float, own: float, shared: float) -> tuple[float, float]:
    """The roots r of (ratio - r)^2 = own + r^2 shared; infinite where there are none."""
    if math.isinf(own) or math.isinf(shared):
        return -math.inf, math.inf
    # ratio - r falls in r; at r = 0 it is the ratio, which must be shown above 0 for there to be a lower root
    if ratio**2 <= own and shared >= 1:
        return -math.inf, math.inf
    spread = math.sqrt(max(own * (1 - shared) + ratio**2 * shared, 0.0))
    if shared >= 1:
        # control may be 0, so that nothing bounds the ratio from above
        low = (ratio**2 - own) / (ratio + spread) if ratio > 0 else -math.inf
        return low, math.inf
    return (ratio - spread) / (1 - shared), (ratio + spread) / (1 - shared)
