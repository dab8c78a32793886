"""Mechanics: how a metric responds to a slate feature, with all other features held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, RoundResult, WhatIf
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.limits import Z90
from rectune_dsl.surrogate.semantics import STEP, causes_of, moved_by
from rectune_dsl.surrogate.slates import Slated, SlatedFamily, SlateView

OPEN = 4.0
"""Slopes have so much more room here than in the surrogate: what is passed on should be the data's word."""


@dataclass(frozen=True, eq=False)
class Elasticities:
    """Posterior of β of one metric: `mean` (features,) and `covariance` (features, features), in lift per
    relative change of a feature. `spare` is the standard deviation of what is not linear in them."""

    metric: str
    features: tuple[str, ...]
    mean: Array
    covariance: Array
    spare: float = 0.0

    @property
    def causes(self) -> tuple[str, ...]:
        """Signals of which slates can show more, and what is no signal's: repetition, spread, shares."""
        return tuple(dict.fromkeys(cause for feature in self.features for cause in causes_of(feature)))

    def of(self, cause: str) -> tuple[float, float, float]:
        """Effect of a change by STEP, and the ends of its 90 % interval.

        1 % more of a signal is 1 % more in its mean and in its products' means, and 0.01 in its logarithm:
        apart these say little, since none of them moves alone.
        """
        moves = moved_by(cause, self.features)
        variance = float(moves @ self.covariance @ moves)
        half = Z90 * max(variance, 0.0) ** 0.5
        mean = float(moves @ self.mean)
        return STEP * mean, STEP * (mean - half), STEP * (mean + half)


def elasticities(task: Task, history: Sequence[RoundResult], whatif: WhatIf, metric: str) -> Elasticities:
    """By this history alone: what names tell, or other campaigns have learnt, is no evidence of its own.

    β and the lifts are jointly normal: the covariance of β with the lift at x is Cx, where C is that of β.
    """
    view = SlateView(task, whatif)
    measured = lifts_of(view.points, history, {metric: 1.0})
    data = measured.with_exact(view.points([Config(task.production)])[0], 0.0)
    fitted = view.fit_plainly(data, {metric: 1.0}, OPEN)
    family, kernel = cast(SlatedFamily, fitted.family), cast(Slated, fitted.process.hyper)
    prior = kernel.slopes
    across = data.points[:, : family.features] @ prior
    mean, covariance = fitted.process.conditioned(across, prior)
    unit = 1.0 / view.scale
    covariance = fitted.widened**2 * covariance * np.outer(unit, unit)
    spare = fitted.widened * float(np.hypot(kernel.bent.amplitude, kernel.rest.amplitude))
    return Elasticities(metric, view.features, mean * unit, covariance, spare)
