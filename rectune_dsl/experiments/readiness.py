"""Whether a metric may be judged yet: measured, matured, not stale."""

from __future__ import annotations

from datetime import datetime, timedelta

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.hooks.api import ExperimentSpec, Observation


def matures_at(metric: Metric, spec: ExperimentSpec) -> datetime:
    """When the last day's events of the metric have all happened."""
    return spec.start + timedelta(days=spec.lasts + metric.matures_after_days)


def unready(name: str, metric: Metric, spec: ExperimentSpec, observation: Observation) -> str:
    """Why the metric cannot be judged at the horizon, as a clause; empty where it can.

    A metric is known up to the earliest `complete_until` of itself and its columns. A covariate is from
    before the experiment and never late.
    """
    needed = matures_at(metric, spec)
    if observation.as_of < needed:
        return f"is not mature before {needed:%Y-%m-%d %H:%M} UTC"
    known = known_until(name, metric, observation)
    if known < needed:
        return f"is stale: complete until {known:%Y-%m-%d %H:%M} UTC only, not {needed:%Y-%m-%d %H:%M}"
    return ""


def known_until(name: str, metric: Metric, observation: Observation) -> datetime:
    """Until when all events of the metric are counted."""
    own = (name, *metric.model_copy(update={"covariate": None}).columns(name))
    return min(observation.complete_until.get(key, observation.as_of) for key in own)
