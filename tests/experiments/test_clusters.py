"""Groups of users as units: cluster-robust regressions of statsmodels, and users who are alike at home."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.balance import balance_p_value
from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.evidence import Unknown, evidence
from rectune_dsl.experiments.intervals import lift
from rectune_dsl.experiments.linear import ratio_of, sample
from rectune_dsl.experiments.proportions import Proportion
from rectune_dsl.experiments.verdicts import verdict

COLUMNS = ("watch", "returned", "hates", "shown", "before")
USERS = {
    "watch": Metric(goal="maximize"),
    "returned": Metric(kind="proportion"),
    "rate": Metric(kind="ratio", numerator="hates", denominator="shown"),
}
UNITS = {name: metric.over_units(name) for name, metric in USERS.items()}
ANY = Limit(">=", 0.0, True)


def households(rng, count, alike=0.6, shift=0.0):
    """(home of each user, their columns): what users of a home have in common is a share of the variance."""
    home = np.repeat(np.arange(count), rng.integers(1, 6, count))
    common = rng.normal(size=count)[home]
    taste = math.sqrt(alike) * common + math.sqrt(1 - alike) * rng.normal(size=home.size)
    shown = rng.poisson(10 * np.exp(0.3 * taste)) + 1
    table = [
        np.exp(0.5 * taste) * (1 + shift),
        taste + rng.normal(size=home.size) > 0.3,
        rng.binomial(shown, 1 / (1 + np.exp(1.5 - 0.5 * taste))),
        shown,
        np.exp(0.5 * taste + 0.2 * rng.normal(size=home.size)),
    ]
    return home, np.column_stack(table).astype(float)


def by_home(home, x):
    """One row per household: sums, and how many users it has."""
    return np.column_stack([*(np.bincount(home, column) for column in x.T), np.bincount(home)])


def observed(make, arms):
    return make.moments({name: by_home(*users) for name, users in arms.items()}, (*COLUMNS, "users"))


@pytest.mark.parametrize("metric", ["watch", "returned"])
def test_levels_and_errors_are_a_cluster_robust_regressions(make, metric):
    """Of the users on a constant, per arm, in 200 experiments: the sandwich with statsmodels' correction,
    which for one regressor is n / (n - 1) for n groups."""
    rng = make.generator("sandwich")
    for _ in range(200):
        arms = {a: households(rng, int(rng.integers(20, 120))) for a in ("control", "new")}
        found = estimate(observed(make, arms), UNITS)
        at = found.metrics.index(metric)
        fits = []
        for row, (home, x) in enumerate(arms.values()):
            y = x[:, COLUMNS.index(metric)]
            fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": home})
            assert found.level[row][at] == pytest.approx(fit.params[0], rel=1e-9)
            assert found.level_se[row][at] == pytest.approx(fit.bse[0], rel=1e-9)
            fits.append((fit.params[0], fit.bse[0]))
        (below, shared), (above, own) = fits
        error = math.hypot(own, above / below * shared) / below
        assert lift(found, "new", metric).error == pytest.approx(error, rel=1e-9)


def test_a_ratio_is_the_weighted_regressions(make):
    """Hates per impression: a regression of each user's rate on a constant, weighted by impressions."""
    rng = make.generator("weighted")
    for _ in range(200):
        arms = {a: households(rng, int(rng.integers(20, 120))) for a in ("control", "new")}
        found = estimate(observed(make, arms), UNITS)
        at = found.metrics.index("rate")
        for row, (home, x) in enumerate(arms.values()):
            hates, shown = x[:, 2], x[:, 3]
            fit = sm.WLS(hates / shown, np.ones(len(shown)), weights=shown).fit(
                cov_type="cluster", cov_kwds={"groups": home}
            )
            assert found.level[row][at] == pytest.approx(fit.params[0], rel=1e-9)
            assert found.level_se[row][at] == pytest.approx(fit.bse[0], rel=1e-9)


def test_a_difference_is_the_regression_on_treatment(make):
    """With both arms in one regression, and no correction: what is left are the factors n / (n - 1)."""
    rng = make.generator("difference")
    for _ in range(200):
        arms = {a: households(rng, 60) for a in ("control", "new")}
        found = estimate(observed(make, arms), UNITS)
        y = np.concatenate([x[:, 0] for _, x in arms.values()])
        treated = np.repeat([0.0, 1.0], [len(home) for home, _ in arms.values()])
        homes = np.concatenate([arms["control"][0], 1_000 + arms["new"][0]])
        fit = sm.OLS(y, sm.add_constant(treated)).fit(
            cov_type="cluster", cov_kwds={"groups": homes, "use_correction": False}
        )
        error = math.hypot(found.level_se[0][0], found.level_se[1][0])
        assert found.level[1][0] - found.level[0][0] == pytest.approx(fit.params[1], rel=1e-9)
        assert error == pytest.approx(fit.bse[1] * math.sqrt(60 / 59), rel=1e-9)


def test_homes_of_one_user_are_users(make):
    rng = make.generator("alone")
    arms = {a: households(rng, 200)[1] for a in ("control", "new")}
    alone = {a: (np.arange(len(x)), x) for a, x in arms.items()}
    users, units = estimate(make.moments(arms, COLUMNS), USERS), estimate(observed(make, alone), UNITS)
    assert np.array(units.lift) == pytest.approx(np.array(users.lift))
    assert np.array(units.covariance) == pytest.approx(np.array(users.covariance), rel=1e-9)
    assert np.array(units.effective_n) == pytest.approx(np.array(users.effective_n), rel=1e-9)


def test_intervals_of_users_who_are_alike_at_home_are_too_narrow_and_those_of_homes_are_not(make):
    """A/A tests: 90 % intervals."""
    runs, covered = 1_000, {"users": 0, "homes": 0}
    for run in range(runs):
        rng = make.generator("alike", run)
        arms = {a: households(rng, 150, alike=0.9) for a in ("control", "new")}
        users = estimate(make.moments({a: x for a, (_, x) in arms.items()}, COLUMNS), USERS)
        for kind, found in (("users", users), ("homes", estimate(observed(make, arms), UNITS))):
            low, high = lift(found, "new", "watch").interval(0.9)
            covered[kind] += low <= 0 <= high
    slack = 3 * math.sqrt(0.09 / runs)
    assert abs(covered["homes"] / runs - 0.9) <= slack
    assert covered["users"] / runs < 0.9 - 3 * slack


def test_a_covariate_per_user_narrows(make):
    """It adjusts per user: what homes have in sum goes mostly with their sizes."""
    rng = make.generator("covariate")
    arms = {a: households(rng, 400) for a in ("control", "new")}
    metric = USERS["watch"].model_copy(update={"covariate": "before"}).over_units("watch")
    assert metric.columns("watch") == ("watch", "users", "before")
    found = estimate(observed(make, arms), {"watch": metric})
    rows = np.concatenate([by_home(*users) for users in arms.values()])
    users, total = rows[:, -1], rows.sum(axis=0)
    own = (rows[:, 0] - total[0] / total[-1] * users) / users.mean()
    before = (rows[:, 4] - total[4] / total[-1] * users) / users.mean()
    theta = np.cov(own, before)[0, 1] / before.var(ddof=1)
    levels = []
    for home, x in arms.values():
        levels.append(x[:, 0].mean() - theta * (x[:, 4].mean() - total[4] / total[-1]))
        assert len(home) == len(x)
    assert found.lift[0][0] == pytest.approx(levels[1] / levels[0] - 1, rel=1e-9)
    plain = estimate(observed(make, arms), UNITS)
    assert found.covariance[0][0] < 0.5 * plain.covariance[0][0]


def test_a_covariate_per_user_is_in_balance_as_often_as_stated(make):
    p_values = []
    for run in range(1_500):
        rng = make.generator("balance", run)
        arms = observed(make, {a: households(rng, 80) for a in ("control", "new")}).arms
        samples = [sample([arm]) for arm in arms]
        columns = (*COLUMNS, "users")
        p_values.append(balance_p_value(*((ratio_of("before", "users", columns, s), s) for s in samples)))
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_absolute_limits_on_shares_are_not_judged_as_if_users_were_independent(make):
    rng = make.generator("shares")
    moments = observed(make, {a: households(rng, 300, alike=0.9) for a in ("control", "new")})
    seen = evidence(moments, UNITS).limited("new", "returned", Limit("<=", 0.5, False))
    users = Proportion.of(int(moments.arms[1].sums[-1]), moments.arms[1].sums[1])
    assert not isinstance(seen, Proportion)
    assert seen.upper(0.05) > users.upper(0.05)
    nobody = observed(make, {a: (np.arange(50), np.zeros((50, 5))) for a in ("control", "new")})
    assert isinstance(evidence(nobody, UNITS).limited("new", "returned", ANY), Unknown)


def test_a_segments_users_in_homes(make):
    """The ratio over the segment's users; a home without any adds nothing."""
    rng = make.generator("segment")
    metric = USERS["watch"].within("watch", "new").over_units("new.watch")
    arms, expected = {}, {}
    for arm in ("control", "new"):
        home, x = households(rng, 200)
        member = rng.random(len(home)) < 0.4
        fit = sm.OLS(x[member, 0], np.ones(member.sum())).fit(
            cov_type="cluster", cov_kwds={"groups": home[member], "use_correction": False}
        )
        expected[arm] = fit
        table = np.column_stack([x[:, 0] * member, member]).astype(float)
        arms[arm] = by_home(home, table)
    moments = make.moments(arms, ("watch@new", "users@new", "users"))
    found = estimate(moments, {"new.watch": metric})
    for row, arm in enumerate(arms):
        assert found.level[row][0] == pytest.approx(expected[arm].params[0], rel=1e-9)
        assert found.level_se[row][0] == pytest.approx(expected[arm].bse[0], rel=0.01)


def test_units_are_planned_and_judged_as_units(make):
    task = make.task({"watch": {"goal": "maximize"}}, {"returned": ">= -9%"}, unit="household")
    assert task.judged["returned"].denominator == "users"
    rng = make.generator("task")
    baseline = observed(make, {"control": households(rng, 20_000)})
    planned = design(baseline, task, 2_000)
    arms = observed(make, {"control": households(rng, 2_000), "new": households(rng, 2_000, shift=0.1)})
    found = estimate(arms, task.judged)
    for at, name in enumerate(found.metrics):
        assert planned.error(name) == pytest.approx(math.sqrt(found.covariance[at][at]), rel=0.1)
    ruled = verdict(task, arms, spec=make.spec(), confirmation=1)
    assert ruled.bounds[0].shown
    unequal = observed(make, {"control": households(rng, 2_000), "new": households(rng, 1_700)})
    assert "not assigned as designed" in verdict(task, unequal, spec=make.spec(), confirmation=1).reasons[0]
