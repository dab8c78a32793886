"""Estimates against slow computations in plain Python, against the bootstrap, and against the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog import play as playing
from rectune_dsl.backends.replaylog.estimate import (
    Value,
    effective_sample_size,
    estimates,
    weighted_mean,
    weights,
)
from rectune_dsl.hooks.api import Arm, Config, Estimates

POOLS = {"a": 5, "b": 3}
ARMS = [
    {"w_quality": 0.0, "w_taste": 0.0, "temperature": 1.0},
    {"w_quality": 1.0, "w_taste": 0.0, "temperature": 1.0},
    {"w_quality": -0.5, "w_taste": 0.4, "temperature": 2.0},
]


Chances = Callable[..., dict[str, float]]


def slow_estimates(
    chances: Chances, rows: Sequence[dict[str, Any]], arm: dict[str, float], estimator: str, clip: float
) -> list[float]:
    """Click rate, minutes per click, coverage; straight from the definitions."""
    w = [min(chances(row, arm)[row["item"]] / row["propensity"], clip) for row in rows]
    clicks = sum(v * row["click"] for v, row in zip(w, rows, strict=True))
    minutes = sum(v * row["minutes"] for v, row in zip(w, rows, strict=True))
    rate = clicks / (sum(w) if estimator == "snips" else len(rows))
    covered = 0.0
    for pool, size in POOLS.items():
        own = [chances(row, arm) for row in rows if row["pool"] == pool]
        means = [sum(p[f"{pool}{n}"] for p in own) / len(own) for n in range(size)]
        covered += len(own) / len(rows) * math.exp(-sum(m * math.log(m) for m in means)) / size
    return [rate, minutes / clicks, covered]


@pytest.mark.parametrize("estimator", ["snips", "ips"])
@pytest.mark.parametrize("clip", [None, 1.3])
@pytest.mark.parametrize("purpose", ["explore", "confirm"])
def test_levels_lifts_and_effective_samples_equal_a_slow_computation(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    estimator: str,
    clip: float | None,
    purpose: str,
    chances: Chances,
) -> None:
    rows = impressions(400)
    task_table["replay"] |= {"estimator": estimator} | ({"clip": clip} if clip is not None else {})
    found = observe(replay(task_table, rows), task_table, *ARMS[1:], purpose=purpose)
    part = rows[120:260] if purpose == "explore" else rows[260:]
    slow = [slow_estimates(chances, part, arm, estimator, clip or math.inf) for arm in ARMS]
    assert found.metrics == ("click_rate", "minutes_per_click", "coverage")
    for level, expected in zip(found.level, slow, strict=True):
        assert level == pytest.approx(expected, rel=1e-6)
    for lift, expected in zip(found.lift, slow[1:], strict=True):
        assert lift == pytest.approx(
            [own / base - 1 for own, base in zip(expected, slow[0], strict=True)], rel=1e-5
        )
    for effective, arm in zip(found.effective_n, ARMS[1:], strict=True):
        sizes = []
        for config in (ARMS[0], arm):
            w = [min(chances(r, config)[r["item"]] / r["propensity"], clip or math.inf) for r in part]
            sizes.append(sum(w) ** 2 / sum(v * v for v in w))
        assert effective[0] == pytest.approx(min(sizes), rel=1e-6)
        assert effective[2] == len(part)


@pytest.mark.parametrize("estimator", ["snips", "ips"])
def test_the_joint_covariance_agrees_with_the_bootstrap(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    estimator: str,
    chances: Chances,
) -> None:
    task_table["replay"]["estimator"] = estimator
    rows = impressions(3000, seed=4)
    found = observe(replay(task_table, rows), task_table, *ARMS[1:])
    part = rows[900:1950]
    draws = bootstrap(chances, part, estimator, 1500)
    matrix, resampled = np.array(found.covariance), np.cov(draws.T)
    spread = np.sqrt(np.diag(resampled))
    assert np.sqrt(np.diag(matrix)) == pytest.approx(spread, rel=0.1)
    assert matrix / np.outer(spread, spread) == pytest.approx(resampled / np.outer(spread, spread), abs=0.15)
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def bootstrap(chances: Chances, part: Sequence[dict[str, Any]], estimator: str, repeats: int) -> Any:
    """Lifts (repeats, arms * metrics) of logs that are drawn from `part` with replacement."""
    likely = [[chances(row, arm) for row in part] for arm in ARMS]
    w = np.array([[p[r["item"]] / r["propensity"] for p, r in zip(own, part, strict=True)] for own in likely])
    clicks, minutes = (np.array([row[name] for row in part], float) for name in ("click", "minutes"))
    pool = np.array([row["pool"] == "b" for row in part], int)
    full = np.zeros((len(ARMS), 2, len(part), 5))
    for arm, own in enumerate(likely):
        for n, p in enumerate(own):
            full[arm, pool[n], n, : len(p)] = list(p.values())
    generator, draws = np.random.default_rng(11), []
    for _ in range(repeats):
        count = np.bincount(generator.integers(0, len(part), len(part)), minlength=len(part))
        scale = (w * count).sum(1) if estimator == "snips" else np.full(len(ARMS), count.sum())
        rate = (w * clicks * count).sum(1) / scale
        per_click = (w * minutes * count).sum(1) / (w * clicks * count).sum(1)
        mean = np.einsum("apnc,n->apc", full, count)
        mean = mean / mean.sum(axis=2, keepdims=True)
        entropy = -(mean * np.log(np.where(mean > 0, mean, 1))).sum(axis=2)
        share = np.bincount(pool, count, minlength=2) / count.sum()
        covered = (np.exp(entropy) / np.array([5, 3]) * share).sum(axis=1)
        levels = np.stack([rate, per_click, covered], axis=1)
        draws.append((levels[1:] / levels[0] - 1).ravel())
    return np.array(draws)


@pytest.mark.slow
def test_standard_errors_of_levels_agree_with_repeated_logs(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    found = [
        observe(replay(task_table, impressions(600, seed=seed)), task_table, ARMS[1]) for seed in range(150)
    ]
    levels = np.array([f.level[1] for f in found], float)
    stated = np.sqrt(np.mean(np.square([f.level_se[1] for f in found]), axis=0))
    # coverage's control level is almost constant; all three are compared
    assert levels.std(axis=0, ddof=1) == pytest.approx(stated, rel=0.2)


def test_the_estimates_are_unbiased_for_what_the_arm_would_have_done(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    chances: Chances,
) -> None:
    rows = impressions(30_000, seed=8)
    found = observe(replay(task_table, rows), task_table, ARMS[2])
    part = rows[9_000:19_500]
    # clicks are made with chance .5 for item 1 and .2 for others
    truth = np.mean([0.2 + 0.3 * chances(row, ARMS[2])[f"{row['pool']}1"] for row in part])
    assert found.level[1][0] == pytest.approx(truth, abs=4 * found.level_se[1][0])
    assert found.level_se[1][0] < 0.01


@pytest.mark.parametrize("estimator", ["snips", "ips"])
def test_the_policy_that_logged_gets_exactly_the_empirical_mean(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    estimator: str,
) -> None:
    task_table["replay"]["estimator"] = estimator
    rows = impressions(400, uniform=True)
    found = observe(replay(task_table, rows), task_table, {"temperature": 3.0})
    part = rows[120:260]
    for level in found.level:
        assert level[0] == pytest.approx(np.mean([row["click"] for row in part]), rel=1e-12)
        assert level[2] == pytest.approx(1, rel=1e-12)
    assert found.effective_n[0][0] == pytest.approx(len(part), rel=1e-12)


def test_an_arm_that_is_control_has_lift_0_and_no_variance(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    task_table["stages"]["ranking"]["params"]["w_quality"]["production"] = 0.7
    found = observe(replay(task_table, impressions(400)), task_table, {}, {"w_taste": 1.0})
    assert found.lift[0] == (0.0, 0.0, 0.0)
    assert not np.array(found.covariance)[:3].any()
    assert np.array(found.covariance)[3:, 3:].diagonal().min() > 0


FLOATS = st.floats(0.01, 100)
LOGS = st.lists(st.tuples(FLOATS, st.floats(-10, 10), st.floats(0.1, 10)), min_size=2, max_size=50)


@given(LOGS, st.floats(1e-3, 1e3))
def test_self_normalised_estimates_do_not_depend_on_the_weights_scale(
    log: list[tuple[float, float, float]], scale: float
) -> None:
    w, y, d = (np.array(column) for column in zip(*log, strict=True))
    for bottom in (np.ones_like(w), d):
        plain, scaled = weighted_mean(w, y, bottom), weighted_mean(scale * w, y, bottom)
        assert scaled.value == pytest.approx(plain.value, rel=1e-9, abs=1e-9)
        assert scaled.influence == pytest.approx(plain.influence, rel=1e-9, abs=1e-7)
    assert effective_sample_size(scale * w) == pytest.approx(effective_sample_size(w), rel=1e-9)


@given(LOGS)
def test_influence_functions_have_mean_0(log: list[tuple[float, float, float]]) -> None:
    w, y, d = (np.array(column) for column in zip(*log, strict=True))
    for bottom in (None, np.ones_like(w), d):
        assert weighted_mean(w, y, bottom).influence.mean() == pytest.approx(0, abs=1e-6)


@given(st.lists(FLOATS, min_size=1, max_size=50))
def test_an_effective_sample_lies_between_one_and_all_rows(w: list[float]) -> None:
    assert 1 - 1e-9 <= effective_sample_size(np.array(w)) <= len(w) * (1 + 1e-9)
    assert effective_sample_size(np.ones(len(w))) == len(w)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=50), st.floats(1.01, 20))
def test_clipping_caps_weights_and_leaves_the_others(pairs: list[tuple[float, float]], clip: float) -> None:
    chosen, propensity = (np.array(column) for column in zip(*pairs, strict=True))
    clipped = weights(chosen, propensity, clip)
    assert clipped.tolist() == [min(c / p, clip) for c, p in pairs]


def test_below_the_required_effective_sample_a_metric_is_missing_and_says_so(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    task_table["replay"]["min_ess"] = 60
    found = observe(
        replay(task_table, impressions(400, uniform=True)),
        task_table,
        {"w_quality": 2.0, "temperature": 0.2},
        {"w_taste": 0.1},
    )
    assert found.lift[0][:2] == (None, None)
    assert found.lift[0][2] is not None  # coverage needs no weights
    effective = found.effective_n[0][0]
    assert 0 < effective < 60
    why = found.missing["r1p1/click_rate"]
    assert f"140 impressions are worth {effective:.0f} " in why
    assert "the 60 required" in why
    assert found.level[1][0] is None
    assert not np.array(found.covariance)[:2].any()
    assert None not in found.lift[1]
    assert set(found.missing) == {"r1p1/click_rate", "r1p1/minutes_per_click"}


def test_when_control_is_missing_so_is_the_metric(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    task_table["replay"]["min_ess"] = 60
    task_table["stages"]["ranking"]["params"]["temperature"]["production"] = 0.2
    task_table["stages"]["ranking"]["params"]["w_quality"]["production"] = 2.0
    found = observe(replay(task_table, impressions(400, uniform=True)), task_table, {"w_quality": 0.0})
    assert found.lift[0][0] is None
    assert found.missing["click_rate"].startswith("control: its 140 impressions are worth")
    assert found.level[1][0] is not None  # the arm itself could be estimated


def test_a_log_without_events_claims_no_certainty(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    rows = [row | {"click": 0, "minutes": 0} for row in impressions(400)]
    found = observe(replay(task_table, rows), task_table, ARMS[1])
    assert found.lift[0][:2] == (None, None)
    assert "has an event" in found.missing["click_rate"]
    assert "nothing that was logged" in found.missing["minutes_per_click"]


def test_chunks_of_contexts_change_nothing_that_matters(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = replay(task_table, impressions(400))
    whole = observe(backend, task_table, *ARMS[1:])
    monkeypatch.setattr(playing, "CELLS", 30)
    pieces = observe(backend, task_table, *ARMS[1:])
    assert pieces.level[1][:2] == whole.level[1][:2]
    assert np.array(pieces.covariance) == pytest.approx(np.array(whole.covariance), rel=1e-9, abs=1e-15)


def test_covariances_of_simple_arms_are_those_of_their_differences() -> None:
    generator = np.random.default_rng(3)
    psi = generator.normal(size=(3, 1000))
    psi -= psi.mean(axis=1, keepdims=True)
    values = [{"m": Value(2.0, own, 1000.0)} for own in psi]
    arms = [Arm(name, Config({})) for name in ("control", "x", "y")]
    found = estimates(arms, values, ["m"], datetime(2026, 1, 1, tzinfo=UTC))
    expected = np.cov(psi[1:] - psi[0]) / 1000 / 4
    assert np.array(found.covariance) == pytest.approx(expected)
