"""What to test next in a region: what should improve most on the best so far, among what is safe enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rectune_dsl.agents.acquisition import (
    Batch,
    Candidates,
    Worth,
    choose_batch,
    improvement_score,
    search,
    shrunk,
)
from rectune_dsl.agents.past import learnt, tested_configs
from rectune_dsl.agents.region import Region
from rectune_dsl.agents.safety import Mending, Safety
from rectune_dsl.hooks.api import AgentContext, Config

SPENT = (1.0, 0.6, 0.7, 0.75, 0.8)
"""Share of the `risk` that arms are chosen with, by rounds learnt from. What is chosen for looking good is
worse than it looks, most of all where few noisy arms say how it looks."""


def pursue(context: AgentContext, region: Region, count: int, first: Sequence[Config] = ()) -> list[Config]:
    """`first`, and the most promising up to `count` in all; fewer, or none, where nothing is safe enough.

    Nothing below the floor P(all guardrails hold) >= 1 - risk is taken: where nothing meets it, the best
    ideas are drawn towards production until they do. Where production itself lies below the floor, it is what
    is likeliest to mend that.
    """
    surrogate = context.surrogate
    safety = Safety(context.task, surrogate, floor_of(context))
    known = [*tested_configs(context.history), *first]
    found = _new(_safe(context, region, safety.floor, known), region, known)
    mending = not found.configs and bool(safety.broken)
    if mending:
        found = search(region, safety.mending, context.rng, known)
        found = _new(found.where(found.scores >= 0), region, known)

    def worth(configs: Sequence[Config]) -> Worth:
        if mending:
            return Mending(safety, configs)
        return Batch(surrogate, configs, known, context.rng, safety.floor)

    return [*first, *choose_batch(region, found, count - len(first), worth)]


def floor_of(context: AgentContext) -> float:
    """P(all guardrails hold) that arms of this round are chosen with."""
    return 1.0 - context.task.experiment.risk * SPENT[min(learnt(context.history), len(SPENT) - 1)]


def from_skill(context: AgentContext, region: Region) -> list[Config]:
    """The skill's initial values, in the first round, if they lie in its region and meet the floor."""
    skill = context.skill
    if context.history or skill is None or not skill.initial_values:
        return []
    known = {name: value for name, value in skill.initial_values.items() if name in region.space.names}
    config = Config({**context.task.production, **known})
    if not region.configs(region.unit([config])):
        return []
    safe = context.surrogate.p_feasible([config])[0] >= floor_of(context)
    return [config] if safe else []


def _new(found: Candidates, region: Region, known: Sequence[Config]) -> Candidates:
    """Those that are no other name for what is known."""
    names = set(region.identities(known))
    return found.where(np.array([name not in names for name in region.identities(found.configs)], bool))


def _safe(context: AgentContext, region: Region, floor: float, known: Sequence[Config]) -> Candidates:
    """What should improve, among what meets the floor."""
    score = improvement_score(context.surrogate, tested_configs(context.history), floor)
    found = search(region, score, context.rng, known)
    if not (found.scores >= 0).any():
        found = found.with_scored(shrunk(region, found.configs[:64]), score)
    return found.where(found.scores >= 0)
