"""What is tested on users' sums agrees with scipy, statsmodels and tea-tasting on the users themselves.

200 random cases per method, to 1e-9. Nothing here is compared with the code it tests.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import scipy.optimize
import scipy.stats
import tea_tasting
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.evidence import evidence
from rectune_dsl.experiments.intervals import kept_p_value, level, lift

CASES = 200
COLUMNS = ("watch", "hates", "shown", "before", "shown_before", "returned", "users")
METRICS = {
    "watch": Metric(),
    "returned": Metric(kind="proportion"),
    "rate": Metric(kind="ratio", numerator="hates", denominator="shown"),
    "watch_cuped": Metric(kind="ratio", numerator="watch", denominator="users", covariate="before"),
    "rate_cuped": Metric(kind="ratio", numerator="hates", denominator="shown", covariate="before"),
}
PEERS = {
    "watch": tea_tasting.Mean("watch"),
    "returned": tea_tasting.Mean("returned"),
    "rate": tea_tasting.RatioOfMeans("hates", "shown"),
    "watch_cuped": tea_tasting.Mean("watch", "before"),
    "rate_cuped": tea_tasting.RatioOfMeans("hates", "shown", "before"),
}
RELATIVE = Limit(">=", 0.0, True)


class Case:
    """One experiment: its users, and what is observed of them."""

    def __init__(self, make, number):
        rng = make.generator("oracles", number)
        self.margin = float(rng.uniform(-0.3, 0.3))
        self.alpha = float(rng.uniform(0.001, 0.2))
        sizes = rng.integers(30, 400, 2)
        pairs = zip(("control", "new"), sizes, (0, 0.1), strict=True)
        self.arms = {name: users(rng, n, shift) for name, n, shift in pairs}
        self.moments = make.moments(self.arms, COLUMNS)

    def column(self, name):
        """Of treatment and control."""
        return [self.arms[arm][:, COLUMNS.index(name)] for arm in ("new", "control")]

    def seen(self, metric, of=METRICS, relative=True):
        return evidence(self.moments, of).limited("new", metric, Limit(">=", 0.0, relative))


def users(rng, n, shift=0.0):
    """Correlated users; the columns are COLUMNS."""
    taste = rng.gamma(2.0, 1.0, n)
    shown = rng.poisson(8 * taste) + 1.0
    found = [
        taste * rng.lognormal(0.0, 0.5, n) + shift,
        rng.binomial(shown.astype(int), 0.2),
        shown,
        taste * rng.lognormal(0.0, 0.5, n),
        rng.poisson(8 * taste) + 1.0,
        rng.random(n) < 0.4 + 0.05 * taste.clip(0, 8),
        np.ones(n),
    ]
    return np.column_stack(found).astype(float)


@pytest.fixture(scope="module")
def cases(make):
    return [Case(make, number) for number in range(CASES)]


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


# --- lifts by the delta method ----------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_lifts_errors_and_levels_agree_with_tea_tasting(cases, metric):
    """Its interval is that of log(treatment / control): its half width is our relative error in t quantiles.
    Mean, proportion, ratio, CUPED mean and CUPED ratio."""
    compared = 0
    for case in cases:
        found = estimate(case.moments, METRICS)
        if f"new/{metric}" in found.missing:  # a covariate out of balance by chance
            continue
        compared += 1
        data = np.concatenate(list(case.arms.values()))
        variant = np.repeat([0, 1], [len(x) for x in case.arms.values()])
        table = pa.table({c: data[:, i] for i, c in enumerate(COLUMNS)} | {"variant": variant})
        peer = tea_tasting.Experiment({"m": PEERS[metric]}).analyze(table)["m"]
        ours = lift(found, "new", metric)
        assert ours.value == close(peer.rel_effect_size)
        half = math.log((1 + peer.rel_effect_size_ci_upper) / (1 + peer.rel_effect_size))
        assert scipy.stats.t.ppf(0.975, ours.degrees) * ours.error / (1 + ours.value) == close(half)
    assert compared >= CASES - 3


def test_the_delta_interval_is_the_linearised_regressions(cases):
    """Users' linearised lifts, t / C and T c / C^2, as samples: statsmodels' interval of their difference."""
    for case in cases:
        treated, control = case.column("watch")
        above, below = treated.mean(), control.mean()
        parts = (DescrStatsW(treated / below), DescrStatsW(control * above / below**2))
        error = CompareMeans(*parts).std_meandiff_separatevar
        low, high = CompareMeans(*parts).tconfint_diff(2 * case.alpha, usevar="unequal")
        ours = lift(estimate(case.moments, METRICS), "new", "watch")
        assert ours.error == close(error)
        assert (ours.lower(case.alpha), ours.upper(case.alpha)) == close(
            (ours.value + low, ours.value + high)
        )


# --- tests: one- and two-sided, against margins ------------------------------------------------------


def welch(treated, scaled, degrees):
    """Welch's statistic of scipy, its two-sided p-value and both one-sided, at given degrees of freedom."""
    statistic = scipy.stats.ttest_ind(treated, scaled, equal_var=False).statistic
    above = scipy.stats.t.sf(statistic, degrees)
    return 2 * min(above, 1 - above), above, scipy.stats.t.cdf(statistic, degrees)


@pytest.mark.parametrize("metric", ["watch", "returned"])
def test_one_and_two_sided_tests_of_a_lift_are_welchs(cases, metric):
    """Of users' T and (1 + d) C. Degrees of freedom are Welch's where T / C was observed."""
    for case in cases:
        treated, control = case.column(metric)
        seen = case.seen(metric)
        observed = treated.mean() / control.mean()
        degrees = scipy.stats.ttest_ind(treated, observed * control, equal_var=False).df
        for margin in (0.0, case.margin):
            peer = welch(treated, (1 + margin) * control, degrees)
            ours = seen.p_value(margin), seen.p_above(margin), seen.p_below(margin)
            assert ours == close(peer)


def test_non_inferiority_with_a_relative_margin_is_welchs_test_of_scaled_control(cases):
    for case in cases:
        treated, control = case.column("watch")
        observed = treated.mean() / control.mean()
        degrees = scipy.stats.ttest_ind(treated, observed * control, equal_var=False).df
        for sign, direction in ((-1, ">="), (1, "<=")):
            margin = sign * abs(case.margin)
            statistic, _, _ = CompareMeans(
                DescrStatsW(treated), DescrStatsW((1 + margin) * control)
            ).ttest_ind(usevar="unequal")
            peer = scipy.stats.t.sf(-sign * statistic, degrees)
            limit = Limit(direction, margin, True)
            assert kept_p_value(case.seen("watch"), limit) == close(peer)
            bound = case.seen("watch").lower(case.alpha) if sign < 0 else case.seen("watch").upper(case.alpha)
            assert limit.holds(bound) == (peer <= case.alpha), "a bound is where the test turns"


def test_levels_against_a_limit_are_the_one_sample_test(cases):
    for case in cases:
        treated, _ = case.column("watch")
        seen, limit = case.seen("watch", relative=False), treated.mean() * (1 + case.margin)
        peer = scipy.stats.ttest_1samp(treated, limit)
        assert seen.p_value(limit) == close(peer.pvalue)
        assert seen.p_above(limit) == close(scipy.stats.ttest_1samp(treated, limit, alternative="greater")[1])
        assert seen.p_below(limit) == close(scipy.stats.ttest_1samp(treated, limit, alternative="less")[1])
        interval = scipy.stats.ttest_1samp(treated, limit).confidence_interval(1 - 2 * case.alpha)
        assert (seen.lower(case.alpha), seen.upper(case.alpha)) == close(tuple(interval))


# --- Fieller's bounds, and those of proportions ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["watch", "returned"])
def test_fiellers_bounds_are_where_welchs_statistic_of_scaled_control_is_critical(cases, metric):
    """Found by a search on scipy's statistic, from the estimate outwards."""
    for case in cases:
        treated, control = case.column(metric)
        observed = treated.mean() / control.mean()
        degrees = scipy.stats.ttest_ind(treated, observed * control, equal_var=False).df
        critical = scipy.stats.t.isf(case.alpha, degrees)

        def beyond(ratio, treated=treated, control=control, critical=critical):
            return scipy.stats.ttest_ind(treated, ratio * control, equal_var=False).statistic - critical

        def below(ratio, treated=treated, control=control, critical=critical):
            return scipy.stats.ttest_ind(treated, ratio * control, equal_var=False).statistic + critical

        low = scipy.optimize.brentq(beyond, 1e-9, observed, xtol=1e-14, rtol=1e-14)
        high = scipy.optimize.brentq(below, observed, 50 * observed, xtol=1e-14, rtol=1e-14)
        seen = case.seen(metric)
        assert (seen.lower(case.alpha), seen.upper(case.alpha)) == close((low - 1, high - 1))


@pytest.mark.slow
def test_fiellers_bounds_of_a_ratio_are_those_of_linearised_users(cases):
    """A ratio's linearised users (n - R d) / D + R are a sample whose mean is R; scipy finds the rest."""
    for case in cases:
        samples = []
        for above, below in zip(case.column("hates"), case.column("shown"), strict=True):
            ratio = above.sum() / below.sum()
            samples.append((above - ratio * below) / below.mean() + ratio)
        treated, control = samples
        observed = treated.mean() / control.mean()
        degrees = scipy.stats.ttest_ind(treated, observed * control, equal_var=False).df
        critical = scipy.stats.t.isf(case.alpha, degrees)
        bounds = []
        for side, (start, end) in ((1, (1e-9, observed)), (-1, (observed, 50 * observed))):

            def turns(ratio, side=side, treated=treated, control=control, critical=critical):
                found = scipy.stats.ttest_ind(treated, ratio * control, equal_var=False)
                return found.statistic - side * critical

            bounds.append(scipy.optimize.brentq(turns, start, end, xtol=1e-14, rtol=1e-14) - 1)
        seen = case.seen("rate")
        assert (seen.lower(case.alpha), seen.upper(case.alpha)) == close(tuple(bounds))


def test_a_proportions_exact_bounds_agree_with_statsmodels(cases):
    for case in cases:
        events, _ = case.column("returned")
        low, high = proportion_confint(events.sum(), len(events), 2 * case.alpha, method="beta")
        seen = case.seen("returned", relative=False)
        assert (seen.lower(case.alpha), seen.upper(case.alpha)) == close((low, high))


def test_shown_levels_are_the_samples_means_and_errors(cases):
    for case in cases:
        found = estimate(case.moments, METRICS)
        for metric in ("watch", "returned"):
            treated, _ = case.column(metric)
            shown = level(found, "new", metric)
            assert shown.value == close(treated.mean())
            assert shown.error == close(scipy.stats.sem(treated))
