from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.agents.actor_bayes import BayesActor
from rectune_dsl.agents.shipping import Confirmation
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.hooks.api import Arm, Config

ERRORS = {"watch": 0.01, "returns": 0.004}


class Known:
    """A surrogate that is certain, or has these standard deviations."""

    def __init__(self, task, u, lifts, sds=None, u_sd=0.0):
        self.metrics = tuple(task.judged)
        self._u, self._u_sd = u, u_sd
        self._means = [lifts.get(metric, 0.0) for metric in self.metrics]
        self._sds = [(sds or {}).get(metric, 0.0) for metric in self.metrics]

    def predict(self, configs):
        return np.tile(self._means, (len(configs), 1)), np.tile(self._sds, (len(configs), 1))

    def objective(self, configs):
        return np.full(len(configs), self._u), np.full(len(configs), self._u_sd)


def arms(task, count=1):
    return [Arm(f"r1p{i}", Config({**task.production, "a_click": 1.1 + i / 10})) for i in range(count)]


@pytest.fixture
def task(kit):
    return kit.task()


def test_for_a_known_truth_the_chance_is_that_of_the_plan(kit, task):
    """`ShipRegion.chance` has other random numbers, and the same law; here requirements are correlated."""
    result = kit.round_of(task, 1, arms(task), [{"watch": 0.02}], ERRORS)
    covariance = np.array(result.estimates.covariance)
    covariance[0, 1] = covariance[1, 0] = -0.8 * 0.01 * 0.004
    estimates = replace(result.estimates, covariance=tuple(map(tuple, covariance.tolist())))
    plan = Confirmation.planned(task, [replace(result, estimates=estimates)])
    for watch, returns in ((0.01, 0.0), (0.008, -0.004), (0.005, -0.007)):
        known = Known(task, watch, {"watch": watch, "returns": returns})
        exact = plan.region.chance({"watch": watch, "returns": returns})
        assert plan.chances(known, arms(task)[:1])[0] == pytest.approx(exact, abs=0.03)
        assert 0.01 < exact < 0.99


def test_an_uncertain_truth_is_averaged_over(kit, task):
    """Independent oracle: draw truths, ask the plan for each."""
    plan = Confirmation.planned(task, [kit.round_of(task, 1, arms(task), [{}], ERRORS)])
    known = Known(task, 0.01, {"returns": -0.004}, {"returns": 0.003}, u_sd=0.006)
    rng = np.random.default_rng(0)
    draws = zip(
        0.01 + 0.006 * rng.standard_normal(400), -0.004 + 0.003 * rng.standard_normal(400), strict=True
    )
    expected = np.mean([plan.region.chance({"watch": u, "returns": r}) for u, r in draws])
    assert plan.chances(known, arms(task)[:1])[0] == pytest.approx(expected, abs=0.05)


def test_each_confirmation_of_the_surface_is_stricter(kit, task):
    history = [kit.round_of(task, 1, arms(task), [{}], ERRORS)]
    known = Known(task, 0.012, {"watch": 0.012})
    found = [
        Confirmation.planned(task, history, confirmation=r).chances(known, arms(task))[0]
        for r in (1, 2, 5, 10)
    ]
    assert (np.diff(found) < -0.02).all()


def test_the_recommendation_counts_confirmations_and_the_holdout(kit):
    world = kit.world(kit.task())
    space = world.space
    rng = np.random.default_rng(3)
    points = np.clip(space.production + rng.uniform(-0.2, 0.2, (8, 4)), 0, 1)
    history = [world.measure(1, [Config(space.from_unit(p)) for p in points])]

    def chance(**fields):
        return BayesActor().recommend(kit.context(world.task, history, **fields)).chance_to_ship

    assert chance() > chance(confirmation=20)
    assert chance() > chance(holdout_users=1_000.0)


def test_the_holdout_is_one_more_comparison_with_its_own_errors(kit, task):
    history = [kit.round_of(task, 1, arms(task), [{}], ERRORS)]
    alone = Confirmation.planned(task, history)
    small, large = (Confirmation.planned(task, history, holdout_users=users) for users in (600.0, 6e9))
    row = "returns" + AGAINST_HOLDOUT
    assert row not in alone.design.rows
    # at no error of the holdout's own, half the variance of the comparison with control is left
    assert large.design.error(row) == pytest.approx(alone.design.error("returns") / 2**0.5, rel=1e-6)
    # control's and the treatment's users are 6000, the holdout's a tenth
    assert small.design.error(row) == pytest.approx(large.design.error(row) * 11**0.5, rel=1e-6)
    assert np.linalg.eigvalsh(small.design.covariance).min() >= -1e-15
    known = Known(task, 0.02, {"watch": 0.02, "returns": -0.005})
    chances = [plan.chances(known, arms(task))[0] for plan in (alone, large, small)]
    assert chances[0] > chances[1] > chances[2]
    for plan, found in zip((alone, large, small), chances, strict=True):
        expected = plan.region.chance({"watch": 0.02, "returns": -0.005})
        assert found == pytest.approx(expected, abs=0.03)
    assert small.traffic_needed(known, arms(task)[0].config) > alone.traffic_needed(
        known, arms(task)[0].config
    )


def test_errors_of_an_arm_that_was_stopped_are_not_those_of_a_plan(kit, task):
    """The first arm was stopped after a day: its errors are three times as large."""
    result = kit.round_of(task, 1, arms(task, 3), [{}] * 3, ERRORS)
    covariance = np.array(result.estimates.covariance)
    covariance[:2, :2] *= 9
    estimates = replace(result.estimates, covariance=tuple(map(tuple, covariance.tolist())))
    ran = Confirmation.planned(task, [result])
    stopped = Confirmation.planned(task, [replace(result, stopped={"r1p0": "harm"}, estimates=estimates)])
    assert stopped.region.errors == pytest.approx(ran.region.errors)
    everything = {arm.name: "harm" for arm in result.arms}
    assert Confirmation.planned(task, [replace(result, stopped=everything)]) is None


def test_a_plan_is_made_from_the_arm_with_the_most_users(kit, task):
    result = kit.round_of(task, 1, arms(task, 2), [{}] * 2, ERRORS)
    covariance = np.array(result.estimates.covariance)
    covariance[:2, :2] *= 4
    estimates = replace(
        result.estimates,
        covariance=tuple(map(tuple, covariance.tolist())),
        effective_n=((500.0, 500.0), (2000.0, 2000.0)),
    )
    found = Confirmation.planned(task, [replace(result, estimates=estimates)])
    assert found.region.errors == pytest.approx(Confirmation.planned(task, [result]).region.errors)
