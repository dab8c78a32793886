"""Which records of which skills hold for a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rectune_dsl.dsl.model import TaskInfo
from rectune_dsl.hooks.api import KnowledgeRecord, Skill
from rectune_dsl.skillhub.knowledge import experiments


def applicable(task: TaskInfo, own: Skill | None, borrowed: Sequence[Skill]) -> tuple[KnowledgeRecord, ...]:
    """The active records of trusted skills whose product and regime are the task's, or not limited.

    Bounds are about the params of the task's own skill: another task's may only be called alike. What rests
    on the experiments of a record that is there already is no news: so a copy of a skill says nothing twice.
    """
    found: list[KnowledgeRecord] = []
    for record in (*_of(own), *(r for skill in borrowed for r in _of(skill) if not r.bounds)):
        holds = record.scope.product in ("", task.surface) and record.scope.regime in ("", task.regime)
        if record.status == "active" and holds and not _is_copy(record, found):
            found.append(record)
    return tuple(found)


def without(skill: Skill, campaign: str) -> Skill:
    """The skill as others have made it: without what it knows by experiments of this campaign."""
    return replace(skill, knowledge=tuple(r for r in skill.knowledge if not _rests_on(r, campaign)))


def _rests_on(record: KnowledgeRecord, campaign: str) -> bool:
    return any(key.startswith(f"{campaign}/") for key in experiments(record))


def _is_copy(record: KnowledgeRecord, known: Sequence[KnowledgeRecord]) -> bool:
    """Whether another record tells of the same metrics by some of the same experiments."""
    keys = set(record.supports)
    return any(
        record.id == other.id
        or (keys & set(other.supports) and _about(record) and _about(record) == _about(other))
        for other in known
    )


def _about(record: KnowledgeRecord) -> frozenset[tuple[str, bool]]:
    """Metrics that its responses are about, and whether with what moves them."""
    return frozenset((response.metric, bool(response.causes)) for response in record.responses)


def _of(skill: Skill | None) -> Iterator[KnowledgeRecord]:
    if skill is not None and skill.trusted:
        yield from skill.knowledge
