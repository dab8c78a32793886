"""The actor that tunes by what changes in the slates: it replays configs on a panel before it tests any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rectune_dsl.agents.actor_bayes import PER_ARM
from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.pursuit import from_skill, pursue
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.agents.trust import SlateRegion
from rectune_dsl.hooks.api import AgentContext, Config, Proposal, Recommendation, WhatIf
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.semantics import prior_of

HEDGED = 0.4
"""Share of the first round's proposals made without the mechanics that were passed in: they may be wrong."""


class FunnelActor:
    """Proposes what should improve most on the best so far among what is likely enough to be safe and shows
    users enough of what they were shown before. Without a panel it sees params only, and looks in a box."""

    name = "funnel"

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        count, region = PER_ARM * context.budget.arms, looked_at(context)
        first = from_skill(context, region)
        if context.whatif is not None and not context.history and prior_of(context.mechanics):
            doubting = _doubting(context, context.whatif)
            first = _different([*first, *pursue(doubting, region, round(HEDGED * count))])
        return proposals(context, pursue(context, region, count, first), self.name)

    def recommend(self, context: AgentContext) -> Recommendation:
        return recommend(context, looked_at(context))


def looked_at(context: AgentContext) -> Region:
    """By slates where there is a panel, else a box of params."""
    if context.whatif is None:
        return Region.of(context)
    return SlateRegion.trusted(context, context.whatif)


def _doubting(context: AgentContext, whatif: WhatIf) -> AgentContext:
    """The same, knowing nothing from elsewhere."""
    return replace(context, surrogate=slates.fit(context.task, context.history, whatif), mechanics=())


def _different(configs: Sequence[Config]) -> list[Config]:
    return list({tuple(config.values.values()): config for config in configs}.values())
