"""The actor that tunes over the params: constrained noisy expected improvement in a growing box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.pursuit import from_skill, pursue
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.hooks.api import AgentContext, Proposal, Recommendation
from rectune_dsl.surrogate import params

PER_ARM = 2
"""Proposals per arm, so that the Critic has a choice."""


class BayesActor:
    """Proposes what should improve most on the best so far, among what is likely enough to be safe.

    Its model sees params only, whether or not there is a panel."""

    name = "bayes"

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        context = _over_params(context)
        region = Region.of(context)
        chosen = pursue(context, region, PER_ARM * context.budget.arms, from_skill(context, region))
        return proposals(context, chosen, self.name)

    def recommend(self, context: AgentContext) -> Recommendation:
        context = _over_params(context)
        return recommend(context, Region.of(context))


def _over_params(context: AgentContext) -> AgentContext:
    surrogate = params.fit(context.task, context.history)
    return replace(context, surrogate=surrogate, whatif=None, doubts=())
