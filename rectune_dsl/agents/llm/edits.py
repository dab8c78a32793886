"""Edits of a skill as a model writes them, and what code makes of those that it lets pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rectune_dsl.agents import words
from rectune_dsl.agents.llm.facts import backed
from rectune_dsl.agents.llm.prompt import capped
from rectune_dsl.agents.past import experiments, tested_arms
from rectune_dsl.agents.skill_numeric import NumericSkill, record_id, scope_of, skill_of
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, Insight, KnowledgeRecord, TightBounds

STATEMENT = 300
"""Most characters of a statement or a reason."""
LEAST_WIDTH = 0.1
"""Share of a param's range, on its scale, that tightened bounds leave at least."""
OUTSIDE = (0.1, 0.5)
"""Bounds of the share of proposals that goes on looking outside tightened bounds."""
AUTHOR = "skill llm"


@dataclass(frozen=True)
class Written:
    """A record that is added or updated: what the mechanic of this id teaches."""

    mechanic: str
    statement: str


@dataclass(frozen=True)
class Merge:
    from_record: str
    record: str


@dataclass(frozen=True)
class Retire:
    record: str
    why: str


@dataclass(frozen=True)
class Tighten:
    """The range of a param in which configs are worth a test."""

    param: str
    low: float
    high: float
    outside: float
    why: str


class Editor:
    """What code lets a model edit in the task's skill. No edit has a status: new records are candidates.

    Of the numeric agent's records, `candidates` are those with a mechanic, by the ids M1, M2, ... that a
    model cites. The others are numbers that no word adds to: they are `kept` as they are. What evidence has
    retired before is in neither. `novel` is the numeric agent's page, where no skill covers the task.
    """

    def __init__(self, context: AgentContext, insight: Insight) -> None:
        skill = context.skill
        known = skill.knowledge if skill is not None and skill.trusted else ()
        self.records: Mapping[str, KnowledgeRecord] = {record.id: record for record in known}
        self.numeric = tuple(NumericSkill().evolve(context, insight))
        found = [r for revision in self.numeric for r in revision.records if not self._is_rejected(r.id)]
        mechanics = [record for record in found if record.mechanic is not None]
        self.candidates = {f"M{number}": record for number, record in enumerate(mechanics, 1)}
        self.kept = [record for record in found if record.mechanic is None]
        self.novel = next((revision.novel for revision in self.numeric), None)
        self._context = context
        self._insight = insight

    @property
    def live(self) -> list[KnowledgeRecord]:
        return [record for record in self.records.values() if record.status != "retired"]

    @property
    def rejected(self) -> list[KnowledgeRecord]:
        """What was retired, and is not to be proposed again."""
        return [record for record in self.records.values() if record.status == "retired"]

    def written(self, edits: Sequence[Written]) -> list[KnowledgeRecord]:
        """The records that are cited, each once, with the numeric agent's numbers."""
        told = {edit.mechanic: edit.statement for edit in edits}
        return [
            replace(record, statement=_said(told[name], record), author=AUTHOR)
            for name, record in self.candidates.items()
            if name in told
        ]

    def merged(self, edits: Sequence[Merge]) -> dict[str, str]:
        """Ids that go into other ones: records of one cause and metric, and no active one."""
        found: dict[str, str] = {}
        for edit in edits:
            one, other = self.records.get(edit.from_record), self.records.get(edit.record)
            if one and other and _alike(one, other) and edit.record not in found:
                found.setdefault(edit.from_record, edit.record)
        return found

    def retired(self, edits: Sequence[Retire]) -> dict[str, str]:
        """Ids with reasons: candidates with more experiments against them than for them."""
        return {
            edit.record: capped(edit.why, STATEMENT)
            for edit in edits
            if edit.record in self.records and _may_go(self.records[edit.record])
        }

    def tightened(self, edits: Sequence[Tighten]) -> list[KnowledgeRecord]:
        """Bounds inside the task's own, of params that this campaign has moved and that the numeric agent has
        not tightened itself."""
        records: dict[str, KnowledgeRecord] = {}
        numeric = {record.id for record in self.kept}
        for edit in edits:
            bounds = self._clipped(edit)
            if bounds is not None:
                record = self._record(bounds, edit.why)
                if not self._is_rejected(record.id) and record.id not in numeric:
                    records.setdefault(record.id, record)
        return list(records.values())

    def _clipped(self, edit: Tighten) -> TightBounds | None:
        """None for bounds that make no sense, are too narrow, or leave out the best arm or production."""
        space, param = Space(self._context.task), self._context.task.params.get(edit.param)
        if param is None or not math.isfinite(edit.low + edit.high + edit.outside):
            return None
        low, high = max(edit.low, param.low), min(edit.high, param.high)
        best = [arm.config for arm in self._insight.elite[:1]]
        kept = [config[edit.param] for config in (Config(self._context.task.production), *best)]
        if not low <= min(kept) <= max(kept) <= high or not self._was_moved(edit.param):
            return None
        ends = space.to_units([{**self._context.task.production, edit.param: end} for end in (low, high)])
        width = float(ends[1, space.names.index(edit.param)] - ends[0, space.names.index(edit.param)])
        if not LEAST_WIDTH <= width < 1.0:
            return None
        return TightBounds(edit.param, low, high, min(max(edit.outside, OUTSIDE[0]), OUTSIDE[1]))

    def _was_moved(self, param: str) -> bool:
        production = self._context.task.production[param]
        return any(arm.config[param] != production for arm in tested_arms(self._context.history))

    def _record(self, bounds: TightBounds, why: str) -> KnowledgeRecord:
        told = (
            f"{bounds.param} is worth a test between {bounds.low:.4g} and {bounds.high:.4g}; "
            f"{words.chance(bounds.outside)} of the proposals look elsewhere."
        )
        reason, sources = capped(why, STATEMENT), [told, *self._insight.notes]
        sources += [mechanic.statement for mechanic in self._insight.mechanics]
        return KnowledgeRecord(
            id=record_id(skill_of(self._context), "bounds", bounds.param),
            statement=f"{told} {words.sentence(reason) if backed(reason, sources) else ''}".rstrip(),
            scope=scope_of(self._context),
            status="candidate",
            mechanic=None,
            supports=experiments(self._context.history),
            contradicts=(),
            author=AUTHOR,
            bounds=bounds,
        )

    def _is_rejected(self, name: str) -> bool:
        return name in self.records and self.records[name].status == "retired"


def _said(statement: str, record: KnowledgeRecord) -> str:
    """The model's sentence with the computed one behind it; the computed one alone where the model's has
    numbers that are not the record's."""
    said = capped(statement, STATEMENT)
    if not said or not backed(said, [record.statement]):
        return record.statement
    return f"{words.sentence(said)} {record.statement}"


def _alike(one: KnowledgeRecord, other: KnowledgeRecord) -> bool:
    if one.id == other.id or one.status != "candidate" or other.status == "retired":
        return False
    left, right = one.mechanic, other.mechanic
    return left is not None and right is not None and (left.cause, left.metric) == (right.cause, right.metric)


def _may_go(record: KnowledgeRecord) -> bool:
    against, for_ = len(record.contradicts) + record.harmful, len(record.supports) + record.helpful
    return record.status == "candidate" and against > for_
