"""The evidence gate: what it lets in by chance, what it lets in and out for a reason."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from rectune_dsl.hooks.api import CONTROL, Arm, Config, Estimates, Forecast, RoundResult, Scored
from rectune_dsl.skillhub.gate import ALPHA, CAP, STAKE, alarm, judge, score, wealth

ARMS, METRICS = ("a", "b", "c"), ("watch", "likes")
SEEDS = st.integers(0, 2**32 - 1)


def covariance(rng, size, scale):
    root = rng.normal(size=(size, size))
    return scale**2 * (root @ root.T / size + 0.5 * np.eye(size))


def forecast(rng, metric="watch", scale=0.02, record="r"):
    """With random means and covariances, with the record and without it."""
    means = [tuple(rng.normal(0, scale, len(ARMS)).tolist()) for _ in range(2)]
    doubts = [tuple(map(tuple, covariance(rng, len(ARMS), scale).tolist())) for _ in range(2)]
    return Forecast(record, metric, ARMS, means[0], doubts[0], means[1], doubts[1])


def result(lifts, noise, key="round-1/experiment", frozen=""):
    """`lifts` (arms, metrics)."""
    count = len(ARMS) + 1
    level = [[1.0] * len(METRICS)] * count
    estimates = Estimates(
        arms=ARMS,
        metrics=METRICS,
        lift=tuple(map(tuple, np.asarray(lifts).tolist())),
        covariance=tuple(map(tuple, noise.tolist())),
        level=tuple(map(tuple, level)),
        level_se=tuple(map(tuple, level)),
        effective_n=(1000.0,) * count,
        as_of=datetime(2026, 1, 4, tzinfo=UTC),
    )
    return RoundResult(1, key, (Arm(CONTROL, Config({})),), estimates, frozen=frozen)


def drawn(rng, forecasts, noise, *, with_it):
    """Lifts as one of the two forecasts has them, with errors."""
    lifts = np.zeros((len(ARMS), len(METRICS)))
    for column, known in enumerate(forecasts):
        mean = known.expected if with_it else known.otherwise
        doubt = known.doubt if with_it else known.other_doubt
        lifts[:, column] = rng.multivariate_normal(mean, doubt)
    return lifts + rng.multivariate_normal(np.zeros(lifts.size), noise).reshape(lifts.shape)


@given(SEEDS)
def test_scores_are_capped_differences_of_conditional_log_densities(seed):
    """By an oracle: conditionals are differences of joint log densities of one lift more."""
    rng = np.random.default_rng(seed)
    forecasts = [forecast(rng, metric) for metric in METRICS]
    noise = covariance(rng, 6, 0.01)
    lifts = rng.normal(0, 0.03, (3, 2))
    order = [(arm, metric) for arm in range(3) for metric in range(2)]
    sums = []
    for with_it in (True, False):
        total = noise.copy()
        mean = np.zeros(6)
        for i, (arm, metric) in enumerate(order):
            known = forecasts[metric]
            mean[i] = (known.expected if with_it else known.otherwise)[arm]
            for j, (other, same) in enumerate(order):
                if same == metric:
                    total[i, j] += (known.doubt if with_it else known.other_doubt)[arm][other]
        joint = [multivariate_normal.logpdf(lifts.ravel()[:k], mean[:k], total[:k, :k]) for k in range(1, 7)]
        sums.append(np.diff([0.0, *joint]))
    gains = np.clip(sums[0] - sums[1], -CAP, CAP)
    found = score(forecasts, result(lifts, noise))
    assert found.gained == pytest.approx(np.log1p(STAKE * gains).sum(), rel=1e-6, abs=1e-8)
    assert found.lost == pytest.approx(np.log1p(-STAKE * gains).sum(), rel=1e-6, abs=1e-8)


def campaign(record, seed, *, with_it, rounds=8):
    """A record after experiments whose lifts are as one forecast has them."""
    rng = np.random.default_rng(seed)
    for number in range(rounds):
        forecasts = [forecast(rng, metric) for metric in METRICS]
        noise = covariance(rng, 6, 0.01)
        lifts = drawn(rng, forecasts, noise, with_it=with_it)
        scored = score(forecasts, result(lifts, noise, key=f"round-{number}/experiment"))
        record = judge(record, scored, 1, "2026-01-01")
    return record


def test_a_record_that_the_truth_knows_nothing_of_becomes_active_rarely(record):
    """Ville: at most 5 % ever; 400 records of 8 experiments, so at most 31 with a chance of 99 %."""
    active = sum(campaign(record(), seed, with_it=False).status == "active" for seed in range(400))
    assert active <= 31


def test_a_record_that_is_right_becomes_active_and_one_that_is_wrong_is_retired(record):
    right = [campaign(record(), seed, with_it=True, rounds=16) for seed in range(40)]
    wrong = [campaign(record(status="active"), seed, with_it=False, rounds=16) for seed in range(40)]
    assert sum(r.status == "active" for r in right) >= 38
    assert sum(r.status == "retired" for r in wrong) >= 38
    assert all(r.why for r in (*right, *wrong) if r.status != "candidate")


def test_more_records_of_one_cause_have_to_win_more(record):
    scored = Scored("e", "a", "watch", 0.0, 0.0, 0.0, 1.0, math.log(2.0 / ALPHA), -3.0)
    assert judge(record(), scored, 1, "d").status == "active"
    assert judge(record(), scored, 4, "d").status == "candidate"


def test_an_experiment_counts_once(record):
    scored = Scored("e", "a", "watch", 0.0, 0.0, 0.0, 1.0, 1.0, -1.5)
    once = judge(record(), scored, 1, "d")
    assert judge(once, replace(scored, gained=2.0), 1, "d") == once
    assert (once.helpful, once.harmful, wealth(once)) == (1, 0, 1.0)


@given(st.lists(st.floats(-3, 3), max_size=12))
def test_the_alarm_is_the_worst_run_of_losses_up_to_now(losses):
    """A CUSUM by its definition: the largest sum of the last experiments, however many."""
    from rectune_dsl.hooks.api import KnowledgeRecord, Scope

    known = KnowledgeRecord(
        "r", "", Scope(), "active", None, (), (), "",
        scored=tuple(Scored(f"e{i}", "a", "m", 0, 0, 0, 1, -x, x) for i, x in enumerate(losses)),
    )  # fmt: skip
    worst = max((sum(losses[i:]) for i in range(len(losses))), default=0.0)
    assert alarm(known) == pytest.approx(worst, abs=1e-9)


def test_what_was_not_measured_or_was_frozen_is_not_scored():
    rng = np.random.default_rng(0)
    noise = covariance(rng, 6, 0.01)
    lifts = rng.normal(0, 0.03, (3, 2))
    assert score([forecast(rng)], result(lifts, noise, frozen="unequal")) is None
    assert score([forecast(rng, "gone")], result(lifts, noise)) is None
    lifts[:, 0] = np.nan
    assert score([forecast(rng)], result(lifts, noise)) is None


def test_it_is_told_by_the_lift_that_the_forecasts_differ_most_about():
    zeros, tight = (0.0, 0.0, 0.0), ((1e-6, 0, 0), (0, 1e-6, 0), (0, 0, 1e-6))
    known = Forecast("r", "watch", ARMS, (0.0, 0.05, 0.01), tight, zeros, tight)
    found = score([known], result(np.full((3, 2), 0.05), 1e-4 * np.eye(6)))
    assert (found.arm, found.metric, found.expected, found.measured) == ("b", "watch", 0.05, 0.05)
