"""Whether a metric may be judged yet: measured, matured, not stale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.hooks.api import Observation


def unready(name: str, metric: Metric, served: datetime, observation: Observation) -> str:
    """Why the metric cannot be judged at the horizon of an experiment that `served` users until then, as a
    clause; empty where it can.

    A metric is known up to the earliest `complete_until` of itself and its columns. A covariate is from
    before the experiment and never late.
    """
    needed = served + timedelta(days=metric.matures_after_days)
    if observation.as_of < needed:
        return f"is not mature before {needed:%Y-%m-%d %H:%M} UTC"
    known = known_until(name, metric, observation)
    if known < needed:
        return f"is stale: complete until {known:%Y-%m-%d %H:%M} UTC only, not {needed:%Y-%m-%d %H:%M}"
    return ""


def stale(metrics: Mapping[str, Metric], served: datetime, observation: Observation) -> dict[str, str]:
    """The metrics whose events are not all there although each had its days to mature, with a clause that
    says so."""
    late = {name: unready(name, metric, served, observation) for name, metric in metrics.items()}
    return {name: why for name, why in late.items() if why}


def known_until(name: str, metric: Metric, observation: Observation) -> datetime:
    """Until when all events of the metric are counted."""
    own = (name, *metric.model_copy(update={"covariate": None}).columns(name))
    return min(observation.complete_until.get(key, observation.as_of) for key in own)
