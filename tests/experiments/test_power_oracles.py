"""Plans agree with the power calculations of statsmodels and tea-tasting, in 200 random cases to 1e-9."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.power import (
    chance_to_ship,
    detectable_margins,
    minimum_detectable_lift,
    users_per_requirement,
)

CASES = 200
COLUMNS = ("watch", "before", "hides")


class Plan:
    """A task with one north star and a guardrail, how production varies, and a lift to be shown.

    The peers' formulas are those of normal statistics: the design is given that many degrees of freedom.
    """

    def __init__(self, make, number):
        rng = make.generator("power oracles", number)
        self.alpha, self.power = float(rng.uniform(0.01, 0.2)), float(rng.uniform(0.5, 0.95))
        self.margin, self.lift = float(rng.uniform(0.02, 0.2)), float(rng.uniform(0.01, 0.1))
        taste = rng.gamma(2.0, 1.0, 400)
        columns = [taste * rng.lognormal(0, 0.5, 400), taste, 0.2 + rng.poisson(taste)]
        self.users, self.n = np.column_stack(columns), int(rng.integers(50, 5_000))
        self.level = self.alpha * 6 / math.pi**2  # of a surface's first confirmation
        metrics = {"watch": {"goal": "maximize"}, "hides": {}}
        given = {"alpha": self.alpha, "power": self.power}
        self.star = make.task({"watch": metrics["watch"]}, {}, **given)
        self.cuped = make.task({"watch": {"goal": "maximize", "covariate": "before"}}, {}, **given)
        self.guarded = make.task(metrics, {"hides": f"<= +{self.margin * 100}%"}, **given)
        self.baseline = make.moments({"control": self.users}, COLUMNS)

    def design(self, task):
        return replace(design(self.baseline, task, self.n), degrees=math.inf)

    def effect(self, column, lift):
        """In standard deviations."""
        values = self.users[:, COLUMNS.index(column)]
        return lift * values.mean() / values.std(ddof=1)


@pytest.fixture(scope="module")
def plans(make):
    return [Plan(make, number) for number in range(CASES)]


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def shown(effect, users, level):
    return NormalIndPower().power(effect, users, level, alternative="larger")


def test_the_chance_to_show_a_lift_is_statsmodels_power(plans):
    for plan in plans:
        peer = shown(plan.effect("watch", plan.lift), plan.n, plan.level)
        assert chance_to_ship(plan.star, plan.design(plan.star), {"watch": plan.lift}) == close(peer)


@pytest.mark.parametrize("covariate", [None, "before"])
def test_the_chance_to_show_a_lift_is_tea_tastings_power(plans, covariate):
    for plan in plans:
        data = pa.table({c: plan.users[:, i] for i, c in enumerate(COLUMNS)})
        given = {"alternative": "greater", "alpha": plan.level, "use_t": False, "n_obs": 2 * plan.n}
        mean = tea_tasting.Mean("watch", covariate, rel_effect_size=plan.lift, **given)
        task = plan.star if covariate is None else plan.cuped
        ours = chance_to_ship(task, plan.design(task), {"watch": plan.lift})
        assert ours == close(mean.solve_power(data, "power")[0].power)


def test_the_minimum_detectable_lift_has_the_tasks_power(plans):
    for plan in plans:
        smallest = minimum_detectable_lift(plan.star, plan.design(plan.star))
        assert shown(plan.effect("watch", smallest), plan.n, plan.level) == close(plan.power)


def test_the_tightest_margin_is_shown_with_the_tasks_power(plans):
    """On T - (1 + margin) C, whose variance is that of two users where the margin is 0."""
    for plan in plans:
        margin = detectable_margins(plan.guarded, plan.design(plan.guarded))["hides"]
        if margin is not None:  # else no margin could be shown
            effect = plan.effect("hides", margin) / math.sqrt((1 + (1 + margin) ** 2) / 2)
            assert shown(effect, plan.n, plan.level) == close(plan.power)


def test_users_per_requirement_give_each_the_power_1_minus_beta_by_their_number(plans):
    """One guardrail and U: each fails in half of the cases that the task allows."""
    for plan in plans:
        needed = users_per_requirement(plan.guarded, plan.design(plan.guarded), {"watch": plan.lift})
        each = 1 - (1 - plan.power) / 2
        effect = plan.effect("hides", plan.margin) / math.sqrt((1 + (1 + plan.margin) ** 2) / 2)
        assert shown(plan.effect("watch", plan.lift), needed["U"], plan.level) == close(each)
        assert shown(effect, needed["hides"], plan.level) == close(each)


def test_with_as_many_users_as_the_largest_requirement_the_verdict_has_its_power(plans):
    """However requirements covary. The Monte Carlo of joint chances errs by 0.004."""
    for plan in plans[:40]:
        planned, truth = plan.design(plan.guarded), {"watch": plan.lift}
        users = max(users_per_requirement(plan.guarded, planned, truth).values())
        chance = chance_to_ship(plan.guarded, planned.with_users(users), truth)
        assert plan.power - 0.01 <= chance <= 1 - (1 - plan.power) / 2 + 0.01


def test_a_requirement_that_no_traffic_meets_needs_none(plans, make):
    plan = plans[0]
    planned = plan.design(plan.guarded)
    spent = {"watch": plan.lift, "hides": plan.margin}
    assert users_per_requirement(plan.guarded, planned, spent)["hides"] is None
    assert users_per_requirement(plan.guarded, planned, {"watch": -0.1})["U"] is None
    unmeasured = make.task({"watch": {"goal": "maximize"}}, {"crashes": "<= +5%"})
    assert users_per_requirement(unmeasured, design(plan.baseline, unmeasured, 100), spent) == {}


def test_students_t_is_planned_with_a_normal_alternative(plans):
    """Ours shifts the normal curve by the t quantile; the noncentral t differs little from 100 users on."""
    for plan in plans:
        users = plan.n + 100
        peer = TTestIndPower().power(plan.effect("watch", plan.lift), users, plan.level, alternative="larger")
        planned = design(plan.baseline, plan.star, users)
        assert chance_to_ship(plan.star, planned, {"watch": plan.lift}) == pytest.approx(peer, abs=0.003)
