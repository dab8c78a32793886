"""What reports say is what the journal says, computed again by other means."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import Estimates, Insight, Mechanic
from rectune_dsl.memory.codec import encode
from rectune_dsl.report.facts.measured import measures, objective, p_safe
from rectune_dsl.report.facts.records import Facts
from rectune_dsl.report.facts.rounds import lessons
from rectune_dsl.report.view import as_json

Z = NormalDist().inv_cdf(0.95)
TASK = """
dsl = 1
[task]
name = "t"
surface = "s"
[signals]
p = {}
[stages.ranking]
keep = 10
score = "a * p"
[stages.ranking.params]
a = { production = 0.4, low = 0.0, high = 1.0 }
[metrics]
up = { goal = "maximize", weight = 2.0 }
down = { goal = "minimize", weight = 0.5 }
[guardrails]
returns = ">= -1%"
latency = "<= 120"
[experiment]
users_per_arm = 100
days = 2
[confirm]
users_per_arm = 100
days = 2
"""
PLANTED = (Path(__file__).parents[1] / "workflow/planted.toml").read_text()
METRICS = ("up", "down", "returns", "latency")


def told(report):
    """The facts as scripts read them."""
    return json.loads(encode(Facts, report))


@pytest.fixture(scope="module")
def task():
    checked = check(Source("t.toml", TASK), Environment())
    assert checked.task is not None, checked.problems
    return checked.task


lifts = st.one_of(st.none(), st.floats(-0.5, 0.5))


@st.composite
def estimated(draw):
    """Estimates of two arms with any covariance."""
    size = 2 * len(METRICS)
    root = np.array(draw(st.lists(st.floats(-0.1, 0.1), min_size=size**2, max_size=size**2)))
    root = root.reshape(size, size)
    rows = st.lists(lifts, min_size=len(METRICS), max_size=len(METRICS)).map(tuple)
    levels = st.lists(st.floats(1, 200), min_size=len(METRICS), max_size=len(METRICS)).map(tuple)
    return Estimates(
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        arms=("x", "y"),
        metrics=METRICS,
        lift=(draw(rows), draw(rows)),
        covariance=tuple(map(tuple, (root @ root.T).tolist())),
        level=tuple(draw(levels) for _ in range(3)),
        level_se=tuple(draw(levels) for _ in range(3)),
        effective_n=((1e6,) * len(METRICS),) * 2,
    )


@given(estimates=estimated())
def test_intervals_are_estimates_and_their_errors(task, estimates):
    for row, arm in enumerate(estimates.arms):
        found = {m.metric: m for m in measures(task, estimates, arm)}
        assert tuple(found) == METRICS
        for column, metric in enumerate(METRICS[:3]):
            value, span = estimates.lift[row][column], found[metric].span
            assert (span is None) == (value is None)
            if span is not None:
                at = row * len(METRICS) + column
                half = Z * math.sqrt(estimates.covariance[at][at])
                assert (span.low, span.value, span.high) == pytest.approx((value - half, value, value + half))
        latency = found["latency"]
        half = Z * estimates.level_se[row + 1][3]
        level = estimates.level[row + 1][3]
        assert latency.is_level
        assert (latency.span.low, latency.span.high) == pytest.approx((level - half, level + half))
        kept = latency.span.high <= 120
        assert latency.standing == ("kept" if kept else "open" if level <= 120 else "broken")


@given(estimates=estimated())
def test_u_is_the_weighted_sum_with_the_joint_error(task, estimates):
    for row, arm in enumerate(estimates.arms):
        up, down = estimates.lift[row][:2]
        span = objective(task, estimates, arm)
        assert (span is None) == (up is None or down is None)
        if span is not None:
            weights, at = np.array([2.0, -0.5]), [row * len(METRICS), row * len(METRICS) + 1]
            error = math.sqrt(max(weights @ np.array(estimates.covariance)[np.ix_(at, at)] @ weights, 0.0))
            assert span.value == pytest.approx(2 * up - 0.5 * down)
            assert span.high - span.low == pytest.approx(2 * Z * error, abs=1e-7)


@given(estimates=estimated())
def test_the_chance_to_be_safe_is_the_product_over_guardrails(task, estimates):
    for row, arm in enumerate(estimates.arms):
        p, lift = p_safe(task, estimates, arm), estimates.lift[row][2]
        assert (p is None) == (lift is None)
        if p is None:
            continue
        at = row * len(METRICS) + 2
        error = math.sqrt(estimates.covariance[at][at])
        kept = NormalDist(lift, error).cdf(-0.01) if error > 1e-9 else float(lift < -0.01)
        fast = NormalDist(estimates.level[row + 1][3], estimates.level_se[row + 1][3]).cdf(120)
        assert p == pytest.approx((1 - kept) * fast, abs=1e-4)


def test_a_campaigns_facts_are_those_of_its_journal(simulated):
    story, report = json.loads(as_json(simulated.view)), told(simulated.facts())
    arms = {arm["name"]: arm for arm in report["arms"]}
    seen = 0
    for round in story["rounds"]:
        estimates = round["result"]["estimates"]
        width = len(estimates["metrics"])
        for row, name in enumerate(estimates["arms"]):
            assert arms[name]["round"] == round["round"]
            for column, metric in enumerate(estimates["metrics"]):
                measure = next(m for m in arms[name]["measures"] if m["metric"] == metric)
                lift = estimates["lift"][row][column]
                half = Z * math.sqrt(estimates["covariance"][row * width + column][row * width + column])
                assert measure["span"]["low"] == pytest.approx(lift - half)
                assert measure["span"]["high"] == pytest.approx(lift + half)
                assert measure["holm_p"] == round["holm_adjusted_p_values"][name].get(metric)
                seen += 1
    assert seen == sum(len(arm["measures"]) for arm in report["arms"]) > 0


def test_the_best_so_far_and_the_safe_gain_never_fall(plant):
    report = told(plant(PLANTED.replace("rounds = 2", "rounds = 4")).facts())
    best, gain = -math.inf, 0.0
    for round in report["rounds"]:
        own = [a for a in report["arms"] if a["round"] == round["round"] and not a["stopped"]]
        best = max([best, *(a["objective"]["value"] for a in own)])
        safe = [a["objective"]["value"] for a in own if a["p_safe"] >= report["floor"]]
        gain = max([gain, *safe])
        assert round["best"]["value"] == best
        assert round["safe_gain"]["value"] == gain
        assert bool(round["safe_arm"]) == (gain > 0)
    assert report["rounds"][-1]["safe_gain"]["value"] > 0


def test_predictions_are_held_against_what_was_measured(simulated):
    report = told(simulated.facts())
    assert report["forecasts"]
    arms = {arm["name"]: {m["metric"]: m["span"] for m in arm["measures"]} for arm in report["arms"]}
    for one in report["forecasts"]:
        assert one["measured"] == arms[one["arm"]][one["metric"]]
        doubts = [(one[k]["high"] - one[k]["low"]) / 2 for k in ("expected", "measured")]
        apart = abs(one["expected"]["value"] - one["measured"]["value"])
        assert one["came_true"] == (apart <= math.hypot(*doubts))


def test_units_of_params_are_shares_of_their_range(simulated):
    report = told(simulated.facts())
    (param,) = report["params"]
    assert param["name"] == "w_long"
    assert param["production_unit"] == pytest.approx(math.log(1.0 / 0.1) / math.log(10.0 / 0.1))
    for arm in report["arms"]:
        wanted = math.log(arm["config"]["w_long"] / 0.1) / math.log(10.0 / 0.1)
        assert arm["units"]["w_long"] == pytest.approx(wanted)


def test_an_effect_that_a_note_tells_of_is_told_once():
    sure = Mechanic("watch", "click", "+1%", 0.02, 0.01, 0.03, ("e",), "+1% click: watch +2.00 %.")
    other = replace(sure, cause="w", statement="w +1: watch +2.00 %.")
    unclear = replace(sure, low=-0.01, statement="v +1: watch +2.00 %.")
    note = "What slates do: +1% click: watch +2.00 %."
    assert lessons(Insight((), (sure, other, unclear), (note,))) == (note, other.statement)
