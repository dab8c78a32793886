"""The Skill agent: turns what an interval supports into knowledge records, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents import words
from rectune_dsl.agents.sensitivity import STEP, effects
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import (
    AgentContext,
    Insight,
    KnowledgeRecord,
    Mechanic,
    RoundResult,
    SkillRevision,
)
from rectune_dsl.surrogate.data import lifts_of


class NumericSkill:
    """Proposes candidates for the skill of the task. What becomes active is decided elsewhere."""

    name = "numeric"

    def evolve(self, context: AgentContext, insight: Insight) -> Sequence[SkillRevision]:
        """One revision with a record per mechanic whose interval excludes 0; none without a skill."""
        skill = context.task.task.skill
        known = [m for m in insight.mechanics if not m.low <= 0 <= m.high]
        if skill is None or not known:
            return ()
        evidence = _Evidence(context.task, context.history)
        earlier = {record.id: record for record in (context.skill.knowledge if context.skill else ())}
        records = tuple(_record(skill, m, evidence, earlier.get(record_id(skill, m))) for m in known)
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
    skill: str, mechanic: Mechanic, evidence: _Evidence, earlier: KnowledgeRecord | None
) -> KnowledgeRecord:
    """This campaign's evidence alone: the Skillhub joins it with what it has."""
    supports, contradicts = evidence.sides(mechanic)
    return KnowledgeRecord(
        id=record_id(skill, mechanic),
        statement=mechanic.statement,
        scope=evidence.scope,
        status=earlier.status if earlier is not None else "candidate",
        mechanic=mechanic,
        supports=supports,
        contradicts=contradicts,
        author=f"skill {NumericSkill.name}",
    )


class _Evidence:
    """Which experiments, each taken alone, point the way a mechanic says.

    What the other params did in an experiment is told by the other experiments only: effects that were fitted
    on the judged one would lean towards what it is asked to support.
    """

    def __init__(self, task: Task, history: Sequence[RoundResult]) -> None:
        self._task = task
        self.scope = f"{task.task.surface}/{task.task.name}"
        self._space = Space(task)
        self._history = history
        self._slopes: dict[tuple[str, str], NDArray[np.float64]] = {}

    def sides(self, mechanic: Mechanic) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(supports, contradicts): experiment keys."""
        supports: list[str] = []
        contradicts: list[str] = []
        for result in self._history:
            if result.key in mechanic.evidence:
                agreement = self._covariation(result, mechanic) * mechanic.effect
                if agreement:
                    (supports if agreement > 0 else contradicts).append(result.key)
        return tuple(supports), tuple(contradicts)

    def _covariation(self, result: RoundResult, mechanic: Mechanic) -> float:
        """Slope's sign of what the other params' effects leave, weighted by precision, within one round."""
        measured = lifts_of(self._space, [result], {mechanic.metric: 1.0})
        if not measured.count:
            return 0.0
        offsets = measured.points - self._space.production
        others = self._without(result, mechanic.metric).copy()
        column = self._space.names.index(mechanic.cause)
        others[column] = 0.0
        rest = measured.values - offsets @ others / STEP
        noise = measured.noise + 1e-12 * np.eye(measured.count)
        return float(offsets[:, column] @ np.linalg.solve(noise, rest))

    def _without(self, result: RoundResult, metric: str) -> NDArray[np.float64]:
        """Effects per tenth of the range, (params,), by all experiments but this one; 0 without any."""
        key = (result.key, metric)
        if key not in self._slopes:
            rest = [other for other in self._history if other.key != result.key]
            found = effects(self._task, rest, metric)
            self._slopes[key] = np.array([effect.effect for effect in found], np.float64)
        return self._slopes[key]
