"""Holm, SRM and degrees of freedom agree with statsmodels and scipy; confidence sequences keep their word."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.holm import holm
from rectune_dsl.experiments.intervals import Measured
from rectune_dsl.experiments.monitors import harm, stop_alpha
from rectune_dsl.experiments.sequences import one_sided_factor, two_sided_factor
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


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 100_000), st.floats(0.01, 1)), min_size=2, max_size=8),
    st.booleans(),
)
def test_srm_agrees_with_scipy(arms, weighted):
    counts = [n for n, _ in arms]
    shares = [share for _, share in arms] if weighted else None
    expected = None if shares is None else np.array(shares) / sum(shares) * sum(counts)
    peer = scipy.stats.chisquare(counts, expected).pvalue
    assert srm_p_value(counts, shares) == pytest.approx(peer, rel=1e-9, abs=1e-300)


def test_srm_false_alarms_are_as_rare_as_stated(make):
    counts = make.generator("srm").multinomial(30_000, [1 / 3] * 3, size=20_000)
    alarms = np.mean([srm_p_value([int(n) for n in row]) < SRM_THRESHOLD for row in counts])
    assert alarms < SRM_THRESHOLD + 3.5 * math.sqrt(SRM_THRESHOLD / 20_000)


def test_a_mismatch_is_a_sentence_and_the_holdout_is_none(make):
    x = np.ones((5, 1))
    arms = {"control": x, "new": x, "holdout": x}
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
    two = np.array([two_sided_factor(alpha, f) for f in times])
    slack = 3 * math.sqrt(alpha * (1 - alpha) / runs)
    assert np.mean((z > one).any(axis=1)) <= alpha + slack
    assert np.mean((abs(z) > two).any(axis=1)) <= alpha + slack
    assert np.mean((z > scipy.stats.norm.isf(alpha)).any(axis=1)) > 2 * alpha, "the naive test does not hold"


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-6, 0.4), st.floats(0.05, 5))
def test_sequences_are_the_papers_formulas(alpha, fraction):
    """Time in observations, the horizon at 1,000 of them."""
    for factor, level in ((one_sided_factor, 2 * alpha), (two_sided_factor, alpha)):
        x = scipy.optimize.brentq(lambda x, a=level: np.log((x + 1) / a**2) - x, 1e-9, 200)
        rho2, t = x / 1000, 1000 * fraction
        if factor is one_sided_factor:
            inner = np.log(1 + np.sqrt(t * rho2 + 1) / (2 * alpha))
        else:
            inner = np.log(np.sqrt(t * rho2 + 1) / alpha)
        margin = np.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * inner)
        assert factor(alpha, fraction) == pytest.approx(margin * np.sqrt(t), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 0.2), st.floats(0.01, 1))
def test_sequences_are_wider_than_fixed_horizons_and_tightest_at_the_horizon(alpha, fraction):
    assert one_sided_factor(alpha, fraction) > scipy.stats.norm.isf(alpha)
    assert one_sided_factor(alpha, 1.0) < two_sided_factor(alpha, 1.0)
    assert two_sided_factor(alpha, 1.0) <= two_sided_factor(alpha, fraction) + 1e-12
    assert one_sided_factor(alpha, 0.0) == two_sided_factor(alpha, 0.0) == math.inf


# --- harm -------------------------------------------------------------------------------------------

LIMITS = {"return": parse_limit(">= -1%"), "latency": parse_limit("<= 120")}


def seen(make, lift, level, n=1e6):
    covariance = [[0.001**2, 0.0], [0.0, 0.01**2]]
    levels, errors = {"latency": level}, {"latency": 1.0}
    return make.estimates({"return": lift, "latency": 0.0}, covariance, levels, errors, n)


def test_harm_must_be_shown_beyond_the_margin(make):
    assert harm(seen(make, -0.012, 121.0), LIMITS, alpha=1e-3, fraction=0.5) == {}
    found = harm(seen(make, -0.03, 121.0), LIMITS, alpha=1e-3, fraction=0.5)
    assert list(found) == ["new"]
    assert "return breaks its guardrail (>= -1%): its lift is -3.00%" in found["new"]
    assert "latency" not in found["new"]
    found = harm(seen(make, 0.0, 140.0), LIMITS, alpha=1e-3, fraction=0.5)
    assert "its level is 140" in found["new"]


def test_what_is_missing_or_scarce_shows_no_harm(make):
    assert harm(seen(make, None, 100.0), LIMITS, alpha=1e-3, fraction=0.5) == {}
    assert harm(seen(make, -0.9, 100.0, n=50), LIMITS, alpha=1e-3, fraction=0.5) == {}
    assert harm(make.estimates({"x": 0.0}, [[1.0]]), LIMITS, alpha=1e-3, fraction=0.5) == {}


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
            if harm(observation, limits, alpha=alpha, fraction=day / 7):
                stops += 1
                break
    assert stops / runs <= alpha


def test_the_runs_alpha_is_shared_by_all_arms_and_guardrails(make):
    task = make.task(rounds=4, arms=5, alpha=0.05)
    assert stop_alpha(task) == pytest.approx(0.05 / ((4 * 5 + 1) * 2))
