"""A critic for the careful: of what may be served, it takes what changes least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Check, Proposal, Review

_ROUNDING = 1e-6


class SmallestFirst:
    """Refuses what the task forbids; then takes as many as there are arms, the smallest step first."""

    name = "smallest-first"

    def review(self, context: AgentContext, proposals: Sequence[Proposal]) -> Sequence[Review]:
        checks = {p.name: _checks(context, p) for p in proposals}
        sound = [p for p in proposals if all(check.passed for check in checks[p.name])]
        smallest = sorted(sound, key=lambda p: (_step(context, p), p.name))
        taken = {p.name for p in smallest[: context.budget.arms]}
        return [
            Review(p.name, p.name in taken, checks[p.name], _why(checks[p.name], p.name in taken))
            for p in proposals
        ]


def _checks(context: AgentContext, proposal: Proposal) -> tuple[Check, ...]:
    """Whether it is whole and inside the task's bounds; only then, how far it goes."""
    space, values = Space(context.task), proposal.config.values
    problems = [f"{name} has no value" for name in space.names if name not in values]
    problems += [f"{name} is no finite number" for name, value in values.items() if not np.isfinite(value)]
    problems = problems or list(space.violations(values))
    valid = Check("validity", not problems, "; ".join(problems) or "inside all bounds and constraints")
    if problems:
        return (valid,)
    step, most = _step(context, proposal), context.task.limits.step
    far = Check("step", step <= most + _ROUNDING, f"moves by {step:.0%} of a range; {most:.0%} is allowed")
    return valid, far


def _step(context: AgentContext, proposal: Proposal) -> float:
    """The largest move of a param, as a share of its range."""
    space = Space(context.task)
    return float(np.abs(space.to_unit(proposal.config.values) - space.production).max())


def _why(checks: Sequence[Check], is_taken: bool) -> str:
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        return f"Refused: {'; '.join(failed)}."
    said = checks[-1].detail
    return f"Taken: it {said}." if is_taken else f"Refused: it {said}, and others move less."
