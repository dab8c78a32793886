"""Are the users of two arms alike in what was so before the experiment?

A covariate that was recorded before users were assigned differs between arms by chance only. One that differs
by more was touched by the treatment, and adjusting for it would remove the effect itself, or the users were
not assigned at random.
"""

from __future__ import annotations

import math

from scipy.special import stdtr

from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.linear import Sample

BALANCE_THRESHOLD = 0.001
"""A covariate whose means differ with a p-value below it cannot be adjusted for."""


def balance_p_value(at: int, treatment: Sample, control: Sample) -> float:
    """Welch's two-sided p-value of the means of the column `at` being equal."""
    apart = float(treatment.mean[at] - control.mean[at])
    own = float(treatment.covariance_of_mean[at, at])
    shared = float(control.covariance_of_mean[at, at])
    if own + shared == 0.0:
        return 1.0 if apart == 0.0 else 0.0
    degrees = welch_degrees(own, treatment.n, shared, control.n)
    return float(2 * stdtr(degrees, -abs(apart) / math.sqrt(own + shared)))
