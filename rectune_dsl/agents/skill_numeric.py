"""The Skill agent: turns what an interval supports into knowledge records, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rectune_dsl.agents import words
from rectune_dsl.agents.evidence import Evidence
from rectune_dsl.hooks.api import (
    AgentContext,
    Insight,
    KnowledgeRecord,
    Mechanic,
    Scope,
    SkillRevision,
)


class NumericSkill:
    """Proposes candidates for the skill of the task. What becomes active is decided elsewhere."""

    name = "numeric"

    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]:
        """One revision with a record per mechanic whose interval excludes 0; none without a skill."""
        skill = context.task.task.skill
        known = [m for m in insight.mechanics if not m.low <= 0 <= m.high]
        if skill is None or not known:
            return ()
        evidence = Evidence(context)
        scope = Scope(product=context.task.task.surface)
        earlier = {record.id: record for record in (context.skill.knowledge if context.skill else ())}
        records = tuple(_record(skill, m, scope, evidence, earlier.get(record_id(skill, m))) for m in known)
        why = (
            f"{words.counted(len(records), 'effect')} with an interval that excludes 0 after "
            f"{words.counted(len(context.history), 'round')} of {context.task.task.name}."
        )
        return (SkillRevision(skill, records, why),)


def record_id(skill: str, mechanic: Mechanic) -> str:
    """The same skill, metric and cause give the same id, so later evidence replaces earlier."""
    key = "\x1f".join((skill, mechanic.metric, mechanic.cause))
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _record(
    skill: str, mechanic: Mechanic, scope: Scope, evidence: Evidence, earlier: KnowledgeRecord | None
) -> KnowledgeRecord:
    """This campaign's evidence alone: the Skillhub joins it with what it has."""
    supports, contradicts = evidence.sides(mechanic)
    return KnowledgeRecord(
        id=record_id(skill, mechanic),
        statement=mechanic.statement,
        scope=scope,
        status=earlier.status if earlier is not None else "candidate",
        mechanic=mechanic,
        supports=supports,
        contradicts=contradicts,
        author=f"skill {NumericSkill.name}",
    )
