"""Limits on what seldom happens: nominal error rates, and no certainty from silence."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.evidence import Unknown, evidence
from rectune_dsl.experiments.power import chance_to_ship, detectable_margins
from rectune_dsl.experiments.proportions import Proportion
from rectune_dsl.experiments.ratios import Ratio
from rectune_dsl.experiments.sums import LiftSum
from rectune_dsl.experiments.verdicts import confirmation_alpha, verdict
from rectune_dsl.hooks.api import ArmMoments, Moments

ALPHA = confirmation_alpha(0.05, 1)
CRASH = {"crash": Metric(kind="proportion")}


def counted(make, events, n):
    """Moments of 0/1 users: `events` by arm."""
    arms = tuple(ArmMoments(a, n, n, (float(x),), ((float(x),),)) for a, x in events.items())
    return Moments(make.end, ("crash",), arms)


def bound(make, events, n, limit, metrics=CRASH):
    return evidence(counted(make, events, n), metrics).limited("new", "crash", parse_limit(limit))


# --- lifts --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("p", "n"), [(0.001, 10_000), (0.002, 60_000)])
@pytest.mark.parametrize(("limit", "edge"), [("<= +15%", 1.15), (">= -15%", 0.85)])
def test_a_rare_event_at_its_margin_passes_about_as_often_as_stated(make, p, n, limit, edge):
    """The delta method's interval on T / C passes 8.8 % of the time at p = .001."""
    runs = 4_000
    rng = make.generator("rare", n)
    control, treated = rng.binomial(n, p, runs), rng.binomial(n, p * edge, runs)
    passes = wald = 0
    for c, t in zip(control.tolist(), treated.tolist(), strict=True):
        seen = bound(make, {"control": c, "new": t}, n, limit)
        margin = parse_limit(limit)
        passes += margin.holds(seen.upper(ALPHA) if limit[0] == "<" else seen.lower(ALPHA))
        error = scipy.stats.norm.isf(ALPHA) * seen.error
        wald += margin.holds(seen.value + error if limit[0] == "<" else seen.value - error)
    slack = 3.5 * math.sqrt(ALPHA / runs)
    assert abs(passes / runs - ALPHA) < slack + 0.005
    if limit[0] == "<":
        assert wald / runs > ALPHA + slack, "why the quotient's own error is not relied on"


positive = st.floats(0.1, 100)


@settings(max_examples=200, deadline=None)
@given(positive, positive, st.floats(0.01, 30), st.floats(0.01, 30), st.floats(0.5, 4))
def test_bounds_are_where_the_test_of_the_difference_turns(treatment, control, own, shared, factor):
    def distance(lift):
        return (treatment - (1 + lift) * control) / math.sqrt(own + (1 + lift) ** 2 * shared)

    low, high = Ratio.of((treatment, own), (control, shared), 50.0).bounds(factor)
    # T - r C over its error falls from T's own distance from 0 to minus C's
    if treatment / math.sqrt(own) > factor * 1.0001:
        assert distance(low) == pytest.approx(factor, rel=1e-6)
    if control / math.sqrt(shared) > factor * 1.0001:
        assert distance(high) == pytest.approx(-factor, rel=1e-6)
    elif control / math.sqrt(shared) < factor * 0.9999:
        assert high == math.inf


@given(st.floats(0.01, 3), st.floats(0.5, 4))
def test_a_minimised_u_mirrors_its_lift(weight, factor):
    lift = Ratio.of((11.0, 1.0), (10.0, 1.0), 50.0)
    u = Ratio.of((11.0, 1.0), (10.0, 1.0), 50.0, -weight)
    low, high = lift.bounds(factor)
    assert u.value == pytest.approx(-weight * lift.value)
    assert u.bounds(factor) == pytest.approx((-weight * high, -weight * low))
    assert u.error_at(-weight * 0.1) == pytest.approx(weight * lift.error_at(0.1))


def test_certain_levels_give_the_delta_methods_interval(make):
    sure = Ratio.of((1.02, 1e-8), (1.0, 1e-8), 1e6)
    assert sure.bounds(2.0) == pytest.approx(
        (sure.value - 2 * sure.error, sure.value + 2 * sure.error), rel=1e-5
    )
    assert Ratio.of((1.0, 1.0), (1.0, 1.0), 0.0).lower(0.05) == -math.inf


def test_no_event_under_treatment_and_three_under_control_do_not_ship(make):
    seen = bound(make, {"control": 3, "new": 0}, 1_000, "<= +15%")
    assert seen.upper(ALPHA) > 0.15
    # given five events in all, none of them is the treatment's with p = .022 at the margin
    assert bound(make, {"control": 4, "new": 0}, 1_000, "<= +15%").upper(ALPHA) > 0.15
    assert bound(make, {"control": 5, "new": 0}, 1_000, "<= +15%").upper(ALPHA) <= 0.15


def test_a_u_of_one_star_is_tested_on_the_difference(make):
    """A rare star: no gain ships about as often as stated, whichever way it counts."""
    task = make.task({"crash": {"goal": "minimize", "kind": "proportion"}}, {})
    n, runs = 10_000, 3_000
    events = make.generator("star").binomial(n, 0.001, (runs, 2)).tolist()
    shipped = sum(
        verdict(task, counted(make, {"control": c, "new": t}, n), spec=make.spec(), confirmation=1).decision
        == "ship"
        for c, t in events
    )
    assert abs(shipped / runs - ALPHA) < 3.5 * math.sqrt(ALPHA / runs) + 0.005


@settings(max_examples=50, deadline=None)
@given(st.floats(0.5, 2), st.floats(0.05, 0.3), st.floats(0.05, 0.3), st.sampled_from([-2.0, 0.01, 1.0]))
def test_a_sum_of_one_lift_is_fiellers(treatment, own, shared, weight):
    one = Ratio.of((treatment, own**2), (1.0, shared**2), 50.0, weight)
    total = LiftSum.of(np.array([weight]), np.array([treatment, 1.0]), np.diag([own**2, shared**2]), 50.0)
    assert (total.value, total.error) == pytest.approx((one.value, one.error))
    assert total.bounds(1.5) == pytest.approx(one.bounds(1.5), rel=1e-6, abs=1e-8)
    if abs(one.value - 0.1 * weight) < one.error_at(0.1 * weight) / shared:
        assert total.error_at(0.1 * weight) == pytest.approx(one.error_at(0.1 * weight), rel=1e-6)


def test_a_sums_error_is_that_of_the_farthest_its_levels_plausibly_have(make):
    """Oracle: the smallest U over all levels within the ellipse, by another optimiser."""
    weights, levels = np.array([1.0, -0.5]), np.array([1.05, 0.8, 1.0, 1.0])
    root = make.generator("ellipse").normal(size=(4, 4)) * 0.05
    covariance = root @ root.T
    seen = LiftSum.of(weights, levels, covariance, 1e6)
    shape = np.linalg.cholesky(covariance)

    def farthest(sign):
        def value(z):
            top, bottom = np.split(levels + shape @ z, 2)
            return sign * float(weights @ (top / bottom - 1))

        edge = {"type": "ineq", "fun": lambda z: 2.0**2 - z @ z}
        return sign * scipy.optimize.minimize(value, np.full(4, 0.1), constraints=[edge], tol=1e-12).fun

    low, high = farthest(1), farthest(-1)
    assert (seen.value - low) / seen.error_at(low) == pytest.approx(2.0, rel=1e-5)
    assert (high - seen.value) / seen.error_at(high) == pytest.approx(2.0, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.02, 0.4), min_size=4, max_size=4), st.floats(0.05, 3), st.sampled_from([-0.5, 1]))
def test_a_bound_of_a_sum_is_where_its_test_turns(errors, factor, weight):
    levels = np.array([1.05, 0.9, 1.0, 1.0])
    seen = LiftSum.of(np.array([1.0, weight]), levels, np.diag(np.square(errors)), 50.0)
    for side, end in zip((1, -1), seen.bounds(factor), strict=True):
        if math.isfinite(end):
            assert seen.distance(end) == pytest.approx(side * factor, rel=1e-4)
            assert (seen.p_above(end), seen.p_below(end))[side < 0] == pytest.approx(
                scipy.stats.t.sf(factor, 50), rel=1e-3
            )


@pytest.mark.parametrize("weights", [(1.0, 0.5), (-1.0, -0.5)])
def test_a_sums_distance_from_the_truth_is_0_on_average(make, weights):
    """Normal levels with a U of 0, known to 7 and 9 %. The signed root's mean is 0.034, so that its test errs
    in 3.3 % on one side and 2.8 % on the other where 3.04 % are meant. What is linear in the levels has a
    mean of 0, and is subtracted so that few draws tell."""
    factors, truth = np.array(weights), np.array([1.04, 0.92, 1.0, 1.0])
    covariance = np.diag(np.square([0.067, 0.089, 0.067, 0.089]))
    gradient = np.concatenate([factors, -factors * truth[:2]])
    ours, root = [], []
    for levels in make.generator("sides").multivariate_normal(truth, covariance, 2_000):
        seen = LiftSum.of(factors, levels, covariance, 1e6)
        linear = gradient @ (levels - truth) / math.sqrt(gradient @ covariance @ gradient)
        ours.append(seen.distance(0.0) - linear)
        root.append(seen.value / seen.error_at(0.0) - linear)
    assert abs(np.mean(ours)) < 0.003
    assert np.mean(root) == pytest.approx(0.034 * np.sign(weights[0]), abs=0.005)


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_a_u_with_a_rare_star_among_others_ships_no_more_often_than_stated(make, goal):
    """By the delta method 9 % of experiments would ship where fewer crashes count, none where more do."""
    metrics = {"x": Metric(goal="maximize"), "crash": Metric(goal=goal, kind="proportion")}
    n, runs = 10_000, 2_000
    rng = make.generator("sum")
    weights = {name: metric.sign * metric.weight for name, metric in metrics.items()}
    factor, shipped = scipy.stats.norm.isf(ALPHA), 0
    for _ in range(runs):
        arms = []
        for arm in ("control", "new"):
            c, x = float(rng.binomial(n, 0.001)), n * (10 + 0.1 * rng.normal())
            arms.append(ArmMoments(arm, n, n, (x, c), ((x * x / n + n * 100, x * c / n), (x * c / n, c))))
        seen = evidence(Moments(make.end, ("x", "crash"), tuple(arms)), metrics).objective("new", weights)
        shipped += seen.distance(0.0) > factor
    assert abs(shipped / runs - ALPHA) < 3.5 * math.sqrt(ALPHA / runs) + 0.005


def test_a_sum_with_an_uncertain_control_has_no_bound(make):
    seen = LiftSum.of(np.array([1.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0]), np.eye(4) * 0.4**2, 50.0)
    assert seen.upper(0.001) == math.inf
    assert math.isfinite(seen.upper(0.4))


# --- levels -------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2_000), st.floats(0, 1), st.floats(0.001, 0.4))
def test_levels_of_proportions_have_exact_bounds(n, share, alpha):
    events = round(share * n)
    peer = scipy.stats.binomtest(events, n).proportion_ci(1 - 2 * alpha, method="exact")
    ours = Proportion.of(n, events)
    assert (ours.lower(alpha), ours.upper(alpha)) == pytest.approx((peer.low, peer.high), rel=1e-7, abs=1e-9)


def test_no_crash_among_fifty_users_shows_little(make):
    few = bound(make, {"control": 0, "new": 0}, 50, "<= 0.001")
    assert few.upper(ALPHA) == pytest.approx(1 - ALPHA ** (1 / 50))
    rng = make.generator("crash")
    task = make.task({"watch": {"goal": "maximize"}, "crash": {"kind": "proportion"}}, {"crash": "<= 0.001"})
    arms = {
        name: np.column_stack([rng.normal(mean, 1, 50), np.zeros(50)])
        for name, mean in (("control", 10), ("new", 14))
    }
    found = verdict(task, make.moments(arms, ("watch", "crash")), spec=make.spec(), confirmation=1)
    assert found.decision == "hold"
    (reason,) = found.reasons
    assert reason.startswith("crash is not shown to be <= 0.001: estimate 0, upper bound 0.067")
    assert "users per arm would show it" in reason


def test_users_who_do_not_differ_are_inconclusive(make):
    same = {name: np.full((500, 1), 100.1) for name in ("control", "new")}
    known = evidence(make.moments(same, ("latency",)), {"latency": Metric()})
    for limit in ("<= 120", "<= +15%"):
        seen = known.limited("new", "latency", parse_limit(limit))
        assert isinstance(seen, Unknown)
        assert "is the same for all users of new" in seen.why
    assert isinstance(known.objective("new", {"latency": -1.0}), Unknown)


def test_an_error_of_zero_in_estimates_is_a_computed_value(make):
    computed = make.estimates({"coverage": 0.0}, [[0.0]], {"coverage": 0.5}, {"coverage": 0.0})
    seen = evidence(computed, {"coverage": Metric()}).limited("new", "coverage", parse_limit(">= 0.4"))
    assert seen.lower(ALPHA) == 0.5


def test_a_bound_is_named_by_its_side_even_where_it_equals_the_estimate(make):
    task = make.task({"watch": {"goal": "maximize"}}, {"latency": "<= 120"})
    observation = make.estimates(
        {"watch": 0.1, "latency": 0.0}, np.diag([1e-6, 0.0]), {"latency": 100.0}, {"latency": 0.0}
    )
    found = verdict(task, observation, spec=make.spec(), confirmation=1)
    assert "latency is shown to be <= 120: estimate 100, upper bound 100" in found.reasons[1]


def test_a_lift_without_a_bound_is_recorded_without_one(make):
    task = make.task({"crash": {"kind": "proportion"}, "x": {"goal": "maximize"}}, {"crash": "<= +15%"})
    found = verdict(task, counted(make, {"control": 1, "new": 3}, 500), spec=make.spec(), confirmation=1)
    assert found.bounds[1].bound is None
    assert "no upper bound at level 0.03" in found.bounds[1].detail
    assert not found.bounds[1].shown


# --- plans --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "p", "n", "lift"),
    [
        ("<= +15%", 0.01, 20_000, 0.0),
        ("<= +40%", 0.002, 30_000, 0.0),
        (">= -40%", 0.002, 30_000, 0.0),
        ("<= 0.0125", 0.01, 8_000, 0.0),
        ("<= 0.004", 0.002, 4_000, 0.0),
    ],
)
def test_the_chance_to_keep_a_limit_is_how_often_users_show_it(make, limit, p, n, lift):
    """U is a second metric beyond doubt. Delta-method errors would be wrong by up to 0.1 here."""
    task = make.task({"x": {"goal": "maximize"}, "crash": {"kind": "proportion"}}, {"crash": limit})
    base = Moments(
        make.end,
        ("x", "crash"),
        (ArmMoments("control", n, n, (n * 1.0, n * p), ((n * 1.01, n * p), (n * p, n * p))),),
    )
    chance = chance_to_ship(task, design(base, task, n), {"x": 5.0})
    rng = make.generator("keep", n)
    control, treated = rng.binomial(n, p, 2_000).tolist(), rng.binomial(n, p, 2_000).tolist()
    margin, kept = parse_limit(limit), 0
    for c, t in zip(control, treated, strict=True):
        seen = bound(make, {"control": c, "new": t}, n, limit)
        kept += margin.holds(seen.upper(ALPHA) if limit[0] == "<" else seen.lower(ALPHA))
    assert 0.1 < chance < 0.99
    assert kept / 2_000 == pytest.approx(chance, abs=0.05)


def test_the_tightest_margin_is_kept_with_the_stated_power(make):
    task = make.task({"x": {"goal": "maximize"}, "crash": {"kind": "proportion"}}, {"crash": "<= +15%"})
    n, p = 20_000, 0.01
    base = Moments(
        make.end,
        ("x", "crash"),
        (ArmMoments("control", n, n, (n * 1.0, n * p), ((n * 1.01, n * p), (n * p, n * p))),),
    )
    planned = design(base, task, n)
    tightest = detectable_margins(task, planned)["crash"]
    at_it = task.model_copy(update={"guardrails": {"crash": parse_limit(f"<= +{tightest * 100:.6f}%")}})
    assert chance_to_ship(at_it, planned, {"x": 5.0}) == pytest.approx(0.8, abs=0.01)
    assert detectable_margins(task, planned.with_users(100))["crash"] is None, "control may be 0"


def test_a_plan_knows_that_no_event_is_no_proof(make):
    task = make.task({"x": {"goal": "maximize"}, "crash": {"kind": "proportion"}}, {"crash": "<= 0.001"})

    def base(n):
        arm = ArmMoments("control", n, n, (n * 1.0, 0.0), ((n * 1.01, 0.0), (0.0, 0.0)))
        return Moments(make.end, ("x", "crash"), (arm,))

    assert chance_to_ship(task, design(base(50), task, 50), {"x": 5.0}) == 0.0
    assert chance_to_ship(task, design(base(50), task, 5_000), {"x": 5.0}) == 1.0
    constant = make.task({"x": {"goal": "maximize"}}, {"crash": "<= 0.001"})
    planned = design(base(50), constant, 5_000)
    assert "the same for all users" in planned.missing["crash"]
    assert chance_to_ship(constant, planned, {"x": 5.0}) == 0.0
