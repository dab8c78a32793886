"""Plans keep what they promise: against closed forms, simulated users and simulated verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.experiments.designs import design, from_estimates
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.intervals import objective
from rectune_dsl.experiments.power import (
    chance_to_ship,
    detectable_margins,
    minimum_detectable_lift,
    ship_region,
    users_needed,
)
from rectune_dsl.experiments.verdicts import confirmation_alpha, verdict
from rectune_dsl.hooks.errors import UsageError

COLUMNS = ("watch", "likes", "return", "latency", "before")
METRICS = {
    "watch": {"goal": "maximize", "covariate": "before"},
    "likes": {"goal": "maximize", "weight": 0.2},
    "return": {"kind": "proportion"},
}
LIMITS = {"return": ">= -6%", "likes": ">= -5%", "latency": "<= 120"}


def users(make, name, number, n, lifts=None):
    rng = make.generator(name, number)
    taste = rng.gamma(4.0, 1.0, n)
    watch = taste * rng.lognormal(0, 0.5, n)
    likes = rng.poisson(taste).astype(float)
    back = (rng.random(n) < 0.3 + 0.04 * np.minimum(taste, 10)).astype(float)
    latency = 110 + 5 * rng.standard_normal(n) + taste
    found = np.column_stack([watch, likes, back, latency, taste])
    for column, value in (lifts or {}).items():
        found[:, COLUMNS.index(column)] *= 1 + value
    return found


@pytest.fixture(scope="module")
def task(make):
    return make.task(METRICS, LIMITS)


@pytest.fixture(scope="module")
def baseline(make):
    x = users(make, "base", 0, 200_000)
    return make.moments({"control": x}, COLUMNS, {"control": 250_000})


def test_planned_errors_are_those_of_an_experiment_that_size(make, task, baseline):
    planned = design(baseline, task, 10_000)
    # four of five assigned users come
    arms = {a: users(make, a, 1, 8_000) for a in ("control", "new")}
    found = estimate(make.moments(arms, COLUMNS), task.judged)
    for m, name in enumerate(found.metrics):
        at = found.covariance[m][m]
        assert planned.error(name) == pytest.approx(math.sqrt(at), rel=0.05)
        assert planned.error(f"={name}") == pytest.approx(found.level_se[1][m], rel=0.05)
    ((_, error),) = objective(found, task.judged)
    assert ship_region(task, planned).errors[0] == pytest.approx(error, rel=0.05)


def test_more_users_shrink_errors_by_their_root(task, baseline):
    few, many = design(baseline, task, 1_000), design(baseline, task, 4_000)
    assert [few.error(row) for row in few.rows] == pytest.approx([2 * many.error(row) for row in many.rows])
    scaled = many.with_users(1_000)
    assert scaled.spread("return", -0.06) == pytest.approx(few.spread("return", -0.06))


def test_the_minimum_detectable_lift_is_found_with_the_stated_power(task, baseline):
    planned = design(baseline, task, 5_000)
    alpha = confirmation_alpha(0.05, 1)
    error = planned.error("watch")
    smallest = minimum_detectable_lift(task, planned, "watch")
    power = scipy.stats.norm.sf(scipy.stats.norm.isf(alpha) - smallest / error)
    assert power == pytest.approx(0.8, abs=1e-3)
    assert minimum_detectable_lift(task, planned, "nothing") is None
    assert minimum_detectable_lift(task, planned) < minimum_detectable_lift(task, planned, alpha=0.001)


def test_detectable_margins_have_the_guardrails_unit_and_side(task, baseline):
    planned = design(baseline, task, 5_000)
    margins = detectable_margins(task, planned)
    assert margins["return"] == pytest.approx(-minimum_detectable_lift(task, planned, "return"), rel=0.05)
    assert margins["latency"] == pytest.approx(114.0 + 2.7 * planned.error("=latency"), abs=0.1)


LIFTS = {"watch": 0.025, "likes": 0.01, "return": -0.002, "latency": 0.04}


def test_the_chance_to_ship_is_how_often_simulated_verdicts_ship(make, task, baseline):
    """Estimates are drawn around the truth with a real experiment's joint covariance."""
    n, runs = 8_000, 2_500
    planned = design(baseline, task, 10_000)
    rows = ("watch", "likes", "return", "latency", "=latency")
    at = [planned.rows.index(row) for row in rows]
    joint = planned.covariance[np.ix_(at, at)]
    truth = [*LIFTS.values(), planned.levels["latency"] * 1.04]
    draws = make.generator("ship").multivariate_normal(truth, joint, size=runs, method="cholesky")
    ships = 0
    for *lifts, level in draws:
        names = dict(zip(rows[:4], map(float, lifts), strict=True))
        errors = {"latency": planned.error("=latency")}
        observation = make.estimates(names, joint[:4, :4], {"latency": float(level)}, errors, 2.0 * n)
        ships += verdict(task, observation, spec=make.spec(), confirmation=1).decision == "ship"
    chance = chance_to_ship(task, planned, LIFTS)
    assert 0.3 < chance < 0.9
    assert ships / runs == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / runs))


def test_the_chance_to_ship_holds_for_experiments_on_users(make, task, baseline):
    ships, runs, n = 0, 250, 8_000
    for run in range(runs):
        arms = {
            "control": users(make, "control", 2 * run, n),
            "new": users(make, "new", 2 * run, n, LIFTS),
        }
        moments = make.moments(arms, COLUMNS, {"control": 10_000, "new": 10_000})
        ships += verdict(task, moments, spec=make.spec(), confirmation=1).decision == "ship"
    chance = chance_to_ship(task, design(baseline, task, 10_000), LIFTS)
    assert ships / runs == pytest.approx(chance, abs=3.5 * math.sqrt(chance * (1 - chance) / runs))


def test_the_chance_to_ship_agrees_with_the_normal_integral(task, baseline):
    planned = design(baseline, task, 10_000)
    region = ship_region(task, planned)
    need = region.quantile - region.room(LIFTS) / region.errors
    integral = scipy.stats.multivariate_normal(cov=region.root @ region.root).cdf(-need)
    assert chance_to_ship(task, planned, LIFTS) == pytest.approx(integral, abs=0.012)
    assert region.chance(LIFTS) == chance_to_ship(task, planned, LIFTS)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.02, 0.05), st.floats(0, 0.02), st.floats(-0.02, 0.02), st.floats(0, 0.02))
def test_better_lifts_never_lower_the_chance(task, baseline, watch, more, back, better):
    planned = design(baseline, task, 10_000)
    low = chance_to_ship(task, planned, {"watch": watch, "return": back})
    assert chance_to_ship(task, planned, {"watch": watch + more, "return": back + better}) >= low


def test_users_needed_reach_the_power_and_hopeless_lifts_need_none(task, baseline):
    planned = design(baseline, task, 1_000)
    needed = users_needed(task, planned, LIFTS)
    assert chance_to_ship(task, planned.with_users(needed), LIFTS) >= 0.8
    assert chance_to_ship(task, planned.with_users(needed * 0.99), LIFTS) < 0.81
    assert needed > users_needed(task, planned, LIFTS | {"watch": 0.08})
    assert users_needed(task, planned, LIFTS, confirmation=5) > needed
    assert users_needed(task, planned, LIFTS | {"return": -0.06}) is None
    assert users_needed(task, planned, {}) is None


def test_a_level_can_be_assumed_by_itself(task, baseline):
    planned = design(baseline, task, 100_000)
    sure = LIFTS | {"watch": 0.5}
    assert chance_to_ship(task, planned, sure | {"=latency": 100.0}) > 0.99
    assert chance_to_ship(task, planned, sure | {"=latency": 130.0}) == 0.0


def test_a_holdout_is_counted_in_the_chance(task, baseline):
    alone = design(baseline, task, 10_000)
    with_holdout = design(baseline, task, 10_000, holdout_users=5_000)
    assert chance_to_ship(task, with_holdout, LIFTS) < chance_to_ship(task, alone, LIFTS)
    spent = {"return against the holdout": -0.06}
    sure = LIFTS | {"watch": 0.5}
    large = design(baseline, task, 1e6, holdout_users=1e6)
    assert chance_to_ship(task, large, sure) > 0.99
    assert chance_to_ship(task, large, sure | spent) == pytest.approx(confirmation_alpha(0.05, 1), abs=0.005)


def test_a_holdout_of_the_same_size_is_planned_like_control(task, baseline):
    """But without CUPED."""
    planned = design(baseline, task, 10_000, holdout_users=10_000)
    assert planned.error("return against the holdout") == pytest.approx(planned.error("return"))
    assert planned.error("watch against the holdout") > planned.error("watch")


def test_what_cannot_be_measured_has_no_chance(make, task):
    x = users(make, "base", 0, 1_000)[:, :3]
    planned = design(make.moments({"control": x}, COLUMNS[:3]), task, 10_000)
    assert planned.missing == {"latency": "the backend does not measure latency"}
    assert chance_to_ship(task, planned, LIFTS) == 0.0
    assert users_needed(task, planned, LIFTS) is None
    assert detectable_margins(task, planned)["latency"] is None
    with pytest.raises(UsageError, match="0 users"):
        design(make.moments({"control": x[:0]}, COLUMNS[:3]), task, 10_000)


def test_an_arm_that_was_measured_plans_like_the_moments_behind_it(make, task, baseline):
    arms = {a: users(make, a, 3, 40_000) for a in ("control", "new")}
    found = estimate(make.moments(arms, COLUMNS), task.judged)
    measured = from_estimates(found, task, 0, 50_000).with_users(10_000)
    planned = design(baseline, task, 10_000)
    for row in planned.rows:
        assert measured.error(row) == pytest.approx(planned.error(row), rel=0.05)
    assert design(found, task, 1_000).error("watch") == from_estimates(found, task, 0, 1_000).error("watch")
    assert chance_to_ship(task, measured, LIFTS) == pytest.approx(
        chance_to_ship(task, planned, LIFTS), abs=0.1
    )
