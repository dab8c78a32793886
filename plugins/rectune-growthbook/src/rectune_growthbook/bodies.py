"""What is sent to GrowthBook: an experiment that is to be made, a phase that is to be changed, and times."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rectune_dsl.hooks.api import ExperimentSpec
from rectune_growthbook.memo import digest, noted, tracking_key
from rectune_growthbook.settings import GrowthBookSettings
from rectune_growthbook.users import Share
from rectune_growthbook.wire import Record

Body = dict[str, Any]


def experiment_body(spec: ExperimentSpec, key: str, share: Share, settings: GrowthBookSettings) -> Body:
    """An experiment as a draft. What would make its errors others than those of the means is turned off."""
    made = {
        "trackingKey": tracking_key(key),
        "name": f"{spec.surface}: {spec.purpose}, {spec.start:%Y-%m-%d}",
        "description": noted(f"Made by rectune as {key}.", _memo(spec, share)),
        "tags": ["rectune"],
        "datasourceId": settings.datasource,
        "assignmentQueryId": settings.assignment_query,
        "hashAttribute": settings.hash_attribute,
        "hashVersion": 2,
        "disableStickyBucketing": True,
        "status": "draft",
        "autoRefresh": False,
        "statsEngine": "frequentist",
        "regressionAdjustmentEnabled": False,
        "sequentialTestingEnabled": False,
        "metrics": list(dict.fromkeys(settings.metrics.values())),
        "variations": [
            {"key": arm.name, "name": arm.name, "description": json.dumps(dict(arm.config.values))}
            for arm in spec.arms
        ],
        "phases": [_phase(spec, share, settings)],
    }
    return made | ({"project": settings.project} if settings.project else {})


def written_phase(phase: Record, variations: Sequence[str]) -> Body:
    """A phase as it is sent, from what was read: GrowthBook has other names for some of it. `variations` are
    its ids in the experiment's order."""
    weights = {one.text("variationId"): one.number("weight") for one in phase.records("trafficSplit")}
    body: Body = {
        "name": phase.text("name"),
        "dateStarted": phase.text("dateStarted"),
        "seed": phase.text("seed"),
        "coverage": phase.number("coverage"),
        "variationWeights": [weights[variation] for variation in variations],
        "condition": phase.maybe("targetingCondition", ""),
        "reason": phase.maybe("reasonForStopping", ""),
        "prerequisites": phase.maybe("prerequisites", []),
        "savedGroupTargeting": phase.maybe("savedGroupTargeting", []),
    }
    if ended := phase.maybe("dateEnded", ""):
        body["dateEnded"] = ended
    space: Body = phase.maybe("namespace", {})
    if space:
        body["namespace"] = {name: space.get(name) for name in ("namespaceId", "range")} | {"enabled": True}
    return body


def until(moment: datetime) -> dict[str, str]:
    """The end of what is analysed, as a phase has it."""
    return {"dateEnded": written(moment)}


def milliseconds(moment: datetime) -> datetime:
    """A moment as exactly as GrowthBook tells it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def written(moment: datetime) -> str:
    """A moment as GrowthBook writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def seconds(moment: datetime) -> int:
    """The first whole second from a moment on, since 1970."""
    return math.ceil(moment.timestamp())


def _memo(spec: ExperimentSpec, share: Share) -> Body:
    return {
        "spec": digest(spec),
        "salt": spec.salt,
        "start": spec.start.isoformat(),
        "days": spec.days,
        "ramps": bool(spec.ramp.steps),
        "places": [share.low, share.high],
        "buckets": share.buckets,
        "users": spec.users,
    }


def _phase(spec: ExperimentSpec, share: Share, settings: GrowthBookSettings) -> Body:
    # users bring the time along; with a ramp the end is known when all are served
    end = {} if spec.ramp.steps else {"$lt": seconds(spec.ends)}
    days = {settings.clock_attribute: {"$gte": seconds(spec.start), **end}}
    return {
        "name": spec.purpose,
        "dateStarted": written(spec.start),
        "seed": spec.salt,
        "coverage": share.coverage(1.0),
        "variationWeights": share.weights,
        "namespace": {"namespaceId": settings.namespace, "range": share.range, "enabled": True},
        "condition": json.dumps(days),
    }
