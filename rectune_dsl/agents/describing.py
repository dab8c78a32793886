"""What people are told before they approve: from registered predictions, what slates show, and risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.agents.belief import guardrail_risks, risk_is_known, told_chance
from rectune_dsl.agents.shown import shown
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, AskedFor, ChangeDescription, Config, Proposal

NAMED = 5
"""Arms that are told one by one, and params of each; the rest is counted."""
_ROLLBACK: Mapping[AskedFor, str] = {
    "launch": "Production stays as it is. An arm that is shown to do harm is stopped; `rectune abort` ends "
    "the test, and its users are served production again.",
    "confirm": "Production stays as it is. The arm is stopped if it is shown to do harm; `rectune abort` "
    "ends the confirmation, and its users are served production again.",
    "ship": "`rectune abort` takes the delivery back: what was production before is production again.",
}


def described(
    context: AgentContext, asked_for: AskedFor, proposals: Sequence[Proposal], author: str
) -> ChangeDescription:
    """The description that numbers alone make."""
    told = proposals[:NAMED]
    rest = [f"{words.count(len(proposals) - NAMED, 'more arm')}"] if len(proposals) > NAMED else []
    return ChangeDescription(
        for_users=_joined([f"{p.name} {_for_users(context, p)}" for p in told], rest),
        expected=_joined([f"{p.name}: {_expected(p)}" for p in told], rest),
        risk=_joined([f"{p.name}: {_risk(context, p)}" for p in told], rest),
        rollback=_ROLLBACK[asked_for],
        author=author,
    )


def _joined(parts: Sequence[str], rest: Sequence[str]) -> str:
    """One sentence. It begins with the name of an arm, which stays as it is."""
    return f"{'; '.join([*parts, *rest])}."


def _for_users(context: AgentContext, proposal: Proposal) -> str:
    """What slates show, where a panel tells; else which params change."""
    if proposal.hypothesis.shows:
        return proposal.hypothesis.shows
    if context.whatif is not None:
        return shown(context.whatif, proposal.config)
    return f"{change_of(context, proposal.config)}; what that shows to users is not known without a panel"


def change_of(context: AgentContext, config: Config) -> str:
    """The params that move by most of their range, in words; the rest is counted."""
    space = Space(context.task)
    moves = np.abs(space.to_unit(config.values) - space.production)
    most = [space.names[i] for i in np.argsort(-moves, kind="stable")[:NAMED]]
    return words.changes(context.task.params, config.values, most)


def _expected(proposal: Proposal) -> str:
    found = proposal.hypothesis.predictions
    return words.listed(map(words.lift, found)) if found else "nothing was predicted"


def _risk(context: AgentContext, proposal: Proposal) -> str:
    risks = guardrail_risks(context, proposal.config)
    if not risks:
        return "the task has no guardrails"
    if not risk_is_known(context):
        return f"the risk to guardrails is {words.RISK_UNKNOWN}"
    p = float(context.surrogate.p_feasible([proposal.config])[0])
    return f"a guardrail is broken with {told_chance(context, 1.0 - p)}; the weakest: {risks[0]}"
