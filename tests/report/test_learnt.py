"""What a report says of records: their bets, and predictions that go beyond what can be."""

import math
from dataclasses import replace

import pytest

from rectune_dsl.agents.skill_numeric import COMPUTED
from rectune_dsl.hooks.api import KnowledgeRecord, Prediction, Scope, SkillRevision, TightBounds
from rectune_dsl.report.facts.learnt import LONGEST, records
from rectune_dsl.report.facts.measured import expected
from rectune_dsl.report.facts.records import BetFacts, RecordFacts, Span
from rectune_dsl.report.markdown import markdown
from rectune_dsl.report.pages.blocks import Page, Section
from rectune_dsl.report.pages.knowledge import skills
from rectune_dsl.report.view import RoundView
from rectune_dsl.skillhub.render import record_line
from rectune_dsl.workflow.prepare import hub

RECORD = RecordFacts("r1", "feed", 1, "active", "w_like lifts likes", "", 2, 0)


def bet(gained, record="r1"):
    return BetFacts(2, "feed", record, "r2-a", "likes", 0.02, 0.02, 0.021, 0.01, gained)


def page(facts, *bets):
    bounds = replace(RECORD, id="r2", line="the best has w_like from 1 to 2")
    shown = skills(replace(facts, records=(RECORD, bounds), bets=bets))
    return markdown(Page("t", (), (Section("s", "s", shown),)))


@pytest.mark.parametrize(("gained", "said"), [(0.2, "won"), (-0.2, "lost"), (1e-6, "even"), (-1e-6, "even")])
def test_a_bet_that_changed_nothing_was_not_won(simulated, gained, said):
    told = page(simulated.facts(), bet(gained))
    assert f"| {said} |" in told
    won = int(said == "won")
    assert f"1 bet on records, {won} of them won" in told
    assert f"| {won} of 1 | {math.exp(gained):.3g} |" in told


def test_a_record_that_nobody_bets_on_says_so(simulated):
    (row,) = [line for line in page(simulated.facts(), bet(0.2)).splitlines() if "from 1 to 2" in line]
    assert "no bets" in row


def test_nothing_is_expected_to_lose_more_than_all_of_it():
    assert expected(Prediction("likes", -1.2, -2.0, 0.5)) == Span(-1.0, -1.0, 0.5)
    assert expected(Prediction("likes", 0.1, -0.2, 0.5)) == Span(0.1, -0.2, 0.5)


def test_records_stand_as_in_the_skillhub(project, simulated, monkeypatch):
    """Evidence decides there, and the report tells what it decided."""
    monkeypatch.chdir(project.path)
    facts = simulated.facts()
    (skill,) = {record.skill for record in facts.records}
    hub_has = {r.id: r for r in hub(simulated.view.header.task_path).load(skill).knowledge}
    told = {record.id: record for record in facts.records}
    assert told.keys() <= hub_has.keys()
    assert {id: r.status for id, r in told.items()} == {id: hub_has[id].status for id in told}
    for id, record in told.items():
        known = hub_has[id]
        assert record.line == record_line(known, LONGEST).removeprefix("- ")
        assert (record.supports, record.contradicts) == (len(known.supports), len(known.contradicts))
    assert any(bet.record in told for bet in facts.bets)
    assert {bet.record for bet in facts.bets} <= told.keys()


def test_bounds_went_in_the_round_that_did_not_bear_them_out(simulated):
    bounds = KnowledgeRecord(
        "b", "", Scope(), "candidate", None, (), (), COMPUTED, bounds=TightBounds("w_long", 1.0, 2.0)
    )
    found = [(bounds,), (), ()]  # by round
    view = replace(
        simulated.view,
        rounds=tuple(
            RoundView(number, revisions=(SkillRevision("feed", records, ""),))
            for number, records in enumerate(found, 1)
        ),
        scores={},
    )
    (record,) = records(simulated.task, view)
    assert (record.status, record.round) == ("retired", 2)
    assert "not narrowed any more" in record.why
