"""Actors that ask a model for configs. What to confirm is always found by the posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from rectune_dsl.agents.actor_bayes import PER_ARM
from rectune_dsl.agents.actor_funnel import FunnelActor, hedges_needed
from rectune_dsl.agents.llm.asking import Silence
from rectune_dsl.agents.llm.ideas import Sieve, ideas
from rectune_dsl.hooks.api import AgentContext, Proposal, Recommendation


class LLMActor:
    """Proposes what a model thinks up and code lets pass; the numeric actor fills up what is missing."""

    name = "llm"
    asks_model = True

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        wanted = PER_ARM * context.budget.arms
        own = _own(context, wanted, self.name)
        if isinstance(own, Silence):
            return _fallen_back(context, own, self.name)
        if len(own) == wanted and not hedges_needed(context):
            return own
        more = _beside(context, own, f"{FunnelActor.name} (fills up {self.name})")
        hedges = [proposal for proposal in more if proposal.hedge]
        others = [proposal for proposal in more if not proposal.hedge]
        return _numbered(context, [*hedges, *own, *others][:wanted])

    def recommend(self, context: AgentContext) -> Recommendation:
        return FunnelActor().recommend(context)


class HybridActor:
    """A model's proposals, for up to half of the places, and the numeric actor's, in one pool by turns: the
    Critic chooses."""

    name = "hybrid"
    asks_model = True

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        half = max(PER_ARM * context.budget.arms // 2, 1)
        own = _own(context, half, f"{self.name}: {LLMActor.name}")
        if isinstance(own, Silence):
            return _fallen_back(context, own, self.name)
        numeric = _beside(context, own, f"{self.name}: {FunnelActor.name}")
        pairs = zip_longest(own, numeric)
        return _numbered(context, [one for one in chain.from_iterable(pairs) if one is not None])

    def recommend(self, context: AgentContext) -> Recommendation:
        return FunnelActor().recommend(context)


def _own(context: AgentContext, count: int, author: str) -> list[Proposal] | Silence:
    found = ideas(context, count)
    if isinstance(found, Silence):
        return found
    return _numbered(context, [Proposal("", config, hypothesis, author) for config, hypothesis in found])


def _fallen_back(context: AgentContext, silence: Silence, name: str) -> list[Proposal]:
    author = silence.fell_back(name, FunnelActor.name)
    return [replace(proposal, author=author) for proposal in FunnelActor().propose(context)]


def _beside(context: AgentContext, own: Sequence[Proposal], author: str) -> list[Proposal]:
    """The numeric actor's proposals that are unlike a model's."""
    sieve, known = Sieve(context), [proposal.config for proposal in own]
    numeric = FunnelActor().propose(context)
    return [replace(p, author=author) for p in numeric if sieve.is_new(p.config, known)]


def _numbered(context: AgentContext, proposals: Sequence[Proposal]) -> list[Proposal]:
    return [replace(p, name=f"r{context.round}p{number}") for number, p in enumerate(proposals, 1)]
