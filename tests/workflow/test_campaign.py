"""A campaign does what its workflow says, and nothing that the rules forbid."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from rectune_dsl.agents.online_numeric import PATIENCE
from rectune_dsl.hooks.api import (
    BackendError,
    UsageError,
)
from rectune_dsl.memory.journal import Journal
from rectune_dsl.report.facts.gather import facts
from rectune_dsl.report.pages.brief import page
from rectune_dsl.report.terminal import print_page
from rectune_dsl.workflow.preflight import preflight
from rectune_dsl.workflow.surface import outdated
from rectune_dsl.workflow.traffic import power
from rectune_dsl.workflow.watch import Finished, RoundFinished

SHIP, KEEP = "ship", "keep production"
TASK = (Path(__file__).parent / "planted.toml").read_text()


def named(calls, name):
    return [call[1:] for call in calls if call[0] == name]


def test_a_good_config_is_found_confirmed_and_delivered(lab):
    view, calls, _ = lab()
    assert view.verdict.decision == SHIP
    assert view.delivered
    [[delivered]] = named(calls, "deliver")
    assert delivered == dict(view.recommendation.config.values)
    assert len(view.rounds) == 2


def test_every_experiment_is_created_started_and_stopped_once(lab):
    _, calls, _ = lab()
    for name in ("create", "start", "stop"):
        keys = [str(call[0]).removeprefix("planted:") for call in named(calls, name)]
        assert len(keys) == len(set(keys)) == 3


def test_the_confirmation_is_on_users_and_days_that_no_round_touched(lab):
    view, _, _ = lab()
    spec = view.confirmation.spec
    assert spec.purpose == "confirm"
    assert [e.salt for e in spec.fresh_of] == [r.spec.salt for r in view.rounds]
    assert spec.start >= max(r.looks[-1].as_of for r in view.rounds)
    assert all(0 < e.share < 1 for e in spec.fresh_of)


def test_what_is_shipped_was_predicted_before_it_was_measured(lab):
    view, _, _ = lab()
    assert {p.metric for p in view.recommendation.predictions} == {"gain", "harm"}
    for round in view.rounds:
        assert all(p.hypothesis.statement and p.hypothesis.predictions for p in round.proposals)
        assert {r.proposal for r in round.reviews} == {p.name for p in round.proposals}
        assert all(r.justification for r in round.reviews)


def test_a_sample_ratio_mismatch_freezes_everything(lab):
    view, calls, _ = lab(srm=True)
    assert view.verdict.decision != SHIP
    assert all(r.result.frozen for r in view.rounds)
    assert named(calls, "deliver") == []


def test_an_arm_that_does_harm_is_stopped_and_keeps_the_lifts_of_that_look(lab):
    seen = []
    view, calls, _ = lab(harm=3.0, watch=seen.append)
    stopped = {arm for r in view.rounds for arm in r.result.stopped}
    assert stopped
    assert {call[2] for call in named(calls, "expose")} == stopped
    assert sum(isinstance(event, RoundFinished) for event in seen) == 2
    assert isinstance(seen[-1], Finished)


def test_a_guardrail_that_comes_late_is_waited_for_and_does_not_hold_what_is_good(lab):
    on_time, _, _ = lab()
    late, _, _ = lab(late={"harm": 2})
    assert on_time.verdict.decision == late.verdict.decision == SHIP
    waited = [view.confirmation.look.as_of - view.confirmation.spec.start for view in (on_time, late)]
    assert waited == [timedelta(days=3), timedelta(days=5)]


def test_a_guardrail_that_never_comes_is_given_up_and_named(lab):
    view, calls, _ = lab(late={"harm": 100})
    assert view.verdict.decision != SHIP
    assert all(r.looks[-1].as_of - r.spec.start == timedelta(days=2 + PATIENCE) for r in view.rounds)
    assert all("harm is stale" in r.looks[-1].actions[0].why for r in view.rounds)
    assert named(calls, "deliver") == []


def test_a_campaign_whose_users_never_come_stops_each_experiment_after_a_day(lab):
    view, calls, _ = lab(turnout=0.0)
    assert view.verdict.decision != SHIP
    for round in view.rounds:
        assert [look.number for look in round.looks] == [1]
        assert round.result.frozen.startswith("Nobody is in the experiment after 1 day of serving")
    assert len(named(calls, "stop")) == len(view.rounds)


@pytest.mark.parametrize(("turnout", "says"), [(0.3, True), (0.9, False), (1.5, False), (5.0, True)])
def test_far_fewer_or_more_users_than_planned_are_told_of(lab, turnout, says):
    view, _, _ = lab(turnout=turnout)
    lines = io.StringIO()
    print_page(Console(file=lines, width=300), page(facts(lab.task(TASK), view), ""))
    alarms = [line for line in lines.getvalue().splitlines() if "were planned" in line]
    assert len(alarms) == (len(view.rounds) + (view.confirming is not None)) * says
    if says:
        first = f"Round 1: control has {turnout * 20_000:,.0f} users after 2 days, and 20,000"
        assert sum(alarm.startswith(first) for alarm in alarms) == 1


def test_real_traffic_is_asked_for_before_each_launch_and_before_shipping(lab):
    view, _, approver = lab(real_traffic=True)
    assert view.verdict.decision == SHIP
    steps = [(asked.step, asked.what) for asked in approver.asked]
    assert steps == [
        ("round-1/approve", "launch"),
        ("round-2/approve", "launch"),
        ("confirm", "confirm"),
        ("verdict", "ship"),
    ]


def test_what_is_not_approved_is_not_launched(lab):
    view, calls, _ = lab(real_traffic=True, granted=False)
    assert named(calls, "create") == []
    assert view.verdict.decision == KEEP  # nothing was learnt, so nothing is recommended


def test_simulated_traffic_is_never_asked_about(lab):
    _, _, approver = lab()
    assert approver.asked == []


def test_a_backend_that_is_not_ready_stops_the_campaign_before_it_begins(lab):
    with pytest.raises(UsageError, match="no credentials"):
        lab(problems=["no credentials"])


def test_a_backend_that_refuses_is_reported_as_it_is(lab):
    with pytest.raises(BackendError, match="refuses"):
        lab(refuse=True)


def test_each_confirmation_of_a_surface_is_stricter_than_the_last(lab):
    levels = []
    for seed in range(3):
        view, _, _ = lab(seed=seed)
        levels.append((view.verdict.confirmation, view.verdict.alpha))
    numbers, alphas = zip(*levels, strict=True)
    assert numbers == (1, 2, 3)
    assert alphas[0] > alphas[1] > alphas[2]


def test_the_holdout_joins_the_confirmation_after_the_first_ship(lab):
    task = TASK + "[holdout]\nshare = 0.05\n"
    first, _, _ = lab(task)
    second, _, _ = lab(task, seed=1)
    assert first.verdict.decision == SHIP
    assert [a.name for a in first.confirmation.spec.arms] == ["control", "recommended"]
    assert [a.name for a in second.confirmation.spec.arms] == ["control", "recommended", "holdout"]
    assert any("against the holdout" in bound.metric for bound in second.verdict.bounds)


def test_a_holdout_of_other_params_is_refused_with_what_to_do(lab):
    lab(TASK + "[holdout]\nshare = 0.05\n")
    other = TASK.replace("a = {", "c = {").replace("a * p", "c * p") + "[holdout]\nshare = 0.05\n"
    with pytest.raises(UsageError, match="config of other params than this task tunes"):
        lab(other, seed=1)
    assert lab.calls() == []  # nothing was launched


def test_a_holdout_of_another_share_is_refused_once_something_was_shipped(lab):
    lab(TASK + "[holdout]\nshare = 0.05\n")
    with pytest.raises(UsageError, match=r"all but a holdout of 0\.05 .* holds out 0\.1") as refused:
        lab(TASK + "[holdout]\nshare = 0.1\n", seed=1)
    assert "share = 0.05" in refused.value.help
    assert lab.calls() == []


def test_a_holdout_begins_at_what_was_shipped_to_everybody_last(lab):
    """Who was served the first run's config is no holdout of it."""
    task = TASK + "[holdout]\nshare = 0.05\n"
    first, _, _ = lab(TASK)
    second, _, _ = lab(task, seed=1)
    third, _, _ = lab(task, seed=2)
    assert [view.verdict.decision for view in (first, second)] == [SHIP, SHIP]
    assert [a.name for a in second.confirmation.spec.arms] == ["control", "recommended"]
    held = {arm.name: arm.config for arm in third.confirmation.spec.arms}["holdout"]
    assert held == first.recommendation.config


def test_knowledge_goes_to_the_workspace_and_a_repeated_campaign_adds_nothing(lab, tmp_path, monkeypatch):
    seeds = tmp_path / "seeds" / "mine"
    seeds.mkdir(parents=True)
    slots = ("Context", "Requirement", "North star", "Initial config", "Domain knowledge", "Tools")
    page = "---\nname: mine\ndescription: A skill.\n---\n" + "".join(f"## {s}\n\ntext\n\n" for s in slots)
    (seeds / "SKILL.md").write_text(page)
    monkeypatch.setenv("RECTUNE_SKILLS", str(seeds.parent))
    task = TASK.replace('surface = "feed"', 'surface = "feed"\nskill = "mine"')
    knowledge = Path(".rectune/skills/mine/assets/knowledge.toml")
    lab(task)
    learnt = knowledge.read_text()
    assert "planted/feed/planted/seed-0/round-1/experiment" in learnt
    lab(task)
    assert knowledge.read_text() == learnt
    lab(task, seed=1)
    assert "seed-1/round-1/experiment" in knowledge.read_text()
    assert (seeds / "SKILL.md").read_text() == page


def test_what_is_not_a_number_is_the_backends_fault_and_nothing_is_concluded_from_it(lab):
    with pytest.raises(BackendError, match="a sum of gain in arm 'control' is not a finite number"):
        lab(harm=float("nan"))
    assert named(lab.calls(), "deliver") == []


def test_a_delivered_config_that_the_task_does_not_know_is_warned_of(lab):
    view, _, _ = lab()
    journal = Journal("journal.sqlite")
    task = lab.task(TASK)
    assert view.run in outdated(task, journal)
    a, b = (view.recommendation.config.values[name] for name in "ab")
    shipped = TASK.replace("a = { production = 0.4", f"a = {{ production = {a}")
    shipped = shipped.replace("b = { production = 0.4", f"b = {{ production = {b}")
    assert outdated(lab.task(shipped), journal) == ""


def test_plugins_are_told_of_each_round_and_of_the_end(lab):
    told = []
    lab(watch=told.append)
    assert [e.result.round for e in told if isinstance(e, RoundFinished)] == [1, 2]
    assert not any(e.replayed for e in told if isinstance(e, (RoundFinished, Finished)))


def test_a_production_that_breaks_a_guardrail_is_said_before_anything_is_launched(lab):
    text = TASK.replace('harm = "<= +2%"', 'harm = "<= 0.5"')
    loaded = lab.load(text)
    problems = preflight(loaded, power(loaded.task, loaded.backend))
    [problem] = [p for p in problems if p.code == "RT905"]
    assert "production itself is at 0.997" in problem.message
