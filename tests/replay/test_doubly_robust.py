"""Doubly robust estimates: against a slow computation, the bootstrap, and the truth of a made-up world."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, Estimates

ARM = {"w_quality": -0.5, "w_taste": 0.4, "temperature": 2.0}
Rows = Sequence[dict[str, Any]]


def fitted(backend: ReplayBackend) -> Callable[[Mapping[str, Any], str, str], float]:
    """The backend's reward models as a function of a row's text, an item and an outcome."""
    loaded = backend._loaded

    def expected(row: Mapping[str, Any], item: str, outcome: str) -> float:
        reward = loaded.rewards[outcome]
        pool = loaded.catalogue.pools.index(row["pool"])
        tastes = dict(entry.split(":") for entry in row["tastes"].split(";") if entry)
        value = reward.constant + reward.columns["evening"] * row["evening"]
        value += reward.positions[min(row["position"], len(reward.positions)) - 1]
        value += reward.items[pool, loaded.catalogue.places[pool][item]]
        return float(value + reward.sparse["taste"] * float(tastes.get(item, 0)))

    return expected


@pytest.fixture
def corrected(chances: Callable[..., dict[str, float]]) -> Callable[..., Any]:
    """m + w (y - q) of every row, straight from the definition."""

    def values(rows: Rows, arm: Mapping[str, float], q: Callable[..., float], outcome: str) -> Any:
        column = {"click_rate": "click"}.get(outcome, outcome)
        found = []
        for row in rows:
            p = chances(row, arm)
            mean = sum(chance * q(row, item, outcome) for item, chance in p.items())
            weight = p[row["item"]] / row["propensity"]
            found.append(mean + weight * (row[column] - q(row, row["item"], outcome)))
        return np.array(found)

    return values


@pytest.mark.parametrize("purpose", ["explore", "confirm"])
def test_values_and_standard_errors_equal_a_slow_computation(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    purpose: str,
    corrected: Callable[..., Any],
) -> None:
    task_table["replay"]["estimator"] = "dr"
    rows = impressions(400)
    backend = replay(task_table, rows)
    found = observe(backend, task_table, ARM, purpose=purpose)
    q, part = fitted(backend), rows[120:260] if purpose == "explore" else rows[260:]
    production = Task.model_validate(task_table).production
    clicks, minutes = (corrected(part, ARM, q, name) for name in ("click_rate", "minutes"))
    base_clicks = corrected(part, production, q, "click_rate")
    assert found.level[1][0] == pytest.approx(clicks.mean(), rel=1e-6)
    assert found.level[1][1] == pytest.approx(minutes.mean() / clicks.mean(), rel=1e-6)
    assert found.lift[0][0] == pytest.approx(clicks.mean() / base_clicks.mean() - 1, rel=1e-5)
    assert found.level_se[1][0] == pytest.approx(clicks.std(ddof=1) / math.sqrt(len(part)), rel=1e-6)
    residual = (minutes - minutes.mean() / clicks.mean() * clicks) / clicks.mean()
    assert found.level_se[1][1] == pytest.approx(residual.std(ddof=1) / math.sqrt(len(part)), rel=1e-6)


def test_the_joint_covariance_agrees_with_the_bootstrap(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    corrected: Callable[..., Any],
) -> None:
    task_table["replay"]["estimator"] = "dr"
    other = {"w_quality": 1.0, "w_taste": 0.0, "temperature": 1.0}
    arms = [Task.model_validate(task_table).production, other, ARM]
    rows = impressions(3000, seed=4)
    backend = replay(task_table, rows)
    found = observe(backend, task_table, *arms[1:])
    q, part = fitted(backend), rows[900:1950]
    z = np.array([[corrected(part, arm, q, name) for name in ("click_rate", "minutes")] for arm in arms])
    generator, draws = np.random.default_rng(5), []
    for _ in range(2000):
        count = np.bincount(generator.integers(0, len(part), len(part)), minlength=len(part))
        clicks, minutes = (z * count).sum(axis=2).T
        levels = np.array([clicks, minutes / clicks]).T
        draws.append((levels[1:] / levels[0] - 1).ravel())
    own = [0, 1, 3, 4]  # the third metric is coverage
    matrix, resampled = np.array(found.covariance)[np.ix_(own, own)], np.cov(np.array(draws).T)
    spread = np.sqrt(np.diag(resampled))
    assert np.sqrt(np.diag(matrix)) == pytest.approx(spread, rel=0.1)
    assert matrix / np.outer(spread, spread) == pytest.approx(resampled / np.outer(spread, spread), abs=0.15)


def test_the_reward_model_finds_what_is_linear(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    chances: Callable[..., dict[str, float]],
) -> None:
    rows = impressions(6000)
    for row in rows:
        tastes = dict(entry.split(":") for entry in row["tastes"].split(";") if entry)
        own = float(row["item"] == "a3") + 0.5 * float(tastes.get(row["item"], 0))
        row["minutes"] = 2 + 0.7 * row["evening"] - 0.3 * (row["position"] == 3) + own
    task_table["replay"]["estimator"] = "dr"
    q = fitted(replay(task_table, rows))
    for row in rows[-50:]:
        for item in chances(row, ARM):
            tastes = dict(entry.split(":") for entry in row["tastes"].split(";") if entry)
            truth = 2 + 0.7 * row["evening"] - 0.3 * (row["position"] == 3) + (item == "a3")
            truth += 0.5 * float(tastes.get(item, 0))
            assert q(row, item, "minutes") == pytest.approx(truth, abs=0.02)


def test_the_reward_model_knows_nothing_of_the_parts_it_is_used_on(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Callable[..., ReplayBackend]
) -> None:
    task_table["replay"]["estimator"] = "dr"
    rows = impressions(400)
    before = replay(task_table, rows)._loaded.rewards["click_rate"]
    for row in rows[120:]:
        row |= {"click": 1 - row["click"]}
    after = replay(task_table, rows)._loaded.rewards["click_rate"]
    assert after.constant == before.constant
    assert np.array_equal(after.items, before.items)


def test_a_log_without_events_claims_no_certainty(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
) -> None:
    task_table["replay"]["estimator"] = "dr"
    rows = impressions(400)
    for row in rows[120:260]:  # the fit part has clicks, so the model predicts some
        row |= {"click": 0, "minutes": 0}
    found = observe(replay(task_table, rows), task_table, ARM)
    assert found.lift[0][:2] == (None, None)
    assert "has an event" in found.missing["click_rate"]


def test_a_segments_metrics_equal_those_of_its_own_log(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Callable[..., ReplayBackend],
    observe: Callable[..., Estimates],
    chances: Callable[..., dict[str, float]],
) -> None:
    """With a reward of nothing, so that the two logs have the same model."""
    rows = impressions(900)
    for row in rows[:270]:
        row |= {"click": 0, "minutes": 0}
    task_table["replay"]["estimator"] = "dr"
    task_table["signals"]["evening"]["kind"] = "user"
    task_table["guardrails"] = {"click_rate": ">= -50%"}
    late = {"when": "evening", "guardrails": {"click_rate": ">= -50%"}}
    segmented = {**task_table, "segments": {"late": late}}
    whole = observe(replay(segmented, rows), segmented, ARM)
    at = whole.metrics.index("late.click_rate")
    part = [row for row in rows[270:585] if row["evening"]]
    w = np.array([chances(row, ARM)[row["item"]] / row["propensity"] for row in part])
    clicks = np.array([row["click"] for row in part])
    assert whole.level[1][at] == pytest.approx(np.mean(w * clicks), rel=1e-6)
    assert whole.effective_n[0][at] <= w.sum() ** 2 / (w**2).sum() * (1 + 1e-6)


# --- a world whose truth is known ----------------------------------------------------------------

ITEMS = 10
WORTH = np.linspace(0.05, 0.95, ITEMS)
LOGGING = np.exp(-0.2 * np.arange(ITEMS)) / np.exp(-0.2 * np.arange(ITEMS)).sum()
WORLD: dict[str, Any] = {
    "dsl": 1,
    "task": {"name": "world", "surface": "world"},
    "signals": {"place": {"kind": "item", "domain": [0, 10]}},
    "stages": {
        "ranking": {
            "keep": 1,
            "score": "w * place",
            "params": {"w": {"production": 0.0, "low": -1, "high": 1}},
        }
    },
    "metrics": {"click": {"kind": "proportion", "goal": "maximize"}},
    "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
    "confirm": {"users_per_arm": 10, "days": 1},
    "replay": {
        "log": "log.csv",
        "items": "items.csv",
        "min_ess": 1,
        "split": {"fit": 0.5, "tune": 0.25, "confirm": 0.25},
        "columns": {"time": "time", "item": "item", "propensity": "propensity"},
        "signals": {"place": {"item_column": "place"}},
    },
}


def truth(w: float) -> float:
    policy = np.exp(w * np.arange(ITEMS))
    return float(policy / policy.sum() @ WORTH)


def world_log(seed: int, rows: int, misled: bool) -> list[dict[str, Any]]:
    """Clicks with chance WORTH; `misled`: in the first half, from which models are fitted, with 1 - WORTH."""
    generator = np.random.default_rng([seed, rows])
    item = generator.choice(ITEMS, rows, p=LOGGING)
    worth = np.where(misled & (np.arange(rows) < rows // 2), 1 - WORTH[item], WORTH[item])
    click = generator.random(rows) < worth
    return [
        {"time": 1_700_000_000 + n, "item": f"i{i}", "propensity": LOGGING[i], "click": int(c)}
        for n, (i, c) in enumerate(zip(item, click, strict=True))
    ]


@pytest.fixture
def simulated(
    tmp_path: Path, observe: Callable[..., Estimates], write_rows: Callable[..., None]
) -> Callable[..., tuple[Any, Any]]:
    """Lifts of w = 0.4, and their standard errors, on independent logs of 1,200 impressions."""

    def lifts(estimator: str, misled: bool = False, count: int = 80) -> tuple[Any, Any]:
        table = {**WORLD, "replay": {**WORLD["replay"], "estimator": estimator}}
        write_rows(tmp_path / "items.csv", [{"item": f"i{i}", "place": i} for i in range(ITEMS)])
        found = []
        for seed in range(count):
            write_rows(tmp_path / "log.csv", world_log(seed, 1200, misled))
            backend = ReplayBackend(BackendContext(Task.model_validate(table), 1, tmp_path))
            estimates = observe(backend, table, {"w": 0.4})
            found.append((estimates.lift[0][0], estimates.covariance[0][0] ** 0.5))
        return tuple(np.array(found, float).T)

    return lifts


LIFT = truth(0.4) / truth(0.0) - 1


def test_with_a_good_model_intervals_are_narrower_and_hold(simulated: Callable[..., tuple[Any, Any]]) -> None:
    lifts, errors = simulated("dr")
    weighted, _ = simulated("ips")
    assert lifts.std() < 0.8 * weighted.std()
    assert lifts.mean() == pytest.approx(LIFT, abs=4 * lifts.std() / math.sqrt(len(lifts)))
    held = np.abs(lifts - LIFT) <= 1.96 * errors
    assert 0.9 <= held.mean() <= 0.985
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(lifts.std(), rel=0.15)


def test_with_a_wrong_model_intervals_are_wider_and_still_hold(
    simulated: Callable[..., tuple[Any, Any]],
) -> None:
    lifts, errors = simulated("dr", misled=True)
    assert lifts.mean() == pytest.approx(LIFT, abs=5 * lifts.std() / math.sqrt(len(lifts)))
    held = np.abs(lifts - LIFT) <= 1.96 * errors
    assert 0.9 <= held.mean() <= 0.985
