"""The rounds of a run: what was proposed, what people said, what came of it, and the best so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rectune_dsl.agents.words import count
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Insight, Proposal, Review
from rectune_dsl.report.facts.records import (
    AnswerFacts,
    ArmFacts,
    ProposalFacts,
    RoundFacts,
    Span,
)
from rectune_dsl.report.turnout import turnout
from rectune_dsl.report.view import RoundView, RunView, assigned
from rectune_dsl.report.words import changes
from rectune_dsl.report.worth import told_of
from rectune_dsl.workflow.journaled import Approval

NOTHING = "nothing to test"
"""The state of a round that launched no arm."""
PRODUCTION = Span(0.0, 0.0, 0.0)
"""The safe gain of a run that has found nothing safer and better: production is as good as itself."""


def floor(task: Task) -> float:
    """How likely an arm has to keep all guardrails to count as safe."""
    return 1.0 - task.experiment.risk


def rounds(task: Task, view: RunView, arms: Sequence[ArmFacts]) -> tuple[RoundFacts, ...]:
    """Every round with the best U and the safe gain up to it."""
    found, least = [], floor(task)
    best: tuple[Span | None, str] = (None, "")
    safe: tuple[Span, str] = (PRODUCTION, "")
    by_round: dict[int, list[ArmFacts]] = {}
    for arm in arms:
        by_round.setdefault(arm.round, []).append(arm)
    for round in view.rounds:
        for arm in by_round.get(round.round, ()):
            u = arm.objective
            if u is None or arm.stopped:
                continue
            if best[0] is None or u.value > best[0].value:
                best = (u, arm.name)
            if u.value > safe[0].value and is_safe(arm, least):
                safe = (u, arm.name)
        found.append(_round(task, round, best, safe))
    return tuple(found)


def is_safe(arm: ArmFacts, least: float) -> bool:
    """Whether its own numbers say so; an arm that was stopped, or lacks a guardrail's numbers, is not."""
    return not arm.stopped and arm.p_safe is not None and arm.p_safe >= least


def answer(given: Approval | None) -> AnswerFacts | None:
    """None where nobody was asked."""
    if given is None or (given.granted and not given.asked):
        return None
    return AnswerFacts(given.granted, given.by, given.why)


def _round(task: Task, round: RoundView, best: tuple[Span | None, str], safe: tuple[Span, str]) -> RoundFacts:
    reviews = {review.proposal: review for review in round.reviews}
    result = round.result
    return RoundFacts(
        round=round.round,
        state=_state(round),
        told=told_of(round),
        proposals=tuple(_proposal(task, p, reviews.get(p.name)) for p in round.proposals),
        answer=answer(round.approval),
        users=assigned(round.looks[-1]) if round.looks else 0,
        days=round.spec.lasts if round.spec else 0,
        best=best[0],
        best_arm=best[1],
        safe_gain=safe[0],
        safe_arm=safe[1],
        control=_control(round),
        notes=() if round.insight is None else lessons(round.insight),
        frozen=result.frozen if result else "",
        turnout=turnout(round.spec, round.looks[-1]) if round.spec and round.looks else "",
        support=dict(result.estimates.support) if result and result.estimates.support else None,
        idle=_idle(round) if _state(round) == NOTHING else "",
    )


def _control(round: RoundView) -> dict[str, float]:
    """What was measured of production's users; nothing in a frozen round."""
    if round.result is None or round.result.frozen or not round.result.estimates.level:
        return {}
    estimates = round.result.estimates
    levels = zip(estimates.metrics, estimates.level[0], strict=True)
    return {metric: level for metric, level in levels if level is not None}


def lessons(insight: Insight) -> tuple[str, ...]:
    """The notes of a round, and the effects whose interval excludes 0 and that no note tells of."""
    clear = (m.statement for m in insight.mechanics if m.low > 0 or m.high < 0)
    told = " ".join(insight.notes)
    return (*insight.notes, *(statement for statement in clear if statement.rstrip(".") not in told))


def _state(round: RoundView) -> str:
    if round.result is not None:
        return "frozen" if round.result.frozen else "measured"
    if round.approval is not None and not round.approval.granted:
        return "not launched"
    if round.insight is not None or (round.reviews and not any(r.taken for r in round.reviews)):
        return NOTHING
    return "running" if round.looks or round.spec is not None else "reviewed" if round.reviews else "proposed"


def _idle(round: RoundView) -> str:
    """Why no arm was launched, with what the Critic refused most for."""
    if not round.proposals:
        return "the Actor proposed nothing"
    failed = [check for review in round.reviews for check in review.checks if not check.passed]
    if not failed:
        return f"the Critic took none of {count(len(round.proposals), 'proposal')}"
    (name, often), *_ = Counter(check.name for check in failed).most_common(1)
    detail = next(check.detail for check in failed if check.name == name)
    refused = f"the Critic refused {count(len(round.proposals), 'proposal')}"
    return f"{refused}, {often} of them by its check of `{name}`, such as: {detail}"


def _proposal(task: Task, proposal: Proposal, review: Review | None) -> ProposalFacts:
    hypothesis = proposal.hypothesis
    return ProposalFacts(
        name=proposal.name,
        author=proposal.author,
        is_hedge=proposal.hedge,
        changes=changes(proposal.config, task.production),
        hypothesis=hypothesis.statement,
        shows=hypothesis.shows,
        predictions=hypothesis.predictions,
        taken=None if review is None else review.taken,
        critic="" if review is None else review.justification,
        checks=() if review is None else review.checks,
    )
