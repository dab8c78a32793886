"""Runs that are unfinished, aborted, frozen, large, or lack numbers have pages too."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pages import Read
from rich.console import Console
from told import Told

from rectune_dsl.hooks.api import Arm, Check, Review
from rectune_dsl.memory.journal import Journal
from rectune_dsl.report.html.body import body
from rectune_dsl.report.markdown import MOST, markdown
from rectune_dsl.report.pages import brief
from rectune_dsl.report.pages.arms import MOST_ROWS
from rectune_dsl.report.pages.forest import MOST_DRAWN
from rectune_dsl.report.pages.run import page
from rectune_dsl.report.terminal import print_page
from rectune_dsl.report.written import written
from rectune_dsl.workflow.journaled import Abort, Aborted, Approval

SCREEN = 55
"""Lines."""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def shown(told, **changes):
    """The page of a run, read, after all formats of it were made."""
    facts = told.facts(**changes)
    made = page(facts)
    assert json.loads(written("json", facts, made))["run"] == told.run
    assert written("md", facts, made).startswith(f"# {told.task.task.name}")
    assert facts.end.state in on_one_screen(facts)
    read = Read(body(made))
    assert read.mistakes == []
    return read


def on_one_screen(facts):
    """What `rectune show` prints of a run."""
    out = Console(file=io.StringIO(), width=120)
    print_page(out, brief.page(facts, ""))
    text = out.file.getvalue()
    assert text.count("\n") <= SCREEN
    assert text.index("Verdict ─") < text.index("Rounds ─") < text.index("Cost ─")
    return text


def test_a_run_has_a_page_after_each_entry_of_its_journal(planted, tmp_path):
    journal, states = Journal(str(tmp_path / "growing.sqlite")), set()
    journal.create(planted.run, "planted", "feed")
    for entry in planted.journal.entries(planted.run):
        journal.append(planted.run, entry.seq, entry.key, entry.body)
        if entry.is_attempt:
            continue  # nobody sees it
        told = Told(journal, planted.run, planted.host)
        read = shown(told)
        states.add(told.view.state)
        if told.view.verdict is None:
            assert "There is no verdict yet." in read.text
            assert f"rectune resume {planted.run}" in read.text
    assert states == {
        "unfinished, round 0",
        "unfinished, round 1",
        "unfinished, round 2",
        "unfinished, confirm",
        "ship, not delivered yet",
        "ship",
    }


@pytest.mark.parametrize("is_done", [True, False])
def test_an_aborted_run_says_by_whom_and_why(planted, is_done):
    order = Abort("eve", "the feed is down", NOON)
    done = Aborted(("round-2/experiment",), True) if is_done else None
    text = shown(planted, abort=order, aborted=done, verdict=None).text
    assert "There is no verdict." in text
    assert "Aborted by eve at 2026-03-02 12:00 UTC: the feed is down." in text
    assert ("rectune tick" in text) == (not is_done)


def test_a_run_without_rounds_has_every_section(planted):
    nothing = {
        "rounds": (),
        "recommendation": None,
        "confirmation": None,
        "confirming": None,
        "verdict": None,
    }
    read = shown(planted, **nothing)
    assert len(read.all("section")) == 12
    assert "No round has begun yet." in read.text


def test_frozen_rounds_are_told_and_count_for_nothing(planted):
    rounds = [
        replace(r, result=replace(r.result, frozen="the sample ratio is off")) for r in planted.view.rounds
    ]
    read = shown(planted, rounds=tuple(rounds))
    assert "Round 1 is frozen: the sample ratio is off" in read.text
    assert "No arm has been measured yet." in read.text


def test_a_stopped_arm_is_marked_and_never_the_safe_gain(planted):
    safest = planted.facts().rounds[-1].safe_arm
    rounds = [
        replace(r, result=replace(r.result, stopped={safest: "its harm is shown"}))
        for r in planted.view.rounds
    ]
    read = shown(planted, rounds=tuple(rounds))
    assert f"{safest} (stopped)" in read.text
    assert "its harm is shown" in read.text
    assert planted.facts(rounds=tuple(rounds)).rounds[-1].safe_arm != safest
    (forest,) = [c for place, c in read.charts.items() if place == "chart-forest-2"]
    standings = {row["name"]: row["standing"] for row in forest["datasets"]["rows"]}
    assert standings[safest] == "stopped"


def test_missing_metrics_are_said_to_be_missing(planted):
    def without(result):
        rows = tuple((row[0], None) for row in result.estimates.lift)
        return replace(result, estimates=replace(result.estimates, lift=rows))

    rounds = tuple(replace(r, result=without(r.result)) for r in planted.view.rounds)
    facts = planted.facts(rounds=rounds)
    assert all(arm.p_safe is None for arm in facts.arms)
    assert facts.rounds[-1].safe_arm == ""
    read = shown(planted, rounds=rounds)
    assert "missing" in read.text
    assert "unknown" in read.text


def test_a_refusal_is_shown_with_its_reason(planted):
    no = Approval(False, "ada", "not before the holidays")
    text = shown(planted, shipping=no, delivered=False).text
    assert "Shipping was rejected by ada: not before the holidays." in text
    assert "It may be shipped, and ada refused to." in text


def test_a_thousand_arms_are_drawn_in_part_and_say_so(planted):
    rounds = tuple(_renamed(planted.view.rounds[n % 2], n + 1) for n in range(200))
    facts = planted.facts(rounds=rounds)
    assert len(facts.arms) == 600
    read = shown(planted, rounds=rounds)
    assert f"{MOST_DRAWN} of 600 arms are drawn" in read.text
    assert f"The first {MOST_ROWS} of 600 rows" in read.text
    forest = read.charts["chart-forest-1"]["datasets"]["rows"]
    assert len(forest) == MOST_DRAWN
    assert facts.rounds[-1].safe_arm in {row["name"] for row in forest}
    assert len(body(page(facts))) < 6_000_000
    text = markdown(page(facts))
    assert len(text) < MOST
    assert "What is left out here, for its length" in text
    assert "<summary>Round 200: " in text
    assert "## Provenance" in text


def _renamed(round, number):
    """A round once more under another number, its arms under other names."""
    names = {p.name: f"r{number}p{at}" for at, p in enumerate(round.proposals, 1)}
    result = round.result
    arms = tuple(Arm(names.get(a.name, a.name), a.config) for a in result.arms)
    estimates = replace(result.estimates, arms=tuple(names[a] for a in result.estimates.arms))
    return replace(
        round,
        round=number,
        proposals=tuple(replace(p, name=names[p.name]) for p in round.proposals),
        reviews=tuple(replace(r, proposal=names[r.proposal]) for r in round.reviews),
        result=replace(result, round=number, arms=arms, estimates=estimates),
    )


def test_a_round_without_arms_says_who_refused_and_why(planted):
    first, second = planted.view.rounds
    same = Check("change", False, "shows the same as production: 0.0 % differ")
    risky = Check("risk", False, "all guardrails hold with 12 %")
    checks = [(same,), (same, risky), *[(same,)] * len(first.proposals)]
    reviews = tuple(
        Review(p.name, False, own, "Refused.") for p, own in zip(first.proposals, checks, strict=False)
    )
    refused = replace(first, reviews=reviews, result=None, looks=(), spec=None, insight=None)
    nobody = replace(refused, round=second.round, proposals=(), reviews=(), insight=second.insight)
    facts = planted.facts(rounds=(refused, nobody))
    count = len(reviews)
    why = f"refused {count} proposals, {count} of them by its check of `change`, such as: {same.detail}"
    screen = " ".join(on_one_screen(facts).split())
    assert f"Round {first.round} tested nothing: the Critic {why}" in screen
    assert f"Round {second.round} tested nothing: the Actor proposed nothing" in screen
    text = shown(planted, rounds=(refused, nobody)).text
    assert f"Nothing was tested: the Critic refused {count} proposals" in text


def test_a_report_in_markdown_tells_no_number_and_no_sentence_twice(simulated):
    text = markdown(page(simulated.facts(slates=True)))
    sentences = [line for line in text.splitlines() if len(line) > 80 and line[0] not in "|-<"]
    assert [s for s in set(sentences) if sentences.count(s) > 1] == []
    assert text.count("**lifts over control") == 1
