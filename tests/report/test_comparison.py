"""Campaigns side by side: what differs is found, and what must not be compared is said."""

import dataclasses
from dataclasses import replace

import pytest
from pages import Read

from rectune_dsl.agents import words
from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.report.facts.comparison import breaks, comparison
from rectune_dsl.report.facts.records import Measure, Span
from rectune_dsl.report.html.body import body
from rectune_dsl.report.markdown import markdown
from rectune_dsl.report.pages.compared import page


@pytest.fixture
def facts(planted):
    return planted.facts()


def changed(task, **tables):
    return task.model_copy(update=tables)


def test_a_run_does_not_differ_from_itself(planted, facts):
    found = comparison([planted.task] * 2, [facts, facts])
    assert (found.differences, found.not_comparable) == ((), ())
    assert found.sides[0] == found.sides[1]
    assert found.target == facts.rounds[-1].safe_gain.value > 0
    assert found.sides[0].reached_in == next(
        r.round for r in facts.rounds if r.safe_gain.value == found.target
    )


def test_another_seed_is_a_difference_and_no_hindrance(plant, planted, facts):
    other = plant(seed=5)
    found = comparison([planted.task, other.task], [facts, other.facts()])
    assert [one.setting for one in found.differences] == [
        "seed",
        "skill revision",
    ]  # the first made the skill
    assert found.differences[0].values == ("0", "5")
    assert found.not_comparable == ()
    assert {side.run for side in found.sides} == {planted.run, other.run}


def test_settings_that_differ_are_named_with_their_values(planted, facts):
    task = planted.task
    stricter = {"harm": parse_limit("<= +1%")}
    other = changed(task, guardrails=stricter, experiment=task.experiment.model_copy(update={"rounds": 9}))
    found = comparison([task, other], [facts, facts])
    told = {one.setting: one.values for one in found.differences}
    assert told == {"guardrails.harm": ('"<= +2%"', '"<= +1%"'), "experiment.rounds": ("2", "9")}
    assert found.not_comparable == ("The guardrails differ: what is safe in one run may not be in another.",)


def test_other_weights_make_u_incomparable_and_undrawn(planted, facts):
    found = comparison([planted.task] * 2, [facts, replace(facts, weights={"gain": 0.5})])
    assert found.target is None
    assert any("U is not the same sum" in said for said in found.not_comparable)
    read = Read(body(page(found)))
    assert read.charts == {}
    assert "U is not the same in all runs" in read.text


def test_its_page_has_both_runs_in_every_format(planted, facts):
    made = page(comparison([planted.task] * 2, [facts, facts]))
    read = Read(body(made))
    assert read.mistakes == []
    assert f"{planted.run} (2)" in read.text
    (gains, _) = read.charts.values()
    assert {row["name"] for row in gains["datasets"]["rows"]} == {f"{planted.run} (1)", f"{planted.run} (2)"}
    assert markdown(made).count("safe gain") >= 2
    (u,) = (bound for bound in facts.end.bounds if bound.metric == "U")
    assert facts.end.objective.low < facts.end.objective.high
    assert abs(facts.end.objective.value - u.estimate) < 1e-9
    assert words.interval(*dataclasses.astuple(facts.end.objective)) in read.text
    assert f"{facts.end.alpha:.2g}" in read.text


@pytest.mark.parametrize(
    ("direction", "span", "is_broken"),
    [
        (">=", Span(-0.05, -0.08, -0.02), True),
        (">=", Span(-0.05, -0.08, -0.005), False),
        ("<=", Span(0.05, 0.02, 0.08), True),
        ("<=", Span(0.05, -0.02, 0.08), False),
        (">=", None, False),
    ],
)
def test_an_arm_is_beyond_a_guardrail_by_its_whole_interval(direction, span, is_broken):
    limit = -0.01 if direction == ">=" else 0.01
    assert breaks(Measure("m", span, limit=limit, direction=direction)) == is_broken
