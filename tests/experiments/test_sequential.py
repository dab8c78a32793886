"""Holm, SRM and degrees of freedom agree with statsmodels and scipy; confidence sequences keep their word."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.gof import chisquare
from statsmodels.stats.multitest import multipletests

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.evidence import evidence
from rectune_dsl.experiments.holm import holm, holm_adjusted
from rectune_dsl.experiments.intervals import Measured, lift
from rectune_dsl.experiments.monitors import harm, stop_alpha
from rectune_dsl.experiments.sequences import one_sided_factor
from rectune_dsl.experiments.srm import SRM_THRESHOLD, mismatch, srm_p_value
from rectune_dsl.hooks.errors import UsageError


def test_holm_agrees_with_statsmodels(make, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # the peer collects garbage at every call
    rng = make.generator("holm")
    for case in range(300):
        p_values = rng.random(rng.integers(1, 13)) ** 3
        p_values = np.round(p_values, 2) if case % 2 else p_values  # with ties
        peer = multipletests(p_values, method="holm")[1]
        assert holm(p_values.tolist()) == pytest.approx(peer, rel=1e-9, abs=1e-12)


def test_holm_of_nothing():
    assert holm([]) == ()


def test_holm_adjusts_over_all_lifts_of_all_arms(make):
    rng = make.generator("adjusted")
    arms = {a: rng.gamma(2.0, 1.0, (300, 2)) for a in ("control", "a", "b")}
    arms["b"][:, 1] *= 1.5
    found = estimate(make.moments(arms, ("x", "y")), {"x": Metric(), "y": Metric(), "gone": Metric()})
    single = {(arm, m): lift(found, arm, m).p_value() for arm in ("a", "b") for m in ("x", "y")}
    peer = multipletests(list(single.values()), method="holm")[1]
    adjusted = holm_adjusted(found, ("x", "y", "gone", "never"))
    assert list(adjusted) == ["a", "b"]
    assert [adjusted[a][m] for a, m in single] == pytest.approx(peer.tolist())
    assert adjusted["b"]["y"] < 0.05 < adjusted["a"]["x"]
    assert set(holm_adjusted(found, ("y",))["a"]) == {"y"}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 100_000), st.floats(0.01, 1)), min_size=2, max_size=8),
    st.booleans(),
)
def test_srm_agrees_with_scipy_and_statsmodels(arms, weighted):
    counts = [n for n, _ in arms]
    shares = [share for _, share in arms] if weighted else None
    expected = None if shares is None else np.array(shares) / sum(shares) * sum(counts)
    peer = scipy.stats.chisquare(counts, expected).pvalue
    assert srm_p_value(counts, shares) == pytest.approx(peer, rel=1e-9, abs=1e-300)
    wanted = np.full(len(counts), 1 / len(counts)) if shares is None else np.array(shares) / sum(shares)
    _, peer = chisquare(np.array(counts), wanted * sum(counts))
    assert srm_p_value(counts, shares) == pytest.approx(peer, rel=1e-9, abs=1e-300)


def test_srm_false_alarms_are_as_rare_as_stated(make):
    counts = make.generator("srm").multinomial(30_000, [1 / 3] * 3, size=20_000)
    alarms = np.mean([srm_p_value([int(n) for n in row]) < SRM_THRESHOLD for row in counts])
    assert alarms < SRM_THRESHOLD + 3.5 * math.sqrt(SRM_THRESHOLD / 20_000)


def test_a_mismatch_is_a_sentence_and_the_holdout_is_none(make):
    arms = {"control": np.ones((500, 1)), "new": np.ones((500, 1)), "holdout": np.ones((20, 1))}
    fine = {"control": 10_000, "new": 10_050, "holdout": 400}
    assert mismatch(make.moments(arms, ("m",), fine)) is None
    sentence = mismatch(make.moments(arms, ("m",), fine | {"new": 9_000}))
    assert "control 10,000, new 9,000" in sentence
    assert mismatch(make.moments(arms, ("m",), fine), leave_out=()) is not None
    shares = {"control": 1, "new": 1, "holdout": 0.04}
    assert mismatch(make.moments(arms, ("m",), fine), leave_out=(), shares=shares) is None
    with pytest.raises(UsageError, match="positive share"):
        srm_p_value([1, 2], [1.0, 0.0])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-100, 100), min_size=3, max_size=20).filter(lambda x: np.std(x) > 1e-3),
    st.lists(st.floats(-100, 100), min_size=3, max_size=20).filter(lambda x: np.std(x) > 1e-3),
    st.floats(0.001, 0.4),
)
def test_bounds_and_p_values_agree_with_welch(first, second, alpha):
    variances = [np.var(x, ddof=1) / len(x) for x in (first, second)]
    degrees = welch_degrees(variances[0], len(first), variances[1], len(second))
    ours = Measured(np.mean(first) - np.mean(second), math.sqrt(sum(variances)), degrees)
    peer = scipy.stats.ttest_ind(first, second, equal_var=False)
    assert ours.p_value() == pytest.approx(peer.pvalue, rel=1e-9, abs=1e-12)
    low, high = peer.confidence_interval(1 - 2 * alpha)
    assert (ours.lower(alpha), ours.upper(alpha)) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert ours.interval(1 - 2 * alpha) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


def test_nothing_is_known_without_degrees_of_freedom_and_everything_without_error():
    assert Measured(1.0, 0.1, 0.0).lower(0.05) == -math.inf
    assert Measured(1.0, 0.0, 0.0).interval() == (1.0, 1.0)
    assert welch_degrees(0.0, 10, 0.0, 12) == 20


def test_users_who_were_assigned_but_are_not_counted_are_a_mismatch(make):
    """Assigned 20,000 each; the treatment lost a fifth of them before they were counted."""
    counted = {"control": np.ones((20_000, 1)), "new": np.ones((16_000, 1))}
    sentence = mismatch(make.moments(counted, ("m",), dict.fromkeys(counted, 20_000)))
    assert "Users were not counted as designed (control 20,000, new 16,000" in sentence


def test_who_looks_daily_divides_the_threshold(make):
    """Five of a thousand experiments would otherwise be frozen for nothing in a fortnight."""
    runs, days = 40_000, 14
    steps = make.generator("looks").binomial(1_000, 0.5, size=(runs, days)).cumsum(axis=1)
    users = 1_000 * np.arange(1, days + 1)
    p_values = scipy.stats.chi2.sf((steps - users / 2) ** 2 / (users / 4), 1)
    slack = 3.5 * math.sqrt(SRM_THRESHOLD / runs)
    assert np.mean((p_values < SRM_THRESHOLD).any(axis=1)) > SRM_THRESHOLD + slack
    assert np.mean((p_values < SRM_THRESHOLD / days).any(axis=1)) <= SRM_THRESHOLD + slack
    at = {"control": 10_000, "new": 10_480}  # p = 0.0008
    moments = make.moments(dict.fromkeys(at, np.ones((5, 1))), ("m",), at)
    assert mismatch(moments) is not None
    assert mismatch(moments, looks=days) is None


# --- confidence sequences ---------------------------------------------------------------------------


def paths(make, name, runs, looks):
    """Standardised estimates of a true 0 at equally informative looks."""
    steps = make.generator(name).standard_normal((runs, looks))
    return steps.cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_peeking_at_a_true_null_stops_no_more_often_than_alpha(make, alpha):
    """A horizon of 200 looks, watched for twice as long."""
    runs = 10_000
    z = paths(make, "peeking", runs, 400)
    times = np.arange(1, 401) / 200
    one = np.array([one_sided_factor(alpha, f) for f in times])
    slack = 3 * math.sqrt(alpha * (1 - alpha) / runs)
    assert np.mean((z > one).any(axis=1)) <= alpha + slack
    assert np.mean((z > scipy.stats.norm.isf(alpha)).any(axis=1)) > 2 * alpha, "the naive test does not hold"


def rho2_at(horizon, alpha):
    """The paper's rho^2 that makes a two-sided sequence at level alpha tightest at the horizon: a search."""

    def slope(x):  # of the squared width by x = horizon rho^2, but for a factor above 0
        return x - np.log((x + 1) / alpha**2)

    return scipy.optimize.brentq(slope, 1e-9, 1e4, xtol=1e-14, rtol=1e-15) / horizon


def test_sequences_are_the_papers_formulas_in_observations(make):
    """300 random levels, horizons and times; the standard deviation is 1, the standard error 1 / sqrt(t)."""
    rng = make.generator("papers")
    for _ in range(300):
        alpha, horizon = 10 ** float(rng.uniform(-6, -0.4)), float(rng.integers(10, 100_000))
        t = float(rng.uniform(0.01, 5)) * horizon
        rho2 = rho2_at(horizon, 2 * alpha)
        reach = np.log(1 + np.sqrt(t * rho2 + 1) / (2 * alpha))
        one = np.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * reach)
        assert one_sided_factor(alpha, t / horizon) / np.sqrt(t) == pytest.approx(one, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 0.2), st.floats(0.01, 1))
def test_sequences_are_wider_than_fixed_horizons_and_tightest_at_the_horizon(alpha, fraction):
    assert one_sided_factor(alpha, fraction) > scipy.stats.norm.isf(alpha)
    widths = [one_sided_factor(alpha, f) / math.sqrt(f) for f in (0.9, 1.0, 1.1)]
    assert widths == sorted(widths, reverse=True), "an interval only shrinks"
    assert one_sided_factor(alpha, 1.0) <= one_sided_factor(alpha, fraction) + 1e-12
    assert one_sided_factor(alpha, 0.0) == math.inf


# --- harm -------------------------------------------------------------------------------------------

LIMITS = {"return": parse_limit(">= -1%"), "latency": parse_limit("<= 120")}


def harmed(observation, limits=LIMITS, alpha=1e-3, fraction=0.5):
    metrics = {metric: Metric() for metric in limits}
    return harm(evidence(observation, metrics), limits, alpha=alpha, fraction=fraction)


def seen(make, lift, level, n=1e6):
    covariance = [[0.001**2, 0.0], [0.0, 0.01**2]]
    levels, errors = {"latency": level}, {"latency": 1.0}
    return make.estimates({"return": lift, "latency": 0.0}, covariance, levels, errors, n)


def test_harm_must_be_shown_beyond_the_margin(make):
    assert harmed(seen(make, -0.012, 121.0)) == {}
    found = harmed(seen(make, -0.03, 121.0))
    assert list(found) == ["new"]
    assert "return breaks its guardrail (>= -1%): its lift is -3.00%" in found["new"]
    assert "latency" not in found["new"]
    found = harmed(seen(make, 0.0, 140.0))
    assert "its level is 140" in found["new"]


def test_what_is_missing_or_scarce_shows_no_harm(make):
    assert harmed(seen(make, None, 100.0)) == {}
    assert harmed(seen(make, -0.9, 100.0, n=50)) == {}
    assert harmed(make.estimates({"x": 0.0}, [[1.0]])) == {}


def test_an_arm_at_its_margin_is_stopped_no_more_often_than_alpha(make):
    """Daily looks over a week, at the edge of the null."""
    alpha, runs, error = 0.05, 1_500, 0.002
    z = paths(make, "harm", runs, 7)
    limits = {"return": LIMITS["return"]}
    stops = 0
    for path in z:
        for day, value in enumerate(path, 1):
            se = error * math.sqrt(7 / day)
            observation = make.estimates({"return": -0.01 + value * se}, [[se**2]])
            if harmed(observation, limits, alpha, day / 7):
                stops += 1
                break
    assert stops / runs <= alpha


def test_users_who_do_not_differ_show_no_harm(make):
    """All of 200 users at a latency beyond the limit: nothing tells how sure that is."""
    moments = make.moments(dict.fromkeys(("control", "new"), np.full((200, 1), 150.0)), ("latency",))
    assert harmed(moments, {"latency": LIMITS["latency"]}) == {}
    crashes = make.moments({"control": np.zeros((200, 1)), "new": np.ones((200, 1))}, ("crash",))
    known = evidence(crashes, {"crash": Metric(kind="proportion")})
    limits = {"crash": parse_limit("<= 0.5")}
    assert "crash breaks" in harm(known, limits, alpha=1e-3, fraction=0.5)["new"], "that shows enough"


def test_the_runs_alpha_is_shared_by_all_arms_and_guardrails(make):
    task = make.task(rounds=4, arms=5, alpha=0.05)
    assert stop_alpha(task) == pytest.approx(0.05 / ((4 * 5 + 1) * 2))
