"""Which records of which skills hold for a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rectune_dsl.dsl.model import TaskInfo
from rectune_dsl.hooks.api import KnowledgeRecord, Skill


def applicable(task: TaskInfo, own: Skill | None, borrowed: Sequence[Skill]) -> tuple[KnowledgeRecord, ...]:
    """The active records of trusted skills whose product and regime are the task's, or not limited. Bounds
    are about the params of the task's own skill: another task's may only be called alike."""
    return tuple(
        record
        for record in (
            *_of(own),
            *(record for skill in borrowed for record in _of(skill) if not record.bounds),
        )
        if record.status == "active"
        and record.scope.product in ("", task.surface)
        and record.scope.regime in ("", task.regime)
    )


def _of(skill: Skill | None) -> Iterator[KnowledgeRecord]:
    if skill is not None and skill.trusted:
        yield from skill.knowledge
