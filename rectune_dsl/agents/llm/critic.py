"""A Critic that asks a model what code cannot check. What code refuses stays refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from rectune_dsl.agents import words
from rectune_dsl.agents.critic_numeric import Case, NumericCritic
from rectune_dsl.agents.llm import brief
from rectune_dsl.agents.llm.asking import Silence, asked
from rectune_dsl.agents.llm.prompt import Row, Section, capped, question
from rectune_dsl.agents.llm.schema import Schema, flag, one_of, record, rows, text
from rectune_dsl.hooks.api import AgentContext, Check, Proposal, Review

ROOM = 16_000
"""Characters for the proposals that a model is shown; code alone judges those that do not fit."""
WHY = 300
"""Most characters of a reason."""
_TOLD = ("risk", "goal", "mechanics", "failures")
"""Checks of code whose details say something to a model."""


@dataclass(frozen=True)
class Opinion:
    """A model's verdict on one proposal."""

    proposal: str
    goal_aligned: bool
    sound: bool
    why: str

    @property
    def checks(self) -> tuple[Check, ...]:
        detail = f"the model says: {capped(self.why, WHY) or 'nothing'}"
        return Check("alignment", self.goal_aligned, detail), Check("explanation", self.sound, detail)


@dataclass(frozen=True)
class Opinions:
    """The one that should be tested first at the top."""

    verdicts: tuple[Opinion, ...]


class LLMCritic:
    """Of what passes the checks of code, a model may refuse any and say which comes first. Code chooses then:
    no duplicates, the share of hedges, at most `budget.arms`."""

    name = "llm"
    asks_model = True

    def review(self, context: AgentContext, proposals: Sequence[Proposal]) -> Sequence[Review]:
        case = Case(context)
        checks = {p.name: case.checks(p) for p in proposals}
        sound = [p for p in proposals if _passed(checks[p.name])]
        if not sound:
            return case.select(proposals, sound, checks)
        judged = _opinions(context, sound, checks)
        if isinstance(judged, Silence):
            return [_alone(review, judged) for review in case.select(proposals, sound, checks)]
        checks |= {name: (*checks[name], *opinion.checks) for name, opinion in judged.items()}
        sound = [p for p in sound if _passed(checks[p.name])]
        found = case.select(proposals, sound, checks, tuple(judged))
        return [_explained(review, judged.get(review.proposal)) for review in found]


def _passed(checks: Sequence[Check]) -> bool:
    return all(check.passed for check in checks)


def _opinions(
    context: AgentContext, sound: Sequence[Proposal], checks: Mapping[str, tuple[Check, ...]]
) -> dict[str, Opinion] | Silence:
    """The first opinion on each proposal that was shown, in the model's order, by name."""
    told = _fitting([_proposal(context, proposal, checks[proposal.name]) for proposal in sound])
    names = [proposal.name for proposal in sound[: len(told)]]

    def problems(answer: Opinions) -> Sequence[str]:
        if any(opinion.proposal in names for opinion in answer.verdicts):
            return ()
        return [f"there is no verdict on any of {', '.join(names)}"]

    answer = asked(context, _question(context, told), Opinions, _schema(names), problems)
    if isinstance(answer, Silence):
        return answer
    found: dict[str, Opinion] = {}
    for opinion in answer.verdicts:
        if opinion.proposal in names:
            found.setdefault(opinion.proposal, opinion)
    return found


def _fitting(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The first rows, as far as there is room for them; one at least."""
    lengths = accumulate(len(json.dumps(row)) for row in rows)
    return tuple(rows[: max(sum(length <= ROOM for length in lengths), 1)])


def _schema(names: Sequence[str]) -> Schema:
    verdict = {
        "proposal": one_of(names),
        "goal_aligned": flag("whether it aims at what the task wants"),
        "sound": flag("whether its hypothesis explains the effect that it predicts"),
        "why": text(WHY),
    }
    return record({"verdicts": rows(record(verdict), len(names))})


def _question(context: AgentContext, told: tuple[Row, ...]) -> tuple[str, str]:
    sections = [
        Section("proposals", told),
        brief.task_of(context),
        brief.metrics_of(context),
        brief.params_of(context),
        brief.failures_of(context),
        brief.knowledge_of(context.knowledge),
    ]
    return question("critic", sections)


def _proposal(context: AgentContext, proposal: Proposal, checks: Sequence[Check]) -> Row:
    hypothesis = proposal.hypothesis
    return {
        "proposal": proposal.name,
        "changes": brief.changed(context, proposal.config),
        "hypothesis": capped(hypothesis.statement, brief.STATEMENT),
        "shows": capped(hypothesis.shows, brief.STATEMENT),
        "predicts": [words.lift(prediction) for prediction in hypothesis.predictions],
        "checks of code": {c.name: capped(c.detail, brief.STATEMENT) for c in checks if c.name in _TOLD},
    }


def _explained(review: Review, opinion: Opinion | None) -> Review:
    """With the model's reason, where it is not in a refusal already."""
    if opinion is None or not _passed(opinion.checks):
        return review
    why = words.sentence(capped(opinion.why, WHY))
    return replace(review, justification=f"{review.justification} The model: {why}".rstrip())


def _alone(review: Review, silence: Silence) -> Review:
    told = silence.fell_back(LLMCritic.name, NumericCritic.name)
    return replace(review, justification=f"{review.justification} Critic {told}.")
