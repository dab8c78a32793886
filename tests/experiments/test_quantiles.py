"""Quantiles: order statistics agree with scipy's quantile test, and lifts keep their level."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.guardrails import parse_limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.evidence import Unknown, evidence
from rectune_dsl.experiments.power import chance_to_ship
from rectune_dsl.experiments.quantiles import Quantile
from rectune_dsl.experiments.ratios import Ratio
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import Histogram
from rectune_dsl.hooks.errors import BackendError

P90 = Metric(kind="quantile", column="watch", quantile=0.9)
METRICS = {"slow": P90, "watch": Metric(goal="maximize")}
RELATIVE, LEVEL = parse_limit("<= +5%"), parse_limit("<= 120")


def histogram(values, rounding=0.0):
    found, counts = np.unique(values, return_counts=True)
    return Histogram(tuple(found.tolist()), tuple(counts.tolist()), rounding)


def observed(make, arms, columns=("watch",), counted=("watch",)):
    """`arms` maps names to arrays (users, columns), of which some columns are counted by value."""
    moments = make.moments(arms, columns)
    counts = [
        {name: histogram(x[:, columns.index(name)]) for name in counted} for x in map(np.array, arms.values())
    ]
    pairs = zip(moments.arms, counts, strict=True)
    return replace(moments, arms=tuple(replace(arm, histograms=h) for arm, h in pairs))


def test_bounds_agree_with_scipys_quantile_test(make):
    """600 samples, smooth and with ties: both one-sided bounds at each."""
    rng = make.generator("order statistics")
    for case in range(600):
        n, share, alpha = (
            int(rng.integers(2, 800)),
            float(rng.uniform(0.01, 0.99)),
            float(rng.uniform(0.001, 0.3)),
        )
        values = rng.lognormal(0, 1, n)
        values = np.floor(3 * values) if case % 3 == 0 else values
        found = Quantile.of(histogram(values), share)
        for side, ours, nothing in (("greater", found.lower, -math.inf), ("less", found.upper, math.inf)):
            peer = scipy.stats.quantile_test(values, q=1.0, p=share, alternative=side)
            low, high = peer.confidence_interval(1 - alpha)
            bound = low if side == "greater" else high
            assert ours(alpha) == (nothing if math.isnan(bound) else bound)
        assert found.value == np.quantile(values, share, method="inverted_cdf")


def test_the_standard_error_is_the_width_of_scipys_interval(make):
    rng = make.generator("width")
    for _ in range(200):
        values, share = rng.gamma(2.0, 1.0, int(rng.integers(300, 2_000))), float(rng.uniform(0.1, 0.95))
        low, high = scipy.stats.quantile_test(values, q=0, p=share).confidence_interval(0.95)
        expected = (high - low) / (2 * scipy.stats.norm.isf(0.025))
        assert Quantile.of(histogram(values), share).error == pytest.approx(expected, rel=1e-9)


def test_the_standard_error_is_that_of_many_samples(make):
    """sqrt(q (1 - q) / n) / density, for exponential users: the density at the quantile is 1 - q."""
    rng = make.generator("density")
    for share in (0.5, 0.95):
        errors = [Quantile.of(histogram(rng.exponential(1, 4_000)), share).error for _ in range(60)]
        assert np.mean(errors) == pytest.approx(math.sqrt(share / (1 - share) / 4_000), rel=0.06)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.floats(0.05, 0.95),
)
def test_histograms_of_two_groups_add_up_to_that_of_both(first, second, share):
    both = histogram(first) + histogram(second)
    assert both == histogram(first + second)
    assert Quantile.of(both, share).value == np.quantile(first + second, share, method="inverted_cdf")


def test_rounded_values_widen_bounds(make):
    values = make.generator("rounded").lognormal(0, 1, 3_000)
    exact, rounded = (Quantile.of(histogram(values, r), 0.9) for r in (0.0, 0.01))
    assert rounded.lower(0.05) == pytest.approx(0.99 * exact.lower(0.05))
    assert rounded.upper(0.05) == pytest.approx(1.01 * exact.upper(0.05))
    assert rounded.error > exact.error


# --- lifts ------------------------------------------------------------------------------------------


def test_a_lift_is_the_delta_methods_and_independent_of_other_metrics(make):
    rng = make.generator("delta")
    arms = {a: rng.gamma(2.0, 1.0, (900, 1)) for a in ("control", "new", "other")}
    found = estimate(observed(make, arms), METRICS)
    parts = {a: Quantile.of(histogram(x[:, 0]), 0.9) for a, x in arms.items()}
    base, new, other = parts.values()
    assert found.lift[0][0] == pytest.approx(new.value / base.value - 1)
    shared = new.value * other.value * base.error**2 / base.value**4
    assert found.covariance[0][2] == pytest.approx(shared), "arms share control"
    own = new.error**2 / base.value**2 + new.value**2 * base.error**2 / base.value**4
    assert found.covariance[0][0] == pytest.approx(own)
    assert found.covariance[0][1] == 0.0, "what is not known jointly is taken as independent"
    assert found.level_se[1][0] == pytest.approx(new.error)


def test_bounds_of_a_lift_are_fiellers_where_those_of_levels_are_symmetric(make):
    """With many users the order statistics lie symmetrically, a normal quantile of errors away."""
    rng = make.generator("symmetric")
    arms = {a: rng.normal(10, 1, (200_000, 1)) for a in ("control", "new")}
    arms["new"] *= 1.02
    known = evidence(observed(make, arms), {"slow": replace_share(0.5)})
    seen = known.limited("new", "slow", RELATIVE)
    parts = [Quantile.of(histogram(arms[a][:, 0]), 0.5) for a in ("new", "control")]
    fieller = Ratio.of(*((p.value, p.error**2) for p in parts), 1e9)
    for alpha in (0.01, 0.05):
        assert seen.lower(alpha) == pytest.approx(fieller.lower(alpha), abs=0.1 * seen.error)
        assert seen.upper(alpha) == pytest.approx(fieller.upper(alpha), abs=0.1 * seen.error)


def replace_share(share):
    return P90.model_copy(update={"quantile": share})


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_lifts_bounds_are_wrong_as_rarely_as_stated(make, share):
    """Skewed users, few of them: the density at the 95th percentile is low and uneven."""
    runs, alpha, n, truth = 2_000, 0.05, 400, 1.03
    rng = make.generator("coverage", int(share * 100))
    wrong = [0, 0]
    for _ in range(runs):
        arms = {"control": rng.lognormal(0, 1, (n, 1)), "new": truth * rng.lognormal(0, 1, (n, 1))}
        seen = evidence(observed(make, arms), {"slow": replace_share(share)}).limited("new", "slow", RELATIVE)
        wrong[0] += seen.lower(alpha) > truth - 1
        wrong[1] += seen.upper(alpha) < truth - 1
    slack = 3 * math.sqrt(alpha * (1 - alpha) / runs)
    assert max(wrong) / runs <= alpha + slack
    assert min(wrong) / runs >= 0.35 * alpha, "and not much more rarely"


def test_what_nothing_is_known_of_is_inconclusive(make):
    few = {a: np.arange(20.0)[:, None] for a in ("control", "new")}
    equal = {a: np.full((500, 1), 3.0) for a in ("control", "new")}
    for arms, why in ((few, "too few for an interval"), (equal, "have the same value")):
        found = estimate(observed(make, arms), METRICS)
        assert found.lift[0][0] is None
        assert why in found.missing["slow"]
        seen = evidence(observed(make, arms), METRICS).limited("new", "slow", RELATIVE)
        assert isinstance(seen, Unknown)
        assert why in seen.why
    level = evidence(observed(make, equal), METRICS).limited("new", "slow", LEVEL)
    assert (level.lower(0.01), level.upper(0.01)) == (3.0, 3.0), "500 users show where the quantile is"


def test_a_backend_without_histograms_leaves_quantiles_missing(make):
    arms = {a: make.generator("plain").gamma(2.0, 1.0, (300, 1)) for a in ("control", "new")}
    found = estimate(make.moments(arms, ("watch",)), METRICS)
    assert found.missing["slow"] == "the backend does not give quantiles of watch"
    assert found.lift[0][1] is not None


def test_a_histogram_that_does_not_count_the_users_is_the_backends_fault(make):
    moments = observed(make, {a: np.arange(30.0)[:, None] for a in ("control", "new")})
    for wrong in (Histogram((1.0,), (29,)), Histogram((2.0, 1.0), (10, 20))):
        arms = (replace(moments.arms[0], histograms={"watch": wrong}), moments.arms[1])
        with pytest.raises(BackendError, match="does not count its 30 users"):
            estimate(replace(moments, arms=arms), METRICS)


# --- plans and verdicts ------------------------------------------------------------------------------

STARS = {"watch": {"goal": "maximize"}, "slow": {"kind": "quantile", "column": "wait", "quantile": 0.9}}


@pytest.fixture(scope="module")
def task(make):
    return make.task(STARS, {"slow": "<= +6%"})


def visits(rng, n, slower=1.0, better=1.0):
    return np.column_stack([better * rng.gamma(2.0, 1.0, n), slower * rng.lognormal(0, 0.5, n)])


def test_planned_errors_are_those_of_an_experiment_that_size(make, task):
    rng = make.generator("plan")
    baseline = observed(make, {"control": visits(rng, 100_000)}, ("watch", "wait"), ("wait",))
    planned = design(baseline, task, 4_000)
    arms = {a: visits(rng, 4_000) for a in ("control", "new")}
    found = estimate(observed(make, arms, ("watch", "wait"), ("wait",)), task.judged)
    at = found.metrics.index("slow")
    assert planned.error("slow") == pytest.approx(math.sqrt(found.covariance[at][at]), rel=0.15)
    assert planned.error("=slow") == pytest.approx(found.level_se[1][at], rel=0.15)


def test_the_chance_to_ship_is_how_often_verdicts_ship(make, task):
    rng, n, runs = make.generator("ship"), 3_000, 400
    baseline = observed(make, {"control": visits(rng, 100_000)}, ("watch", "wait"), ("wait",))
    chance = chance_to_ship(task, design(baseline, task, n), {"watch": 0.1, "slow": 0.005})
    shipped = 0
    for _ in range(runs):
        arms = {"control": visits(rng, n), "new": visits(rng, n, 1.005, 1.1)}
        seen = observed(make, arms, ("watch", "wait"), ("wait",))
        shipped += verdict(task, seen, spec=make.spec(), confirmation=1).decision == "ship"
    assert 0.3 < chance < 0.9
    assert shipped / runs == pytest.approx(chance, abs=3.5 * math.sqrt(chance * (1 - chance) / runs) + 0.02)


def test_a_slower_tail_is_refuted_though_the_mean_is_the_same(make):
    """The guardrail on the mean sees nothing."""
    rng = make.generator("tail")
    task = make.task({**STARS, "wait": {}}, {"slow": "<= +6%", "wait": "<= +6%"})
    arms = {"control": visits(rng, 20_000), "new": visits(rng, 20_000, better=1.2)}
    slow = arms["new"][:, 1] > np.quantile(arms["new"][:, 1], 0.88)
    arms["new"][slow, 1] *= 1.3
    arms["new"][~slow, 1] *= 1 - (arms["new"][:, 1].mean() / arms["control"][:, 1].mean() - 1) * 1.4
    seen = observed(make, arms, ("watch", "wait"), ("wait",))
    ruled = verdict(task, seen, spec=make.spec(), confirmation=1)
    assert ruled.decision == "keep production"
    assert {b.metric: b.refuted for b in ruled.bounds} == {"U": False, "slow": True, "wait": False}
