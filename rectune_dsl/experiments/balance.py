"""Are the users of two arms alike in what was so before the experiment?

A covariate that was recorded before users were assigned differs between arms by chance only. One that differs
by more was touched by the treatment, and adjusting for it would remove the effect itself, or the users were
not assigned at random.
"""

from __future__ import annotations

import math

from scipy.special import stdtr

from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.linear import Linear, Sample

BALANCE_THRESHOLD = 0.001
"""A covariate whose means differ with a p-value below it cannot be adjusted for."""


def balance_p_value(treatment: tuple[Linear, Sample], control: tuple[Linear, Sample]) -> float:
    """Welch's two-sided p-value of a covariate's levels in two arms being equal."""
    (above, treated), (below, base) = treatment, control
    apart = above.level - below.level
    own, shared = above.variance(treated) / treated.n, below.variance(base) / base.n
    if own + shared == 0.0:
        return 1.0 if apart == 0.0 else 0.0
    degrees = welch_degrees(own, treated.n, shared, base.n)
    return float(2 * stdtr(degrees, -abs(apart) / math.sqrt(own + shared)))
