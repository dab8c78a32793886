"""Mechanics of slates as records: `+1% long view of the slate: likes +0.12 % [+0.05 %, +0.19 %].`"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.agents.past import tested_configs
from rectune_dsl.agents.shown import name_of
from rectune_dsl.hooks.api import AgentContext, Mechanic, Response, WhatIf
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.mechanics import Elasticities, elasticities
from rectune_dsl.surrogate.responses import responses
from rectune_dsl.surrogate.semantics import SLATE, STEP, causes_of
from rectune_dsl.surrogate.slates import relative_changes

UNIT = f"{STEP:+.0%}"
MOVED = 0.002
"""Relative change that an experiment's arms need for being evidence about what changed."""


@dataclass(frozen=True)
class SlatesDo:
    """`mechanics` are the elasticities whose interval excludes 0, of every judged metric that is a lift."""

    mechanics: tuple[Mechanic, ...] = ()
    responses: tuple[Response, ...] = ()


def what_slates_do(context: AgentContext) -> SlatesDo:
    """By this campaign alone; nothing without a panel or before anything was measured."""
    whatif = context.whatif
    if whatif is None or not tested_configs(context.history):
        return SlatesDo()
    found = tuple(_of_metrics(context, whatif))
    mechanics = (mechanic for slopes in found for mechanic in _known(context, whatif, slopes))
    untold = slates.fit(context.task, context.history, whatif)
    return SlatesDo(tuple(mechanics), responses(found, untold))


def _of_metrics(context: AgentContext, whatif: WhatIf) -> Iterator[Elasticities]:
    for metric in context.task.lifted:
        yield elasticities(context.task, context.history, whatif, metric)


def _known(context: AgentContext, whatif: WhatIf, found: Elasticities) -> Iterator[Mechanic]:
    for cause in found.causes:
        effect, low, high = found.of(cause)
        evidence = _moved_in(context, whatif, cause, found.metric)
        if evidence and not low <= 0 <= high:
            numbers = words.interval(effect, low, high)
            yield Mechanic(
                metric=found.metric,
                cause=f"{SLATE}{cause}",
                unit=UNIT,
                effect=effect,
                low=low,
                high=high,
                evidence=evidence,
                statement=f"{UNIT} {name_of(cause)} of the slate: {found.metric} {numbers}.",
            )


def _moved_in(context: AgentContext, whatif: WhatIf, cause: str, metric: str) -> tuple[str, ...]:
    """Experiments that can be trusted, measured the metric and moved what the cause is about."""
    at = [i for i, feature in enumerate(whatif.names) if cause in causes_of(feature)]
    keys = []
    for result in context.history:
        configs = tested_configs([result])
        if configs and metric in result.estimates.metrics:
            moved = np.abs(relative_changes(whatif, configs)[:, at]).max()
            keys += [result.key] if moved >= MOVED else []
    return tuple(keys)
