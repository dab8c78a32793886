"""Estimates agree with scipy and plain NumPy on raw users; see `test_oracles` for further peers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.balance import balance_p_value
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.intervals import lift, objective
from rectune_dsl.experiments.linear import mean_of, sample
from rectune_dsl.experiments.rebase import rebased, without
from rectune_dsl.hooks.errors import BackendError, UsageError

COLUMNS = ("watch", "hates", "shown", "before", "returned")
METRICS = {
    "watch": Metric(goal="maximize"),
    "watch_cuped": Metric(kind="ratio", numerator="watch", denominator="one", covariate="before"),
    "hate_rate": Metric(kind="ratio", numerator="hates", denominator="shown"),
    "hate_cuped": Metric(kind="ratio", numerator="hates", denominator="shown", covariate="before"),
    "returned": Metric(kind="proportion"),
}


def users(rng, n, shift=0.0):
    """Correlated users; the columns are COLUMNS and a constant 1."""
    taste = rng.gamma(2.0, 1.0, n)
    watch = taste * rng.lognormal(0.0, 0.5, n) + shift
    shown = rng.poisson(8 * taste) + 1.0
    hates = rng.binomial(shown.astype(int), 0.2).astype(float)
    before = taste * rng.lognormal(0.0, 0.5, n)
    returned = (rng.random(n) < 0.4 + 0.05 * taste.clip(0, 8)).astype(float)
    return np.column_stack([watch, hates, shown, before, returned, np.ones(n)])


def observed(make, seed, sizes, shift=0.2):
    rng = make.generator("estimates", seed)
    arms = {f"a{i}" if i else "control": users(rng, n, shift * i) for i, n in enumerate(sizes)}
    return arms, make.moments(arms, (*COLUMNS, "one"))


def test_levels_give_welchs_test(make):
    for seed in range(200):
        arms, moments = observed(make, seed, (30 + seed, 40))
        found = estimate(moments, {"watch": METRICS["watch"]})
        treated, control = arms["a1"][:, 0], arms["control"][:, 0]
        peer = scipy.stats.ttest_ind(treated, control, equal_var=False)
        errors = [row[0] for row in found.level_se]
        statistic = (found.level[1][0] - found.level[0][0]) / math.hypot(*errors)
        degrees = welch_degrees(errors[1] ** 2, len(treated), errors[0] ** 2, len(control))
        assert statistic == pytest.approx(peer.statistic, rel=1e-9)
        assert degrees == pytest.approx(peer.df, rel=1e-9)


def test_the_joint_covariance_is_that_of_the_users_influences(make):
    """Oracle: lifts recomputed after leaving one user out (infinitesimal jackknife by finite weights)."""
    arms, moments = observed(make, 3, (60, 50, 70))
    found = estimate(moments, {n: METRICS[n] for n in ("watch", "hate_rate", "returned")})

    def lifts(weights):
        means = {a: np.average(x, axis=0, weights=weights[a]) for a, x in arms.items()}
        level = {a: np.array([m[0], m[1] / m[2], m[4]]) for a, m in means.items()}
        return np.concatenate([level[a] / level["control"] - 1 for a in ("a1", "a2")])

    plain = {a: np.ones(len(x)) for a, x in arms.items()}
    total = np.zeros((6, 6))
    for arm, x in arms.items():
        step = 1e-4
        influence = []
        for user in range(len(x)):
            more, less = plain[arm].copy(), plain[arm].copy()
            more[user] += step
            less[user] -= step
            ahead, behind = lifts({**plain, arm: more}), lifts({**plain, arm: less})
            influence.append((ahead - behind) / (2 * step))
        influence = np.array(influence)
        total += influence.T @ influence * len(x) / (len(x) - 1)
    assert np.asarray(found.covariance) == pytest.approx(total, rel=1e-6, abs=1e-12)


def test_cuped_pools_its_coefficient_over_all_arms_and_narrows(make):
    arms, moments = observed(make, 5, (200, 200, 200))
    metric = {"watch": Metric(covariate="before")}
    found, plain = estimate(moments, metric), estimate(moments, {"watch": Metric()})
    every = np.concatenate(list(arms.values()))
    theta = np.cov(every[:, 0], every[:, 3])[0, 1] / every[:, 3].var(ddof=1)
    adjusted = {a: x[:, 0] - theta * (x[:, 3] - every[:, 3].mean()) for a, x in arms.items()}
    for row, arm in enumerate(("a1", "a2")):
        ratio = adjusted[arm].mean() / adjusted["control"].mean()
        assert found.lift[row][0] == pytest.approx(ratio - 1, rel=1e-9)
        parts = [adjusted[a].var(ddof=1) / 200 for a in (arm, "control")]
        variance = (parts[0] + ratio**2 * parts[1]) / adjusted["control"].mean() ** 2
        assert found.covariance[row][row] == pytest.approx(variance, rel=1e-9)
        assert found.covariance[row][row] < plain.covariance[row][row]
    assert found.level == plain.level, "levels are never adjusted"


def test_a_90_percent_interval_covers_in_90_percent_of_experiments(make):
    truth, hits = 1.1, 0
    for seed in range(600):
        rng = make.generator("coverage", seed)
        arms = {
            "control": rng.gamma(2.0, 1.0, (300, 1)),
            "new": truth * rng.gamma(2.0, 1.0, (300, 1)),
        }
        low, high = lift(
            estimate(make.moments(arms, ("watch",)), {"watch": Metric()}), "new", "watch"
        ).interval()
        hits += low <= truth - 1 <= high
    assert abs(hits / 600 - 0.9) < 3.5 * math.sqrt(0.09 / 600)


def test_what_is_missing_says_why(make):
    rng = make.generator("missing")
    x = users(rng, 50)
    x[:, 1] = 0.0
    arms = {"control": x, "new": users(rng, 50), "late": users(rng, 1)}
    moments = make.moments(arms, (*COLUMNS, "one"), missing={"returned": "the table is empty"})
    wanted = {
        "watch": Metric(covariate="gone"),
        "returned": Metric(),
        "hates": Metric(),
        "nowhere": Metric(),
        "rate": Metric(kind="ratio", numerator="watch", denominator="hates"),
    }
    found = estimate(moments, wanted)
    assert found.missing["returned"] == "the table is empty"
    assert found.missing["hates"] == "its level in control is 0, so there is no relative change"
    assert found.missing["nowhere"] == "the backend does not measure nowhere"
    assert found.missing["rate"] == "its denominator is 0 in control"
    assert found.missing["late/watch"] == "late has 1 users; 2 are needed"
    assert found.lift[0][0] is not None, "an absent covariate costs precision only"
    assert found.lift[0][1:] == (None, None, None, None)
    assert found.lift[1] == (None,) * 5
    assert found.level[0][2] == 0.0, "a level needs no relative change"


def test_estimates_are_selected_and_reordered(make):
    given_ = make.estimates({"a": 0.1, "b": 0.2}, [[1.0, 0.5], [0.5, 2.0]])
    found = estimate(given_, {"b": Metric(), "c": Metric(), "a": Metric()})
    assert found.lift == ((0.2, None, 0.1),)
    assert found.covariance == ((2.0, 0.0, 0.5), (0.0, 0.0, 0.0), (0.5, 0.0, 1.0))
    assert found.missing == {"c": "the backend does not report it"}


def test_contradicting_moments_are_the_backends_fault(make):
    moments = make.moments({"control": np.ones((3, 2))}, ("a", "b", "c"))
    with pytest.raises(BackendError, match="one sum per column"):
        estimate(moments, {"a": Metric()})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rebasing_estimates_is_rebasing_moments(make, seed):
    """Without CUPED both ways lead to the same lifts and covariance."""
    _, moments = observed(make, seed, (80, 60, 50))
    metrics = {n: METRICS[n] for n in ("watch", "hate_rate")}
    direct = estimate(rebased(moments, "a2"), metrics)
    derived = rebased(estimate(moments, metrics), "a2")
    assert derived.arms == direct.arms == ("control", "a1")
    assert np.asarray(derived.lift) == pytest.approx(np.asarray(direct.lift), rel=1e-9)
    assert np.asarray(derived.covariance) == pytest.approx(np.asarray(direct.covariance), rel=1e-9)
    assert derived.level == direct.level
    assert derived.level_se == direct.level_se


def test_leaving_an_arm_out(make):
    _, moments = observed(make, 1, (80, 60, 50))
    metrics = {"watch": METRICS["watch"]}
    assert without(estimate(moments, metrics), ("a1",)) == estimate(without(moments, ("a1",)), metrics)
    with pytest.raises(UsageError, match="no arm"):
        rebased(moments, "nobody")


def test_the_objective_uses_the_joint_covariance(make):
    metrics = {
        "a": Metric(goal="maximize", weight=2.0),
        "b": Metric(goal="minimize"),
        "c": Metric(),
    }
    joint = [[4.0, 1.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 1.0]]
    found = objective(make.estimates({"a": 0.1, "b": 0.3, "c": 5.0}, joint), metrics)
    assert found == ((pytest.approx(-0.1), pytest.approx(math.sqrt(4 * 4 + 9 - 4))),)
    assert objective(make.estimates({"a": 0.1, "b": None, "c": 0.0}, joint), metrics) == (None,)
    assert objective(make.estimates({"c": 0.0}, [[1.0]]), {"c": Metric()}) == (None,)


def test_a_covariate_that_the_treatment_touched_makes_its_metric_inconclusive(make):
    """A true +5 % would be estimated at about 0 if it were adjusted away."""
    rng = make.generator("touched")
    taste, lifted = rng.gamma(4.0, 1.0, 20_000), 1.05 * rng.gamma(4.0, 1.0, 20_000)
    arms = {
        name: np.column_stack([x * rng.lognormal(0, 0.1, len(x)), x])
        for name, x in (("control", taste), ("new", lifted))
    }
    moments = make.moments(arms, ("watch", "likes"))
    found = estimate(moments, {"watch": Metric(covariate="likes"), "likes": Metric()})
    assert found.lift[0][0] is None
    assert found.covariance[0] == (0.0, 0.0)
    assert "its covariate likes differs between new and control" in found.missing["new/watch"]
    assert found.level[1][0] is not None
    assert found.lift[0][1] == pytest.approx(0.05, abs=0.02), "unadjusted metrics are not concerned"


def test_covariates_from_before_are_out_of_balance_as_rarely_as_stated(make):
    rng = make.generator("balance")
    p_values = []
    for _ in range(4_000):
        arms = [make.moments({"a": rng.gamma(2.0, 1.0, (200, 1))}, ("x",)).arms[0] for _ in range(2)]
        samples = [sample([arm]) for arm in arms]
        p_values.append(balance_p_value(*((mean_of("x", ("x",), users), users) for users in samples)))
    for level in (0.01, 0.1, 0.5):
        assert abs(np.mean(np.array(p_values) < level) - level) < 3.5 * math.sqrt(level / 4_000)
