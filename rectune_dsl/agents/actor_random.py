"""The actor to compare others with: it looks at nothing before it proposes."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.hooks.api import AgentContext, Proposal, Recommendation

_PER_ARM = 2
_TRIES = 4


class RandomActor:
    """Proposes uniformly in the same growing box as `bayes`, and recommends by the run's surrogate."""

    name = "random"

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        region = Region.of(context)
        count = _PER_ARM * context.budget.arms
        # rounding to whole numbers can make points equal or push them out of the box: draw some to spare
        configs = region.configs(region.sample(context.rng, _TRIES * count))
        return proposals(context, configs[:count], self.name)

    def recommend(self, context: AgentContext) -> Recommendation:
        return recommend(context, Region.of(context))
