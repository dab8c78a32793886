"""The actor that tunes by what changes in the slates: it replays configs on a panel before it tests any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rectune_dsl.agents.actor_bayes import PER_ARM
from rectune_dsl.agents.bounds import looked_outside, narrowed
from rectune_dsl.agents.critic_numeric import HEDGED
from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.pursuit import from_skill, pursue
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.agents.trust import looked_at
from rectune_dsl.hooks.api import AgentContext, Config, Proposal, Recommendation
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.told import Told, told_by


class FunnelActor:
    """Proposes what should improve most on the best so far among what is likely enough to be safe and shows
    users enough of what they were shown before. Without a panel it sees params only, and looks in a box."""

    name = "funnel"

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        count, region = PER_ARM * context.budget.arms, looked_at(context)
        first = from_skill(context, region)
        hedges = _hedges(context, region, round(HEDGED * count))
        chosen = pursued(context, region, count - len(hedges), first)
        found = proposals(context, _woven(chosen, hedges), self.name)
        return [replace(proposal, hedge=proposal.config in hedges) for proposal in found]

    def recommend(self, context: AgentContext) -> Recommendation:
        return recommend(context, looked_at(context))


def pursued(context: AgentContext, region: Region, count: int, first: Sequence[Config] = ()) -> list[Config]:
    """What to test next: most of it inside tightened bounds, where the skill has learnt any."""
    narrow = narrowed(context, region)
    if narrow is None:
        return pursue(context, region, count, first)
    inside = pursue(context, narrow, count - looked_outside(context, count), first)
    return pursue(context, region, count, inside)


def hedges_needed(context: AgentContext) -> bool:
    """Whether something that was learnt elsewhere says where to go, and nothing has been measured here."""
    if context.whatif is None or context.history:
        return False
    told = told_by(context.knowledge, context.whatif.names)
    return any(prior.metric in context.task.judged for prior in told.priors)


def _hedges(context: AgentContext, region: Region, count: int) -> list[Config]:
    """What the first round would test if nothing was known from elsewhere."""
    whatif = context.whatif
    if whatif is None or not hedges_needed(context):
        return []
    told = told_by(context.knowledge, whatif.names)
    surrogate = slates.fit(context.task, context.history, whatif, Told(sizes=told.sizes))
    return pursue(replace(context, surrogate=surrogate, knowledge=()), region, count)


def _woven(chosen: Sequence[Config], hedges: Sequence[Config]) -> list[Config]:
    """Each config once, hedges spread evenly: the first few hold their share of them."""
    both = [((i + 0.5) / len(part), config) for part in (chosen, hedges) for i, config in enumerate(part)]
    ordered = [config for _, config in sorted(both, key=lambda pair: pair[0])]
    return list({tuple(config.values.values()): config for config in ordered}.values())
