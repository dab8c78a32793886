"""Bots and outliers."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from rectune_dsl.dsl.rehearsal import Bots
from rectune_dsl.experiments.designs import design
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.power import chance_to_ship
from rectune_dsl.experiments.winsor import caps
from rectune_dsl.simulator.experiment import EPOCH
from rectune_dsl.simulator.faults.crowd import are_bots

END = EPOCH + timedelta(days=4)


def test_bots_come_daily_and_click_everything_without_watching(on):
    task = on.task("bots = { share = 0.999, times = 3 }")
    found = on.observe(task)
    assert found.arms[0].n > 0.99 * found.arms[0].assigned
    assert on.column(found, "sessions") == pytest.approx(3 * found.arms[0].n, rel=0.01)
    assert on.column(found, "impressions") == pytest.approx(3 * 6 * 3 * found.arms[0].n, rel=0.01)
    assert on.column(found, "clicks") == pytest.approx(on.column(found, "impressions"), rel=0.01)
    assert on.column(found, "next_day_return") == pytest.approx(found.arms[0].n, rel=0.01)
    assert on.column(found, "watch_minutes") < 0.01 * on.column(on.observe(on.plain), "watch_minutes")


def test_a_bot_is_one_in_every_experiment():
    bots = Bots(share=0.05)
    ids = np.arange(20_000)
    assert are_bots(ids, bots, 1).mean() == pytest.approx(0.05, abs=0.006)
    assert (are_bots(ids, bots, 1) == are_bots(ids[::-1], bots, 1)[::-1]).all()


def test_outliers_count_a_share_of_user_days_many_times(on):
    whole, found = on.observe(on.plain), on.observe(on.task("outliers = { share = 0.2, factor = 11 }"))
    for name in ("clicks", "impressions", "watch_minutes"):
        assert on.column(found, name) / on.column(whole, name) == pytest.approx(3, rel=0.3)
    assert [on.column(found, "sessions"), found.arms[0].n] == [on.column(whole, "sessions"), whole.arms[0].n]


@pytest.fixture(scope="module")
def lifts_of_nothing(on):
    """(lifts of clicks, their standard errors) of A/A tests under faults, (tests,) each."""
    tests = 80
    same = [on.production] * (2 * tests - 1)

    def measure(faults):
        task = on.task(faults, text=on.text.replace("users = 40_000", "users = 120_000"))
        found = on.observe(task, 4, *same, users_per_arm=480)
        pairs = (replace(found, arms=found.arms[at : at + 2]) for at in range(0, 2 * tests, 2))
        measured = [estimate(pair, {"clicks": task.metrics["clicks"]}) for pair in pairs]
        return (
            np.array([m.lift[0][0] for m in measured]),
            np.sqrt([m.covariance[0][0] for m in measured]),
        )

    return measure


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults", ["bots = { share = 0.03, times = 5 }", "outliers = { share = 0.05, factor = 6 }"]
)
def test_heavy_tails_widen_intervals_and_keep_their_coverage(lifts_of_nothing, faults):
    _, usual = lifts_of_nothing("")
    lifts, errors = lifts_of_nothing(faults)
    assert np.median(errors) > 1.2 * np.median(usual)
    covered = np.mean(np.abs(lifts) < 1.96 * errors)
    assert covered >= 0.875  # of 80 with 95 % each, fewer than 70 once in 480


def test_winsorising_restores_the_power_that_outliers_take(on):
    """One user-day in a hundred counts fifty times. What a plan promises, and what an experiment shows."""
    star = 'clicks = { goal = "maximize"'
    winsorized = on.text.replace(star, f"{star}, winsorize = 0.98")
    assert winsorized != on.text
    outliers = "outliers = { share = 0.01, factor = 50 }"
    tasks = {
        "usual": on.plain,
        "outliers": on.task(outliers),
        "winsorized": on.task(outliers, text=winsorized),
    }
    chance, error = {}, {}
    for name, task in tasks.items():
        platform = on.backend(task)
        baseline = platform.baseline(3)
        planned = design(baseline, task, 6_000)
        limits = caps(task.winsorized, baseline)
        spec = on.spec(on.production, users_per_arm=6_000, caps=limits)
        seen = platform.observe(platform.create(spec, spec.key), END)
        found = estimate(seen, {"clicks": task.metrics["clicks"]})
        chance[name] = chance_to_ship(task, planned, {"clicks": 0.1})
        error[name] = np.sqrt(found.covariance[0][0])
        assert planned.error("clicks") == pytest.approx(error[name], rel=0.35)
    assert error["outliers"] > 2 * error["usual"]
    assert error["winsorized"] < 1.25 * error["usual"]
    assert chance["outliers"] < 0.5 < 0.8 < chance["winsorized"]
