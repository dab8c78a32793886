"""The rules of evidence keep their word: a small study of what `benchmarks/evidence.py` does at length."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script in that folder

from study import coverage, creep, peeking, promises, shipping, stopping
from study.daily import Daily
from study.figures import Share
from study.planned import shipping as planned
from study.rare import hating, watching
from study.users import Kinds, Normal, correlated, summed
from study.work import Chunk, Plan

CHUNK = Chunk(0, 0, 60)


# --- what a verdict, a monitor and a plan promise ----------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("setting", shipping.settings(), ids=lambda setting: setting.name)
def test_a_surface_ships_harm_in_twenty_campaigns_no_more_often_than_alpha(setting):
    assert shipping.ever_ships(setting, CHUNK).at_most("", 0.05).ok


def test_ships_creep_past_a_margin_unless_there_is_a_holdout():
    held = creep.ships(CHUNK, with_holdout=True)
    assert min(held) >= 1, "half a margin can be shown, so that something ships"
    assert creep.share(held, creep.AT_MARGIN).at_most("", 0.05).ok
    assert min(creep.ships(Chunk(0, 0, 5), with_holdout=False)) >= creep.BEYOND


def test_daily_looks_stop_arms_falsely_no_more_often_than_alpha():
    for setting in peeking.settings():
        stops = peeking.false_stops(setting, Chunk(0, 0, 20))
        assert stops.monitors.at_most("", 0.05).ok
        assert stops.naive.times >= stops.monitors.times


def test_harm_is_stopped_by_day_three():
    for setting in stopping.SETTINGS:
        days = stopping.stopping_days(setting, CHUNK)
        assert np.median(days) <= (stopping.MEDIAN_DAY if setting.goal else setting.days)


@pytest.mark.parametrize("distribution", coverage.DISTRIBUTIONS)
def test_intervals_cover(distribution):
    covered, tried = coverage.coverage(distribution, Chunk(0, 0, 100))
    assert len(tried) == 13
    assert all(Share(covered[what], tried[what]).near("", 0.95, 0.01).ok for what in tried)


@pytest.mark.parametrize("setting", planned(), ids=lambda setting: setting.name)
def test_the_users_a_plan_asks_for_ship_with_its_power(setting):
    users = promises.users_asked_for(setting)
    assert promises.chance(setting, users) == pytest.approx(setting.task.experiment.power, abs=0.01)
    assert promises.ships(setting, users, CHUNK).near("", 0.8, 0.03).ok


# --- the study itself --------------------------------------------------------------------------------


def test_the_study_does_not_depend_on_who_computes_it():
    plan = Plan(seeds=2, quick=True)
    chunks = plan.chunks(1_000, 30, 20)
    assert [(c.seed, c.count) for c in chunks] == [(0, 20), (0, 10), (1, 20), (1, 10)]
    setting = stopping.SETTINGS[0]
    first = stopping.stopping_days(setting, chunks[0])
    assert first == stopping.stopping_days(setting, chunks[0]) != stopping.stopping_days(setting, chunks[2])


@pytest.mark.parametrize(("times", "of"), [(0, 50), (3, 60), (50, 50)])
def test_shares_have_clopper_and_pearsons_interval(times, of):
    peer = scipy.stats.binomtest(times, of).proportion_ci(0.95, method="exact")
    assert Share(times, of).interval == pytest.approx(tuple(peer), abs=1e-12)


def test_a_figure_fails_where_chance_does_not_explain_it():
    assert Share(60, 1_000).at_most("", 0.05).ok
    assert not Share(70, 1_000).at_most("", 0.05).ok
    assert not Share(300, 2_000).near("", 0.8, 0.03).ok
    assert not Share(970, 1_000).near("", 0.9, 0.05).ok


def test_normal_users_are_drawn_as_if_one_by_one():
    """Means, variances and covariances of the sums over 40 users, and those of their products."""
    mean, covariance = np.array([1.0, -2.0]), correlated(np.array([1.0, 3.0]), 0.6)
    rng, draws = np.random.default_rng(1), 20_000
    fast = Normal(mean, covariance).draw(rng, 40, (draws,))
    slow = summed(rng.multivariate_normal(mean, covariance, (draws, 40)))
    for ours, theirs in ((fast.sums, slow.sums), (fast.products, slow.products)):
        ours, theirs = ours.reshape(draws, -1), theirs.reshape(draws, -1)
        error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / draws)
        assert np.all(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * error)
        assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.03)


def test_kinds_of_users_are_counted():
    users = Kinds(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0.25, 0.75]))
    expected = users.expected(8)
    one_by_one = summed(np.array([[0.0, 1.0]] * 2 + [[2.0, 3.0]] * 6))
    assert expected.sums == pytest.approx(one_by_one.sums)
    assert expected.products == pytest.approx(one_by_one.products)
    drawn = users.draw(np.random.default_rng(0), 100, (500,))
    assert drawn.sums.mean(axis=0) == pytest.approx([150, 250], rel=0.01)


def test_populations_have_the_moments_they_state():
    mean, covariance = np.array([1.0, -2.0]), correlated(np.array([1.0, 3.0]), 0.6)
    like = Normal(mean, covariance).expected(50)
    scatter = like.products - np.outer(like.sums, like.sums) / 50
    assert scatter / 49 == pytest.approx(covariance)
    assert like.sums / 50 == pytest.approx(mean)


def test_twice_the_rate_is_twice_the_hates():
    few, many = (hating(rate).expected(1_000).sums for rate in (1e-4, 2e-4))
    assert many == pytest.approx(few * [2.0, 1.0])
    assert few[0] / few[1] == pytest.approx(1e-4, rel=1e-3)
    watched = watching(0.5, hating(1e-4))
    assert watched.shares.sum() == pytest.approx(1.0)
    assert watched.expected(1_000).sums == pytest.approx([2_000.0, *few])


def test_users_who_are_moved_or_transformed_keep_their_moments():
    users = np.random.default_rng(2).standard_normal((3, 30, 2))
    matrix, by = (
        np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    )
    for ours, theirs in (
        (summed(users).moved(by), summed(users + by[:, None])),
        (summed(users).through(matrix), summed(users @ matrix.T)),
    ):
        assert ours.sums == pytest.approx(theirs.sums)
        assert ours.products == pytest.approx(theirs.products)


@pytest.mark.parametrize("persistence", [0.0, 0.5])
def test_what_is_known_of_persistent_users_grows_fastest_on_the_first_day(persistence):
    """The last day's variance is the stated one; one day's is larger by what the other days average out."""
    covariance, days, n, draws = np.array([[4.0]]), 3, 100, 20_000
    so_far = Daily(covariance, days, persistence).draw(np.random.default_rng(3), np.ones((draws, 1)), n)
    first, last = (sums.sums[:, 0] / n for sums in (so_far[0], so_far[-1]))
    shrinks = (1 + 2 * persistence) / 3
    assert last.var() == pytest.approx(4.0 / n, rel=0.03)
    assert first.var() == pytest.approx(4.0 / n / shrinks, rel=0.03)
    # a mean so far and the final one have the final one's variance in common
    assert np.cov(first, last)[0, 1] == pytest.approx(4.0 / n, rel=0.05)
    assert math.isclose(last.mean(), 1.0, abs_tol=4 * math.sqrt(0.04 / draws))
