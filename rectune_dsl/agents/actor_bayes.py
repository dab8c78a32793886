"""The actor that tunes over the params: constrained noisy expected improvement in a growing box."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.agents.acquisition import (
    Batch,
    Candidates,
    Worth,
    choose_batch,
    improvement_score,
    search,
    shrunk,
)
from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.past import tested_configs
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.agents.safety import Mending, Safety
from rectune_dsl.hooks.api import AgentContext, Config, Proposal, Recommendation

_PER_ARM = 2
"""Proposals per arm, so that the Critic has a choice."""


class BayesActor:
    """Proposes what should improve most on the best so far, among what is likely enough to be safe.

    It never proposes what lies below the floor P(all guardrails hold) >= 1 - risk: where nothing meets it, it
    draws its best ideas towards production until they do, and proposes fewer, or none, where even that fails.
    Where production itself lies below the floor, it proposes what is likeliest to mend that.
    """

    name = "bayes"

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        region, surrogate = Region.of(context), context.surrogate
        tested = tested_configs(context.history)
        safety = Safety(context.task, surrogate)
        first = _from_skill(context, region)
        known = [*tested, *first]
        found = _safe(context, region, safety.floor, known).without(known)
        mending = not found.configs and bool(safety.broken)
        if mending:
            found = search(region, safety.mending, context.rng, known)
            found = found.where(found.scores >= 0).without(known)

        def worth(configs: Sequence[Config]) -> Worth:
            if mending:
                return Mending(safety, configs)
            return Batch(surrogate, configs, known, context.rng, safety.floor)

        chosen = choose_batch(region, found, _PER_ARM * context.budget.arms - len(first), worth)
        return proposals(context, [*first, *chosen], self.name)

    def recommend(self, context: AgentContext) -> Recommendation:
        return recommend(context)


def _safe(context: AgentContext, region: Region, floor: float, known: Sequence[Config]) -> Candidates:
    """What should improve, among what meets the floor."""
    score = improvement_score(context.surrogate, tested_configs(context.history), floor)
    found = search(region, score, context.rng, known)
    if not (found.scores >= 0).any():
        found = found.with_scored(shrunk(region, found.configs[:64]), score)
    return found.where(found.scores >= 0)


def _from_skill(context: AgentContext, region: Region) -> list[Config]:
    """The skill's initial values, in the first round, if they lie in its box and meet the floor."""
    skill = context.skill
    if context.history or skill is None or not skill.initial_values:
        return []
    known = {name: value for name, value in skill.initial_values.items() if name in region.space.names}
    config = Config({**context.task.production, **known})
    if not region.allows(config):
        return []
    safe = context.surrogate.p_feasible([config])[0] >= 1.0 - context.task.experiment.risk
    return [config] if safe else []
