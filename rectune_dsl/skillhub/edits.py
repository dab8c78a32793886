"""What a revision makes of a skill's knowledge: who may change what, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rectune_dsl.hooks.api import KnowledgeRecord, SkillRevision
from rectune_dsl.skillhub.knowledge import (
    MARKS,
    NEWEST,
    Knowledge,
    experiments,
    folded,
    mark_of,
    merge,
    opposed,
    uncounted,
    with_scores,
)
from rectune_dsl.skillhub.tidy import RECORDS, TOMBSTONES, tidy


@dataclass(frozen=True)
class Edited:
    """The knowledge after a revision, and a sentence for each of its edits that was refused."""

    knowledge: Knowledge
    refused: tuple[str, ...] = ()


def edited(known: Knowledge, revision: SkillRevision, *, run: str, day: str, judged: bool = False) -> Edited:
    """The knowledge with the revision's edits. Editing twice is editing once.

    Only a `judged` revision makes a record active, or retires one that is; where its records say `candidate`
    they leave the status as it is. Other revisions add candidates and evidence.

    An edit that brings back what was retired is refused unless it brings new experiments. What knows only a
    part of a record's experiments changes nothing that the record says.
    """
    desk = _Desk(known, run, judged)
    for record in revision.records:
        desk.take(tidy(record))
    for old, into in revision.merged.items():
        desk.join(old, into)
    for id, why in revision.retired.items():
        desk.retire(id, why)
    desk.join_duplicates()
    return Edited(kept(desk.knowledge(), known, day), tuple(desk.refused))


def kept(new: Knowledge, old: Knowledge, day: str) -> Knowledge:
    """What the Skillhub writes: what has changed is folded, tidied and dated; records are limited."""
    before = {record.id: record for record in old.records}
    marks, records = dict(new.marks), []
    for record in new.records:
        known = before.get(record.id)
        if known is None or _bare(known) != _bare(record):
            if older := record.scored[:-NEWEST]:
                marks[record.id] = (*marks.get(record.id, ()), *map(mark_of, older))
            record = tidy(folded(record))
        records.append(_dated(record, known, day))
    records = limited(records, day)
    ids = {record.id for record in records}
    marks = {id: told[-MARKS:] for id, told in marks.items() if told and id in ids}
    return Knowledge(tuple(records), marks)


def limited(records: Sequence[KnowledgeRecord], day: str) -> list[KnowledgeRecord]:
    """At most RECORDS that live, the least known candidates retired; and the newest TOMBSTONES."""
    living = [record for record in records if record.status != "retired"]
    weakest = sorted(
        (record for record in living if record.status == "candidate"),
        key=lambda record: (len(experiments(record)), record.changed, record.id),
    )
    crowded = {record.id for record in weakest[: max(len(living) - RECORDS, 0)]}
    why = f"there was no room: a skill has {RECORDS} records at most"
    all_ = [replace(r, status="retired", why=why, changed=day) if r.id in crowded else r for r in records]
    graves = sorted((r for r in all_ if r.status == "retired"), key=lambda record: record.changed)
    forgotten = {record.id for record in graves[: max(len(graves) - TOMBSTONES, 0)]}
    return [record for record in all_ if record.id not in forgotten]


class _Desk:
    """The records while a revision is worked in, by id."""

    def __init__(self, known: Knowledge, run: str, judged: bool) -> None:
        self._records = {record.id: record for record in known.records}
        self._marks = dict(known.marks)
        self._run = run
        self._judged = judged
        self.refused: list[str] = []

    def knowledge(self) -> Knowledge:
        return Knowledge(tuple(self._records.values()), self._marks)

    def take(self, record: KnowledgeRecord) -> None:
        """Add the record, or merge it into the one with its id."""
        old = self._records.get(record.id)
        decided = self._decides(record, old)
        if not decided and (grave := self._grave(record)):
            self.refused.append(f"{record.id}: {grave.id} is retired ({grave.why}), and nothing new is known")
            return
        if old is not None and experiments(record) < experiments(old):
            record = replace(old, scored=record.scored, status=record.status, why=record.why)
        record = self._signed(record, old)
        if not decided:
            record = self._undecided(record, old)
        revived = old is not None and old.status == "retired" and record.status != "retired"
        if old is not None and (revived or opposed(old.mechanic, record.mechanic)):
            # its scores judged the opposite, or led to its end: they count no more, and must not come back
            told = (*self._marks.get(old.id, ()), *map(mark_of, old.scored))
            self._marks[old.id] = told
            old = uncounted(old)
        (self._records[record.id],) = merge((old,) if old else (), (record,), self._marks)

    def join(self, id: str, into: str) -> None:
        """Unite the evidence of two records in `into`, and retire the other."""
        one, other = self._records.get(into), self._records.get(id)
        if one is None or other is None or one is other or "retired" in (one.status, other.status):
            if not (other and other.why == _merged(into)):
                self.refused.append(f"{id}: cannot be merged into {into}: two records that live are needed")
        elif other.status == "active" and not self._judged:
            self.refused.append(f"{id}: is active; only evidence retires it")
        else:
            self._unite(one, other)

    def retire(self, id: str, why: str) -> None:
        record = self._records.get(id)
        if record is None:
            self.refused.append(f"{id}: cannot be retired: there is no such record")
        elif record.status == "active" and not self._judged:
            self.refused.append(f"{id}: is active; only evidence retires it")
        elif record.status != "retired":
            self._records[id] = replace(record, status="retired", why=why)

    def join_duplicates(self) -> None:
        """One record for one cause, metric and scope: the active one, else the one with more evidence."""
        groups: dict[object, list[KnowledgeRecord]] = {}
        for record in self._records.values():
            if record.mechanic is not None and record.status != "retired":
                key = (record.mechanic.metric, record.mechanic.cause, record.scope)
                groups.setdefault(key, []).append(record)
        for alike in groups.values():
            best, *others = sorted(alike, key=_standing)
            for other in others:
                self._unite(self._records[best.id], other)

    def _unite(self, one: KnowledgeRecord, other: KnowledgeRecord) -> None:
        ends = opposed(one.mechanic, other.mechanic)
        against, for_ = (other.supports, other.contradicts) if ends else (other.contradicts, other.supports)
        supports, contradicts = set(one.supports), set(one.contradicts)
        united = replace(
            one,
            supports=tuple(sorted(supports | (set(for_) - contradicts))),
            contradicts=tuple(sorted(contradicts | (set(against) - supports))),
        )
        brought = replace(united, scored=() if ends else other.scored)
        self._records[one.id] = with_scores(one, brought, self._marks.get(one.id, ()))
        self._records[other.id] = replace(other, status="retired", why=_merged(one.id))

    def _grave(self, record: KnowledgeRecord) -> KnowledgeRecord | None:
        """A retired record that says the same and rests on every experiment of this one."""
        for grave in self._records.values():
            if grave.status != "retired" or opposed(grave.mechanic, record.mechanic):
                continue
            same = grave.id == record.id or (
                _subject(grave) is not None and _subject(grave) == _subject(record)
            )
            living = self._records.get(record.id)
            if same and (living is None or living is grave) and experiments(record) <= experiments(grave):
                return grave
        return None

    def _decides(self, record: KnowledgeRecord, old: KnowledgeRecord | None) -> bool:
        """Whether the record's status is a judgement: the evidence gate retires, and activates what is not
        retired. What was retired meanwhile, by a person or by another run, comes back as a candidate only."""
        if not self._judged or record.status == "candidate":
            return False
        return record.status == "retired" or old is None or old.status != "retired"

    def _undecided(self, record: KnowledgeRecord, old: KnowledgeRecord | None) -> KnowledgeRecord:
        """The record with the status that it has, whatever it asks for."""
        if old is None:
            return replace(record, status="candidate")
        if old.status == "retired":
            return replace(record, status="candidate", why="new experiments since it was retired")
        if opposed(old.mechanic, record.mechanic):
            return replace(record, status="candidate", why="its effect has changed its sign")
        return replace(record, status=old.status, why=old.why)

    def _signed(self, record: KnowledgeRecord, old: KnowledgeRecord | None) -> KnowledgeRecord:
        """The record with who wrote what it says, and in which run."""
        created = old.created if old else ""
        if old is not None and _claim(old) == _claim(record):
            return replace(record, author=old.author, created=created)
        author = record.author.split(", run ")[0]  # agents hand back what stands here
        told = f"{author}, run {self._run}" if author else f"run {self._run}"
        return replace(record, author=told if self._run else author, created=created)


def _merged(into: str) -> str:
    return f"merged into {into}"


def _subject(record: KnowledgeRecord) -> object:
    return record.mechanic and (record.mechanic.metric, record.mechanic.cause, record.scope)


def _claim(record: KnowledgeRecord) -> object:
    return record.statement, record.scope, record.mechanic, record.responses, record.bounds


def _standing(record: KnowledgeRecord) -> tuple[object, ...]:
    """Sorts the record that keeps its id first."""
    return record.status != "active", -len(experiments(record)), record.id


def _dated(record: KnowledgeRecord, old: KnowledgeRecord | None, day: str) -> KnowledgeRecord:
    """The record with the days on which it was made and last changed."""
    if old is not None and _bare(old) == _bare(record):
        return old
    return replace(record, created=record.created or (old.created if old else "") or day, changed=day)


def _bare(record: KnowledgeRecord) -> KnowledgeRecord:
    return replace(record, author="", created="", changed="")
