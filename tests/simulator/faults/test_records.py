"""Columns that come late or never: what is on record, and what the gates make of it."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from rectune_dsl.agents.online_numeric import NumericOnline
from rectune_dsl.hooks.api import ExperimentState
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.workflow.capable import lacking


def test_a_delayed_column_is_that_of_days_ago(on):
    task = on.task("delays = { clicks = 2 }")
    for day in (3, 4, 5, 9):
        late, then = on.observe(task, day), on.observe(on.plain, day - 2)
        assert on.column(late, "clicks", 1) == on.column(then, "clicks", 1)
        assert late.complete_until == {"clicks": EPOCH + timedelta(days=day - 2)}
        assert not late.missing
    assert on.observe(task, 9).arms == on.observe(on.plain, 9).arms


def test_until_the_first_of_it_arrives_it_is_missing(on):
    missing = on.observe(on.task("delays = { clicks = 2, next_day_return = 1 }"), 2).missing
    assert missing == {
        "clicks": "it comes 2 days late, and none of it has arrived",
        "next_day_return": "no exposed day has a next day that is over",
    }
    assert on.column(on.observe(on.task("delays = { clicks = 2 }"), 2), "clicks") == 0


def test_a_stale_guardrail_is_held_until_it_has_matured(on):
    task = on.task("delays = { next_day_return = 1 }")
    early, later = (on.verdict(on.observe(task, day), task) for day in (4, 5))
    returns = next(b for b in early.bounds if b.metric == "next_day_return")
    assert (early.decision, returns.shown) == ("hold", False)
    assert "stale" in returns.detail
    assert next(b for b in later.bounds if b.metric == "next_day_return").shown


def test_a_missing_guardrail_is_inconclusive_and_held(on):
    task = on.task("missing = ['next_day_return']")
    found = on.observe(task)
    assert found.missing == {"next_day_return": "the simulated platform does not measure it"}
    assert on.column(found, "next_day_return") == 0
    seen = on.verdict(found, task)
    returns = next(b for b in seen.bounds if b.metric == "next_day_return")
    assert (seen.decision, returns.shown, returns.refuted) == ("hold", False, False)
    assert "does not measure it" in returns.detail


def test_a_segments_columns_share_the_fate_of_all_users(on):
    segment = "[segments.new]\nwhen = 'is_new_user'\n[segments.new.guardrails]\nclicks = '>= -90%'\n"
    late = on.observe(on.task("delays = { clicks = 1 }", segment), 2)
    assert set(late.complete_until) == {"clicks", "clicks@new"}
    gone = on.observe(on.task("missing = ['clicks']", segment), 2)
    assert set(gone.missing) == {"clicks", "clicks@new"}


def test_a_level_that_has_not_all_arrived_stops_no_arm(on):
    """Sums of which a day is still to come look too low: that is no harm."""
    text = on.text.replace('latency_ms = "<= 500"', 'impressions = ">= 4"')
    task, whole = (on.task(faults, text=text) for faults in ("delays = { impressions = 1 }", ""))
    context = SimpleNamespace(task=task)
    state = ExperimentState(on.spec(users_per_arm=3_000))
    late, then = (on.observe(t, 2, users_per_arm=3_000) for t in (task, whole))

    def decides(observation):
        return [action.kind for action in NumericOnline().step(context, state, observation)]

    assert decides(late) == decides(then) == ["wait"]
    assert decides(replace(late, complete_until={})) == ["stop_arm", "finish"]


def test_columns_that_the_world_does_not_have_are_named(on):
    task = on.task("delays = { click = 1 }\nmissing = ['clicks', 'hatess']")
    found = [(code, key, help) for code, key, _, help in lacking(task, on.backend(task).capabilities())]
    assert found == [
        ("RT901", ("simulator", "faults", "delays", "click"), "did you mean `clicks`?"),
        ("RT901", ("simulator", "faults", "missing", 1), "did you mean `hates`?"),
    ]
