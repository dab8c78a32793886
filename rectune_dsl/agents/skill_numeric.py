"""The Skill agent: turns what this campaign supports into knowledge records, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from rectune_dsl.agents import words
from rectune_dsl.agents.bounds import tightened
from rectune_dsl.agents.evidence import Evidence
from rectune_dsl.agents.novel import novel_skill
from rectune_dsl.agents.past import experiments, learnt, tested_arms
from rectune_dsl.agents.recommend import FEW
from rectune_dsl.agents.trust import looked_at
from rectune_dsl.hooks.api import (
    AgentContext,
    Insight,
    KnowledgeRecord,
    Mechanic,
    Response,
    Scope,
    SkillRevision,
    TightBounds,
)
from rectune_dsl.surrogate.semantics import SLATE
from rectune_dsl.surrogate.told import size_alone

MOST = 6
"""Mechanics per metric and kind of cause, slates and params, that are kept: those that are surest."""
COMPUTED = "skill numeric"
"""The author of records that are computed anew after each round."""


class NumericSkill:
    """Proposes candidates for the skill of the task. What becomes active is decided elsewhere."""

    name = "numeric"

    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]:
        """One revision: a record per mechanic whose interval excludes 0, one with the responses of all
        metrics, and one per param whose bounds can be tightened. Where no skill covers the task, it makes
        one."""
        skill = skill_of(context)
        records = (
            *_mechanics(context, insight, skill),
            *_responses(context, insight.responses, skill),
            *_tightened(context, skill),
        )
        if not records:
            return ()
        novel = novel_skill(context.task) if context.skill is None else None
        rounds = words.count(len(context.history), "round")
        why = f"{words.count(len(records), 'record')} after {rounds} of {context.task.task.name}."
        return (SkillRevision(skill, records, why, novel=novel),)


def skill_of(context: AgentContext) -> str:
    """The skill that the task names; one that is called like the task where it names none."""
    return context.task.task.skill or context.task.task.name


def scope_of(context: AgentContext) -> Scope:
    """The stage whose params are tuned, where it is one; the product and the state of its models."""
    task = context.task
    stages = [name for name, stage in task.stages.items() if stage.tunable]
    return Scope(stages[0] if len(stages) == 1 else "", task.task.surface, task.task.regime)


def record_id(skill: str, *about: str) -> str:
    """The same skill and subject give the same id, so later evidence replaces earlier."""
    return hashlib.sha256("\x1f".join((skill, *about)).encode()).hexdigest()[:16]


def _mechanics(context: AgentContext, insight: Insight, skill: str) -> Iterator[KnowledgeRecord]:
    evidence = Evidence(context)
    for mechanic in _surest(insight.mechanics):
        supports, contradicts = evidence.sides(mechanic)
        yield KnowledgeRecord(
            id=record_id(skill, mechanic.metric, mechanic.cause),
            statement=mechanic.statement,
            scope=scope_of(context),
            status="candidate",
            mechanic=mechanic,
            supports=supports,
            contradicts=contradicts,
            author=COMPUTED,
        )


def _surest(mechanics: Sequence[Mechanic]) -> list[Mechanic]:
    """Of those whose interval excludes 0, the ones that are furthest from it for their width."""
    known = [m for m in mechanics if not m.low <= 0 <= m.high]
    known.sort(key=lambda m: abs(m.effect) / max(m.high - m.low, 1e-300), reverse=True)
    kinds = [(m.metric, m.cause.startswith(SLATE)) for m in known]
    return [m for i, m in enumerate(known) if kinds[:i].count(kinds[i]) < MOST]


def _responses(context: AgentContext, found: Sequence[Response], skill: str) -> Iterator[KnowledgeRecord]:
    """Elasticities and sizes apart: one may be right where the other is not."""
    if not found:
        return
    arms = words.count(len(tested_arms(context.history)), "arm")
    slopes = tuple(response for response in found if response.causes)
    metrics = words.listed(response.metric for response in slopes)
    features = max((len(response.causes) for response in slopes), default=0)
    sizes = words.listed(f"{r.metric} by about {words.percent(r.size, 1).lstrip('+')}" for r in found)
    told = (
        (
            "slopes",
            slopes,
            f"{arms} tell what {features} features of slates do together to {metrics}.",
        ),
        ("sizes", tuple(map(size_alone, found)), f"A config from anywhere in the bounds moves {sizes}."),
    )
    for kind, responses, statement in told:
        if responses:
            yield KnowledgeRecord(
                id=record_id(skill, kind, context.task.task.name),
                statement=statement,
                scope=scope_of(context),
                status="candidate",
                mechanic=None,
                supports=experiments(context.history),
                contradicts=(),
                author=COMPUTED,
                responses=responses,
            )


def _tightened(context: AgentContext, skill: str) -> Iterator[KnowledgeRecord]:
    if learnt(context.history) < FEW:
        return
    for bounds in tightened(context, looked_at(context)):
        yield KnowledgeRecord(
            id=record_id(skill, "bounds", bounds.param),
            statement=_bounded(bounds),
            scope=scope_of(context),
            status="candidate",
            mechanic=None,
            supports=experiments(context.history),
            contradicts=(),
            author=COMPUTED,
            bounds=bounds,
        )


def _bounded(bounds: TightBounds) -> str:
    return (
        f"With 90 %, the best of what is safe has {bounds.param} from {bounds.low:.4g} to {bounds.high:.4g}; "
        f"{bounds.outside:.0%} of the proposals go on looking elsewhere."
    )
