"""Mechanics: how a metric responds to a slate feature, with all other features held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import ndtri

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, RoundResult, WhatIf
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.semantics import STEP, MechanicsPrior
from rectune_dsl.surrogate.slates import Slated, SlatedFamily, SlateView

_Z90 = float(ndtri(0.95))


@dataclass(frozen=True, eq=False)
class Elasticities:
    """Posterior of β of one metric: `mean` (features,) and `covariance` (features, features), in lift per
    relative change of a feature."""

    metric: str
    features: tuple[str, ...]
    mean: Array
    covariance: Array

    def of(self, feature: str) -> tuple[float, float, float]:
        """Effect of a change by STEP, and the ends of its 90 % interval."""
        at = self.features.index(feature)
        half = _Z90 * float(np.sqrt(max(self.covariance[at, at], 0.0)))
        mean = float(self.mean[at])
        return STEP * mean, STEP * (mean - half), STEP * (mean + half)

    def as_prior(self, causes: Sequence[str]) -> MechanicsPrior:
        """What another task may be told, covariance included."""
        at = [self.features.index(cause) for cause in causes]
        return MechanicsPrior(self.metric, tuple(causes), self.mean[at], self.covariance[np.ix_(at, at)])


def elasticities(
    task: Task,
    history: Sequence[RoundResult],
    whatif: WhatIf,
    metric: str,
    priors: Sequence[MechanicsPrior] = (),
) -> Elasticities:
    """By the surrogate's own model of the metric's lifts, with its hyperparameters.

    β and the lifts are jointly normal: the covariance of β with the lift at x is Cx, where C is that of β.
    """
    view = SlateView(task, whatif, priors)
    measured = lifts_of(view.points, history, {metric: 1.0})
    data = measured.with_exact(view.points([Config(task.production)])[0], 0.0)
    fitted = view.fit(data, {metric: 1.0}, 1.0)
    family, kernel = cast(SlatedFamily, fitted.family), cast(Slated, fitted.process.hyper)
    prior = kernel.slopes
    across = data.points[:, : family.features] @ prior
    mean, covariance = fitted.process.conditioned(across, prior)
    unit = 1.0 / view.scale
    covariance = fitted.widened**2 * covariance * np.outer(unit, unit)
    return Elasticities(metric, view.features, (family.slopes + mean) * unit, covariance)
