"""Mechanics of slates as records: `+1% long view of the slate: likes +0.12 % [+0.05 %, +0.19 %].`"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.agents.past import tested_configs
from rectune_dsl.agents.shown import name_of
from rectune_dsl.hooks.api import AgentContext, Mechanic, WhatIf
from rectune_dsl.surrogate.mechanics import Elasticities, elasticities
from rectune_dsl.surrogate.semantics import SLATE, STEP, prior_of
from rectune_dsl.surrogate.slates import relative_changes

MOVED = 0.002
"""Relative change of a feature that an experiment's arms need for being evidence about it."""


def slate_mechanics(context: AgentContext) -> tuple[Mechanic, ...]:
    """The elasticities whose interval excludes 0, of every judged metric that is a lift; none without a panel
    or before anything was measured."""
    if context.whatif is None or not tested_configs(context.history):
        return ()
    return tuple(
        m for found in _of_metrics(context, context.whatif) for m in _known(context, context.whatif, found)
    )


def _of_metrics(context: AgentContext, whatif: WhatIf) -> Iterator[Elasticities]:
    task, priors = context.task, prior_of(context.mechanics)
    for metric in task.judged:
        limit = task.guarded.get(metric)
        if limit is None or limit.relative:
            yield elasticities(task, context.history, whatif, metric, priors)


def _known(context: AgentContext, whatif: WhatIf, found: Elasticities) -> Iterator[Mechanic]:
    for feature in found.features:
        effect, low, high = found.of(feature)
        evidence = _moved_in(context, whatif, feature, found.metric)
        if evidence and not low <= 0 <= high:
            yield Mechanic(
                metric=found.metric,
                cause=f"{SLATE}{feature}",
                unit=_unit(feature),
                effect=effect,
                low=low,
                high=high,
                evidence=evidence,
                statement=(
                    f"{_unit(feature)} {name_of(feature)} of the slate: {found.metric} "
                    f"{words.interval(effect, low, high)}."
                ),
            )


def _unit(feature: str) -> str:
    return f"{STEP:+.0%}" if not feature.startswith("log:") else f"{STEP:+}"


def _moved_in(context: AgentContext, whatif: WhatIf, feature: str, metric: str) -> tuple[str, ...]:
    """Experiments that can be trusted, measured the metric and moved the feature."""
    at = whatif.names.index(feature)
    keys = []
    for result in context.history:
        configs = tested_configs([result])
        if configs and metric in result.estimates.metrics:
            moved = np.abs(relative_changes(whatif, configs)[:, at]).max()
            keys += [result.key] if moved >= MOVED else []
    return tuple(keys)
