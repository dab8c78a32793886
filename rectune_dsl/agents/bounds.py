"""Tightened bounds: where the best of what is safe lies, and looking there first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.acquisition import Score, search
from rectune_dsl.agents.belief import objective_draws
from rectune_dsl.agents.past import tested_configs
from rectune_dsl.agents.region import Region
from rectune_dsl.hooks.api import AgentContext, Config, TightBounds

OUTSIDE = 0.2
"""Share of the proposals that go on looking outside tightened bounds."""
_ENOUGH = 40
"""Safe configs, fewer of which say too little."""
_DRAWS = 256
_MIDDLE = (0.05, 0.95)
_PADDING = 0.05
"""Added to either side, as a share of the param's range."""
_UNSAFE = -np.inf
_FEW = 4
"""Params that are narrowed at most."""
_WIDE = 0.6
"""Bounds that leave more of a param's range than this say too little."""


def tightened(context: AgentContext, region: Region) -> tuple[TightBounds, ...]:
    """Where the best config that is safe enough to test has a param: the middle 90 % of the optima of draws
    from the surrogate's posterior, and the optimum of its mean; inside the task's own bounds, and only of
    params that this narrows much. That the optimum of a draw is a draw of the optimum is what Thompson
    sampling rests on (Russo et al. 2018, "A tutorial on Thompson sampling")."""
    found = search(region, _score(context), context.rng, tested_configs(context.history))
    configs = found.where(found.scores > _UNSAFE).shortlist()
    if len(configs) < _ENOUGH:
        return ()
    drawn = objective_draws(context.surrogate, configs, context.rng, _DRAWS)
    points = region.unit(configs)
    low, high = np.quantile(points[drawn.argmax(1)], _MIDDLE, axis=0)
    low, high = np.minimum(low, points[0]) - _PADDING, np.maximum(high, points[0]) + _PADDING
    return tuple(_bounds(context, region, np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)))


def _score(context: AgentContext) -> Score:
    """Expected U, of what is safe enough to test."""
    surrogate, floor = context.surrogate, 1.0 - context.task.experiment.risk

    def score(configs: Sequence[Config]) -> NDArray[np.float64]:
        expected, _ = surrogate.objective(configs)
        return np.where(surrogate.p_feasible(configs) >= floor, expected, _UNSAFE)

    return score


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
