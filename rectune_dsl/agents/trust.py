"""Where the funnel's actor may look: wherever users are still shown much of what they were."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from rectune_dsl.agents.differences import identities
from rectune_dsl.agents.past import failures, skipped_rounds, tested_arms
from rectune_dsl.agents.region import Array, Region
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, RoundResult, WhatIf

LEAST_OVERLAPS = (0.75, 0.65, 0.55, 0.45, 0.4)
"""Share of the items shown that production shows too, by rounds that went well."""
_SMALLEST = 0.05
"""Of the scales that starting points are drawn at, as a share of the way to a random point of the box."""
_FEW = 4
"""Params that a start moves where it moves few."""


@dataclass(frozen=True, kw_only=True)
class SlateRegion(Region):
    """Configs whose slates have at least the share `least` of their items in common with those of production,
    which is what `serves`. Of configs that show the very same slates it knows one.

    Distances in a formula's numbers say little: a weight may be doubled and nothing changes, or a filter's
    threshold moved a little and all does.
    """

    whatif: WhatIf
    serves: Config
    least: float

    @classmethod
    def trusted(cls, context: AgentContext, whatif: WhatIf) -> SlateRegion:
        """That of the context's round. What widens it are rounds that taught something, most of whose arms
        are not known to fail, and rounds that held nothing to test."""
        learnt = sum(_went_well(context.task, result) for result in context.history) + skipped_rounds(context)
        step = context.task.limits.step
        least = LEAST_OVERLAPS[min(learnt, len(LEAST_OVERLAPS) - 1)]
        serves = Config(context.task.production)
        return cls(Space(context.task), min(1.0, step), step, whatif=whatif, serves=serves, least=least)

    def starts(self, rng: np.random.Generator, count: int) -> Array:
        """Half of the points on the way to random ones of the box, half with few params moved; those that
        would show too much else are drawn towards production."""
        offsets = self.sample(rng, count) - self.space.production
        few = rng.random(offsets.shape) < min(1.0, _FEW / offsets.shape[1])
        few[count // 2 :] = True
        scales = np.exp(rng.uniform(np.log(_SMALLEST), 0.0, (count, 1)))
        return self._drawn_in(self.space.production + np.where(few, offsets, 0.0) * scales)

    def configs(self, points: Array) -> list[Config]:
        found = super().configs(points)
        if not found:
            return []
        near = self.whatif.overlaps(found) >= self.least
        production = self.identities([self.serves])[0]
        different = {production: self.serves}
        for config, key, close in zip(found, self.identities(found), near, strict=True):
            if close:
                different.setdefault(key, config)
        return [config for key, config in different.items() if key != production]

    def identities(self, configs: Sequence[Config]) -> list[Hashable]:
        return identities(self.whatif, configs)

    def places(self, configs: Sequence[Config]) -> Array:
        """What the slates show, in units of how much they may change."""
        changes = self.whatif.features(configs) - self.whatif.production
        return np.asarray(changes / np.maximum(self.whatif.spread, 1e-12) / (1.0 - self.least))

    def _drawn_in(self, points: Array) -> Array:
        """Points outside moved towards production, as far as they show too much else."""
        other = 1.0 - self.whatif.overlaps([Config(values) for values in self.space.from_units(points)])
        share = np.minimum(1.0, (1.0 - self.least) / np.maximum(other, 1e-9))
        return self.space.production + share[:, None] * (points - self.space.production)


def looked_at(context: AgentContext) -> Region:
    """By slates where there is a panel, else a box of params."""
    if context.whatif is None:
        return Region.of(context)
    return SlateRegion.trusted(context, context.whatif)


def _went_well(task: Task, result: RoundResult) -> bool:
    """It can be trusted, and no more than half of its arms are known to fail."""
    arms = tested_arms([result])
    return not result.frozen and 2 * len(failures(task, [result])) <= len(arms)
