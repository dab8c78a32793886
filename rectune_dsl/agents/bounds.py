"""Tightened bounds: where the best of what is safe lies, and looking there first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.region import Region
from rectune_dsl.hooks.api import AgentContext, TightBounds

OUTSIDE = 0.2
"""Share of the proposals that go on looking outside tightened bounds."""
BEST = 0.1
"""Share of the safe configs that are taken for the best."""
_SAMPLED, _ENOUGH = 256, 40
_MIDDLE = (0.05, 0.95)
_PADDING = 0.05
"""Added to either side, as a share of the param's range."""
_FEW = 4
"""Params that are narrowed at most."""
_WIDE = 0.6
"""Bounds that leave more of a param's range than this say too little."""


def tightened(context: AgentContext, region: Region) -> tuple[TightBounds, ...]:
    """Where, by the surrogate, nearly all of the best configs that are safe enough to test have a param;
    inside the task's own bounds, and only of params that this narrows much."""
    configs = region.configs(region.starts(context.rng, _SAMPLED))
    safe = context.surrogate.p_feasible(configs) >= 1.0 - context.task.experiment.risk
    configs = [config for config, holds in zip(configs, safe, strict=True) if holds]
    if len(configs) < _ENOUGH:
        return ()
    expected, _ = context.surrogate.objective(configs)
    best = np.argsort(-expected, kind="stable")[: max(round(BEST * len(configs)), 10)]
    points = region.unit([configs[i] for i in best])
    low, high = np.quantile(points, _MIDDLE, axis=0)
    low, high = np.clip(low - _PADDING, 0.0, 1.0), np.clip(high + _PADDING, 0.0, 1.0)
    return tuple(_bounds(context, region, low, high))


def narrowed(context: AgentContext, region: Region) -> Region | None:
    """The part of the region inside what the task's own skill has learnt of its params; None without that.
    Of bounds that do not meet the task's own, nothing is kept."""
    own = {record.id for record in context.skill.knowledge} if context.skill else set()
    known = (record.bounds for record in context.knowledge if record.id in own and record.bounds)
    params = context.task.params
    inside = {
        bounds.param: replace(
            bounds,
            low=max(bounds.low, params[bounds.param].low),
            high=min(bounds.high, params[bounds.param].high),
        )
        for bounds in known
        if bounds.param in params
    }
    kept = tuple(bounds for bounds in inside.values() if bounds.low < bounds.high)
    return replace(region, inside=kept) if kept else None


def looked_outside(context: AgentContext, count: int) -> int:
    """How many of so many proposals look outside tightened bounds."""
    shares = [record.bounds.outside for record in context.knowledge if record.bounds]
    return max(round(max([OUTSIDE, *shares]) * count), 1)


def _bounds(
    context: AgentContext, region: Region, low: NDArray[np.float64], high: NDArray[np.float64]
) -> Iterator[TightBounds]:
    """The narrowest few."""
    lows, highs = region.space.from_units(np.vstack([low, high]))
    for i in np.argsort(high - low, kind="stable")[:_FEW]:
        name = region.space.names[i]
        if high[i] - low[i] <= _WIDE and lows[name] < highs[name]:
            yield TightBounds(name, lows[name], highs[name], OUTSIDE)
