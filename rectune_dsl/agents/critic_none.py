"""No Critic: the Actor alone decides what is tested. To compare others with, and for actors that review
themselves."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.agents import words
from rectune_dsl.agents.validity import step, validity
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Proposal, Review


class NoCritic:
    """Takes the first proposals that are valid, as many as the budget has arms."""

    name = "none"

    def review(self, context: AgentContext, proposals: Sequence[Proposal]) -> Sequence[Review]:
        space, left = Space(context.task), context.budget.arms
        reviews = []
        for proposal in proposals:
            checks = [validity(context.task, space, proposal.config)]
            if checks[0].passed:
                checks.append(step(context.task, space, proposal.config))
            problems = [check.detail for check in checks if not check.passed]
            taken = not problems and left > 0
            left -= taken
            reviews.append(Review(proposal.name, taken, tuple(checks), _why(context, problems, taken)))
        return reviews


def _why(context: AgentContext, problems: Sequence[str], taken: bool) -> str:
    if taken:
        return "Taken unread: the task has no Critic."
    if problems:
        return f"Refused: {'; '.join(problems)}."
    return f"Refused: the budget is {words.count(context.budget.arms, 'arm')}."
