"""Shapes of GrowthBook's API: which fields requests may have, and how answers name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Fields = dict[str, Any]

EXPERIMENT = frozenset(
    (
        "datasourceId",
        "assignmentQueryId",
        "trackingKey",
        "name",
        "type",
        "project",
        "hypothesis",
        "description",
        "tags",
        "metrics",
        "secondaryMetrics",
        "guardrailMetrics",
        "owner",
        "archived",
        "status",
        "autoRefresh",
        "hashAttribute",
        "fallbackAttribute",
        "hashVersion",
        "disableStickyBucketing",
        "releasedVariationId",
        "excludeFromPayload",
        "statsEngine",
        "variations",
        "phases",
        "regressionAdjustmentEnabled",
        "sequentialTestingEnabled",
    )
)
_PHASE = frozenset(
    (
        "name",
        "dateStarted",
        "dateEnded",
        "reasonForStopping",
        "seed",
        "coverage",
        "namespace",
        "prerequisites",
        "reason",
        "condition",
        "savedGroupTargeting",
        "variationWeights",
    )
)
_SPACE = frozenset(("namespaceId", "range", "enabled"))
FEATURE = frozenset(("description", "archived", "project", "owner", "defaultValue", "tags", "environments"))


class Refusal(Exception):  # noqa: N818  (it is an answer)
    """An answer that is no success."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def known(body: Iterable[str], names: frozenset[str]) -> None:
    """Unknown fields are refused."""
    for name in body:
        if name not in names:
            raise Refusal(f"Request body: [] Unrecognized key: {name}")


def phase_of(phase: Fields) -> Fields:
    known(phase, _PHASE)
    known(phase.get("namespace", {}), _SPACE)
    return phase


def shown_phase(phase: Fields, variations: Sequence[Fields]) -> Fields:
    weights = zip(variations, phase["variationWeights"], strict=True)
    shown = {
        "name": phase["name"],
        "dateStarted": phase["dateStarted"],
        "dateEnded": phase.get("dateEnded", ""),
        "reasonForStopping": phase.get("reason", ""),
        "seed": phase["seed"],
        "coverage": phase["coverage"],
        "trafficSplit": [{"variationId": one["variationId"], "weight": weight} for one, weight in weights],
        "targetingCondition": phase.get("condition", ""),
        "savedGroupTargeting": phase.get("savedGroupTargeting", []),
    }
    space = phase.get("namespace")
    if space and space["enabled"]:
        shown["namespace"] = {name: space[name] for name in ("namespaceId", "range")}
    return shown


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
