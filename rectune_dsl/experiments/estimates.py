"""From an observation to lifts with their joint covariance.

Conventions. A lift is the ratio treatment / control of a metric's levels, minus 1; its variance is the
first-order delta method's: with T, C the levels and v_T, v_C the variances of these means,
    var(lift) = v_T / C^2 + T^2 v_C / C^4,
and all arms share C, so their lifts covary. Variances divide by n - 1. Where a covariate was observed, the
levels behind the lift are CUPED-adjusted; the reported `level` never is, since an adjusted one is an estimate
of a difference only. `effective_n` is the Welch-Satterthwaite degrees of freedom of the lift, plus 1.

These are for learning and for showing. What a limit is decided on is in `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.contradictions import checked
from rectune_dsl.experiments.measurement import Measurement
from rectune_dsl.hooks.api import Estimates, Observation


def estimate(observation: Observation, metrics: Mapping[str, Metric]) -> Estimates:
    """Lifts of every arm over the first one for `metrics`, in their order.

    What cannot be estimated is None, and `missing` says why. A metric whose control level is not above 0
    keeps its level but has no lift; nor has one whose covariate differs between the arms. Raises BackendError
    where the observation contradicts itself.
    """
    if isinstance(observation, Estimates):
        return selected(observation, metrics)
    return Measurement(observation, metrics).estimates()


def selected(observation: Estimates, metrics: Mapping[str, Metric]) -> Estimates:
    """The wanted metrics of given estimates, in the wanted order. Raises BackendError where the estimates
    contradict themselves."""
    checked(observation)
    at = [observation.metrics.index(m) if m in observation.metrics else None for m in metrics]
    width, arms = len(observation.metrics), range(len(observation.arms))
    missing = dict(observation.missing)
    for name, place in zip(metrics, at, strict=True):
        if place is None:
            missing.setdefault(name, "the backend does not report it")
    flat = [None if m is None else a * width + m for a in arms for m in at]
    return Estimates(
        as_of=observation.as_of,
        arms=observation.arms,
        metrics=tuple(metrics),
        lift=tuple(tuple(None if m is None else row[m] for m in at) for row in observation.lift),
        covariance=tuple(
            tuple(0.0 if i is None or j is None else observation.covariance[i][j] for j in flat) for i in flat
        ),
        level=tuple(tuple(None if m is None else row[m] for m in at) for row in observation.level),
        level_se=tuple(tuple(0.0 if m is None else row[m] for m in at) for row in observation.level_se),
        effective_n=tuple(tuple(0.0 if m is None else row[m] for m in at) for row in observation.effective_n),
        complete_until=dict(observation.complete_until),
        missing=missing,
        support=dict(observation.support),
        assigned=observation.assigned,
    )
