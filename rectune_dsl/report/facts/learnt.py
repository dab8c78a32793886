"""What skills were told to keep in a run, and how the registered predictions of their records came out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rectune_dsl.agents.words import LEAST_LIFT
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import KnowledgeRecord
from rectune_dsl.report.facts.records import BetFacts, RecordFacts
from rectune_dsl.report.view import RunView
from rectune_dsl.skillhub.gate import judge
from rectune_dsl.skillhub.knowledge import uncounted
from rectune_dsl.skillhub.render import record_line
from rectune_dsl.workflow.learning import among, id_of, stale

LONGEST = 400
"""Characters of a record's line."""


def records(task: Task, view: RunView) -> tuple[RecordFacts, ...]:
    """Each record as the last revision of this run has it, with the status that evidence has given it since;
    those that went, with the reason."""
    campaign = next((scores.campaign for scores in view.scores.values() if scores.campaign), "")
    told: dict[tuple[str, str], _Told] = {}
    for round in view.rounds:
        for revision in round.revisions:
            skill = revision.skill
            named = [replace(record, id=id_of(record, campaign)) for record in revision.records]
            kept = [own for (of, _), own in told.items() if of == skill and not own.fate]
            held = [own.record for own in kept if own.record is not None]
            gone = {**stale(held, {record.id for record in named}), **revision.retired}
            for record in named:
                told[skill, record.id] = _Told(round.round, record, record.why or revision.why)
            for id, why in gone.items():
                told[skill, id] = _gone(told.get((skill, id)), "retired", why, round.round)
            for id, into in revision.merged.items():
                told[skill, id] = _gone(told.get((skill, id)), "merged", f"into {into}", round.round)
    return tuple(_facts(task, view, skill, id, own) for (skill, id), own in told.items())


@dataclass(frozen=True)
class _Told:
    """What a skill was told in a round. `record` is None for one that it had before; `fate` is what became of
    it by the agent's word, empty while it is kept."""

    round: int
    record: KnowledgeRecord | None
    why: str
    fate: str = ""


def _gone(known: _Told | None, fate: str, why: str, round: int) -> _Told:
    return _Told(round, known.record if known else None, why, fate)


def _facts(task: Task, view: RunView, skill: str, id: str, told: _Told) -> RecordFacts:
    if told.record is None:
        return RecordFacts(id, skill, told.round, told.fate, id, told.why, supports=0, contradicts=0)
    judged = _judged(task, view, skill, told.record)
    by_agent = judged.status == "candidate"  # what evidence has decided stands
    shown = replace(judged, status="retired") if by_agent and told.fate else judged
    return RecordFacts(
        id=id,
        skill=skill,
        round=told.round,
        status=told.fate if by_agent and told.fate else judged.status,
        line=record_line(shown, LONGEST).removeprefix("- "),
        why=told.why if by_agent else judged.why,
        supports=len(judged.supports),
        contradicts=len(judged.contradicts),
    )


def _judged(task: Task, view: RunView, skill: str, record: KnowledgeRecord) -> KnowledgeRecord:
    """The record with what the evidence gate made of it, from where it stood when the run began."""
    skills = [s for s in (view.header.skill, *view.header.borrowed) if s is not None and s.name == skill]
    before = next((known for s in skills for known in s.knowledge if known.id == record.id), None)
    if before is None or before.status == "retired":
        before = uncounted(record)
    bare = replace(before, supports=(), contradicts=(), mechanic=None)  # it does not rest on what tests it
    for scores in view.scores.values():
        for of, id, scored in scores.of:
            if (of, id) == (skill, record.id):
                bare = judge(bare, scored, among(record, task), scores.on.isoformat())
    return replace(record, status=bare.status, why=bare.why, helpful=bare.helpful, harmful=bare.harmful)


def bets(view: RunView) -> tuple[BetFacts, ...]:
    """What each experiment of this run said of a record that had predicted it."""
    return tuple(
        BetFacts(
            round=number,
            skill=skill,
            record=record,
            arm=scored.arm,
            metric=scored.metric,
            expected=max(LEAST_LIFT, scored.expected),
            otherwise=max(LEAST_LIFT, scored.otherwise),
            measured=scored.measured,
            error=scored.error,
            gained=scored.gained,
        )
        for number, scores in view.scores.items()
        for skill, record, scored in scores.of
    )
