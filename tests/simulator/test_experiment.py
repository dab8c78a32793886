"""Experiments: the same bytes however they are computed, and the truth on average."""

from datetime import timedelta

import numpy as np
import pytest

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.hooks.api import Arm, Serving
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine, baseline
from rectune_dsl.simulator.oracle import paired_lifts
from rectune_dsl.simulator.responses import draw, expect
from rectune_dsl.simulator.shards import Daily
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import build_world

COLUMNS = build_world(Simulator(users=1_000, items=400, candidates=10)).columns


def _after(days):
    return EPOCH + timedelta(days=days)


def _mean(arm, column):
    return arm.sums[COLUMNS.index(column)] / arm.n


@pytest.fixture
def observe(world, funnel, make_spec):
    def run(days=4, seed=1, machine=None, fraction=1.0, **given):
        experiment = Experiment(world, funnel, make_spec(**given), seed, machine)
        return experiment.with_serving(Serving(EPOCH, fraction)).observe(_after(days))

    return run


@pytest.mark.parametrize(("threads", "chunk"), [(1, 1), (1, 7), (2, 512), (3, 64)])
def test_threads_and_chunks_change_no_bit(observe, threads, chunk):
    machine = Machine(Threads(threads), chunk)
    assert repr(observe(machine=machine)) == repr(observe(machine=Machine(Threads(1), 100_000)))


def test_users_are_summed_in_blocks_of_a_fixed_size(observe):
    few, many = Machine(Threads(1), 50), Machine(Threads(2), 3_000)
    assert repr(observe(2, machine=few, users_per_arm=5_000)) == repr(
        observe(2, machine=many, users_per_arm=5_000)
    )


def test_peeking_changes_nothing_in_any_order(world, funnel, make_spec, observe):
    experiment = Experiment(world, funnel, make_spec(), 1)
    for days in (1, 2, 4, 3, 2, 9, 1):
        assert experiment.observe(_after(days)).arms == observe(days).arms


def test_a_part_of_a_day_counts_when_it_is_over(observe):
    assert observe(2).arms == observe(2.9).arms


def test_nothing_happens_after_the_days_the_spec_exposes_but_the_last_returns(observe):
    at_end, matured, later = observe(3), observe(4), observe(30)
    assert matured.arms == later.arms
    returns = COLUMNS.index("next_day_return")
    for before, after in zip(at_end.arms, matured.arms, strict=True):
        changed = [i for i in range(len(COLUMNS)) if before.sums[i] != after.sums[i]]
        assert changed == [returns]


def test_what_cannot_be_known_yet_is_missing(observe):
    assert set(observe(0).missing) == set(COLUMNS)
    assert set(observe(1).missing) == {"next_day_return"}
    assert not observe(2).missing


def test_another_seed_or_salt_is_another_experiment(observe):
    sums = {observe(**given).arms[0].sums for given in ({}, {"seed": 2}, {"salt": "other"})}
    assert len(sums) == 3


@pytest.mark.parametrize("unit", ["user", "household"])
def test_what_is_observed_is_named_before_any_work_is_made(world, funnel, make_spec, monkeypatch, unit):
    made = []

    def work(**given):
        made.append(given)
        return Daily(**given)

    monkeypatch.setattr("rectune_dsl.simulator.experiment.Daily", work)
    experiment = Experiment(world, funnel, make_spec(unit=unit), 1)
    assert not made
    seen = experiment.observe(_after(2))
    assert made
    assert seen.columns == (*COLUMNS, *(["users"] if unit == "household" else []))
    assert all(len(arm.sums) == len(seen.columns) for arm in seen.arms)


def test_the_key_of_an_experiment_decides_nothing(observe):
    assert observe(key="one").arms == observe(key="two").arms


def test_assigned_users_include_those_who_never_came(observe):
    for arm in observe(1, users_per_arm=3_000).arms:
        assert arm.assigned == pytest.approx(3_000, abs=250)
        assert 0.4 < arm.n / arm.assigned < 0.75


def test_an_exposure_serves_the_first_part_of_every_arm(observe):
    whole, half = observe(2, users_per_arm=3_000), observe(2, users_per_arm=3_000, fraction=0.5)
    for all_users, some in zip(whole.arms, half.arms, strict=True):
        assert some.assigned == pytest.approx(all_users.assigned / 2, rel=0.1)
    assert all(arm.n == 0 for arm in observe(2, fraction=0.0).arms)


def test_moments_are_those_of_the_users(world, funnel, make_spec, changed):
    setting = Setting(world, funnel, changed(), 5, 0, 3, draw)
    block = Block(setting, np.arange(500))
    block.advance(4)
    rows = block.columns()
    came = rows[-1] > 0
    found = baseline(world, funnel, Arm("control", changed()), 3, 2_000, 3)
    assert found.arms[0].assigned == 2_000
    users = dict(zip(COLUMNS, rows[:-1], strict=True))
    assert (users["sessions"][came] >= 1).all()
    assert not rows[:, ~came].any()
    assert ((users["next_day_return"] >= 0) & (users["next_day_return"] <= 1)).all()
    assert (users["clicks"] <= users["impressions"]).all()
    assert (users["long_views"] <= users["clicks"]).all()
    assert (users["impressions"] <= 10 * users["sessions"]).all()
    assert (users["topics_shown"] <= 10).all()
    products = np.array(found.arms[0].products)
    assert np.array_equal(products, products.T)
    # Cauchy-Schwarz: n Σx² >= (Σx)²
    assert (found.arms[0].n * np.diag(products) * (1 + 1e-9) >= np.array(found.arms[0].sums) ** 2).all()


def test_returns_are_days_followed_by_another(world, funnel, changed):
    setting = Setting(world, funnel, changed(), 5, 0, 3, expect)
    block, days = Block(setting, np.arange(400)), []
    for day in range(1, 5):
        before = block.columns()[COLUMNS.index("sessions")]
        block.advance(day)
        days.append(block.columns()[COLUMNS.index("sessions")] - before)
    longer = Block(Setting(world, funnel, changed(), 5, 0, 4, expect), np.arange(400))
    longer.advance(4)
    fourth = longer.columns()[COLUMNS.index("sessions")] - sum(days[:3])
    came = np.array([*days[:3], fourth]) > 0
    exposed = came[:3].sum(axis=0)
    followed = (came[:3] & came[1:]).sum(axis=0)
    share = np.divide(followed, exposed, out=np.zeros(400), where=exposed > 0)
    assert block.columns()[COLUMNS.index("next_day_return")] == pytest.approx(share)


def test_drawn_responses_average_to_the_expected_ones(world, funnel, changed):
    sums = []
    for respond in (draw, expect):
        block = Block(Setting(world, funnel, changed(), 9, 0, 2, respond), np.arange(6_000))
        block.advance(3)
        sums.append(block.columns().sum(axis=1))
    for name, drawn, expected in zip(COLUMNS, *(s.tolist() for s in sums), strict=False):
        tolerance = 0.03 + 4 / np.sqrt(expected)  # counts of rare responses vary as their roots
        assert drawn == pytest.approx(expected, rel=tolerance), name


def test_an_experiment_estimates_the_true_lift(task, funnel, make_spec, changed_world, changed):
    world = changed_world("fatigue", novelty=0.0)  # which passes, and is no part of the truth
    experiment = Experiment(world, funnel, make_spec(users_per_arm=8_000), 1)
    control, longer = experiment.observe(_after(4)).arms
    true = paired_lifts(task, world, [changed(a_long=2.0)], users=4_000, days=3)
    for metric in ("watch_minutes", "topics_shown", "next_day_return"):
        i = COLUMNS.index(metric)
        variances = [
            (a.products[i][i] / a.n - (a.sums[i] / a.n) ** 2) / a.n / _mean(a, metric) ** 2
            for a in (control, longer)
        ]
        lift = _mean(longer, metric) / _mean(control, metric) - 1
        assert abs(lift - true[metric][0]) < 4 * np.sqrt(sum(variances)) + 0.003, metric


def test_an_a_a_test_finds_nothing(observe, changed):
    arms = (Arm("control", changed()), Arm("same", changed()))
    control, same = observe(4, users_per_arm=8_000, arms=arms).arms
    for metric in ("watch_minutes", "likes", "latency_ms", "watch_minutes_before"):
        assert _mean(same, metric) / _mean(control, metric) == pytest.approx(1, abs=0.08), metric


def test_the_period_before_tells_much_of_the_period_itself(observe):
    arm = observe(4, users_per_arm=8_000).arms[0]
    at = [COLUMNS.index(c) for c in ("watch_minutes", "watch_minutes_before")]
    mean = np.array(arm.sums)[at] / arm.n
    covariance = np.array(arm.products)[np.ix_(at, at)] / arm.n - np.outer(mean, mean)
    correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert 0.45 < correlation < 0.75


def test_weekends_are_busier(world, funnel, changed):
    def came(first_day):
        block = Block(Setting(world, funnel, changed(), 1, first_day, 1, expect), np.arange(4_000))
        block.advance(1)
        return block.columns()[COLUMNS.index("sessions")].sum()

    assert came(5) > came(1)
