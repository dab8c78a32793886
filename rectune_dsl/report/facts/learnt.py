"""What skills were told to keep in a run, and how the registered predictions of their records came out."""

from __future__ import annotations

from rectune_dsl.agents.words import LEAST_LIFT
from rectune_dsl.report.facts.records import BetFacts, RecordFacts
from rectune_dsl.report.view import RunView
from rectune_dsl.skillhub.render import record_line

LONGEST = 400
"""Characters of a record's line."""


def records(view: RunView) -> tuple[RecordFacts, ...]:
    """Each record as the last revision of this run has it; those that went, with the reason."""
    found: dict[tuple[str, str], RecordFacts] = {}
    for round in view.rounds:
        for revision in round.revisions:
            for record in revision.records:
                found[revision.skill, record.id] = RecordFacts(
                    id=record.id,
                    skill=revision.skill,
                    round=round.round,
                    status=record.status,
                    line=record_line(record, LONGEST).removeprefix("- "),
                    why=record.why or revision.why,
                    supports=len(record.supports),
                    contradicts=len(record.contradicts),
                )
            gone = [(id, "retired", why) for id, why in revision.retired.items()]
            gone += [(id, "merged", f"into {into}") for id, into in revision.merged.items()]
            for id, status, why in gone:
                found[revision.skill, id] = RecordFacts(
                    id, revision.skill, round.round, status, id, why, supports=0, contradicts=0
                )
    return tuple(found.values())


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
