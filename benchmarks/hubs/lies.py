"""A Skillhub that is wrong on purpose: what it knows is turned against whoever believes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from rectune_dsl.dsl.params import Param
from rectune_dsl.hooks.api import KnowledgeRecord, Response, SkillRevision, TightBounds
from rectune_dsl.skillhub.hub import Skillhub

UNDERSTATED = 4.0
"""Sizes are divided by this: metrics look harder to move than they are, so that steps are too long."""
_DAY = date(2026, 1, 1)


def poisoned(hub: Skillhub, params: Mapping[str, Param]) -> dict[str, str]:
    """Turn all that is active into its opposite; `params` are those that bounds are about. Returns the kind
    of each record that was turned, by its id."""
    kinds: dict[str, str] = {}
    for name in hub.names():
        records = [record for record in hub.load(name).knowledge if record.status == "active"]
        if records:
            kinds |= {record.id: _kind(record) for record in records}
            lies = tuple(_opposite(record, params) for record in records)
            hub.apply(SkillRevision(name, lies, "poisoned"), run="poison", when=_DAY, judged=True)
    return kinds


def active(hub: Skillhub) -> Iterable[KnowledgeRecord]:
    for name in hub.names():
        yield from (record for record in hub.load(name).knowledge if record.status == "active")


def _kind(record: KnowledgeRecord) -> str:
    if record.bounds is not None:
        return "bounds"
    if record.mechanic is not None:
        return "mechanics"
    return "elasticities" if any(response.causes for response in record.responses) else "sizes"


def _opposite(record: KnowledgeRecord, params: Mapping[str, Param]) -> KnowledgeRecord:
    mechanic, bounds = record.mechanic, record.bounds
    if mechanic is not None:
        mechanic = replace(mechanic, effect=-mechanic.effect, low=-mechanic.high, high=-mechanic.low)
    if bounds is not None:
        bounds = _mirrored(bounds, params[bounds.param])
    responses = tuple(map(_against, record.responses))
    return replace(record, mechanic=mechanic, bounds=bounds, responses=responses, scored=())


def _against(response: Response) -> Response:
    if response.causes:
        return replace(response, mean=tuple(-value for value in response.mean))
    return replace(response, size=response.size / UNDERSTATED)


def _mirrored(bounds: TightBounds, param: Param) -> TightBounds:
    """As far from the other end of the param's own bounds, on its scale."""
    if param.scale == "log":
        ends = math.log(param.low) + math.log(param.high)
        low, high = math.exp(ends - math.log(bounds.high)), math.exp(ends - math.log(bounds.low))
    else:
        low, high = param.low + param.high - bounds.high, param.low + param.high - bounds.low
    return replace(bounds, low=max(low, param.low), high=min(high, param.high))
