"""How well a log supports a config, recounted from its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, Estimates

Make = Callable[..., ReplayBackend]


def config_of(table: dict[str, Any], **changes: float) -> Config:
    return Config({**Task.model_validate(table).production, **changes})


def test_weights_are_recounted(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Make
) -> None:
    """Production is uniform over the pool's items; the log's propensities are not."""
    rows = impressions(400)
    task_table["replay"]["clip"] = 1.3
    found = replay(task_table, rows).diagnostics(config_of(task_table))
    w = np.array([1 / {"a": 5, "b": 3}[r["pool"]] / r["propensity"] for r in rows[120:260]])
    cut = np.minimum(w, 1.3)
    assert found.units == 140
    assert found.effective == pytest.approx(cut.sum() ** 2 / (cut**2).sum())
    assert (found.mean, found.largest) == pytest.approx((w.mean(), w.max()))
    assert found.mean_se == pytest.approx(w.std(ddof=1) / np.sqrt(140))
    assert found.share == pytest.approx(np.sort(cut)[-10:].sum() / cut.sum())
    assert found.clipped == pytest.approx(np.mean(w > 1.3))


def test_what_was_never_logged_and_hardly_ever_is_told(
    task_table: dict[str, Any],
    impressions: Callable[..., Any],
    replay: Make,
    observe: Callable[..., Estimates],
) -> None:
    rows = [row for row in impressions(600) if row["item"] != "a0"]
    for row in rows:
        row["propensity"] = 0.0019 if row["item"] == "b1" else row["propensity"]
    found = observe(replay(task_table, rows), task_table, {"w_quality": 0.5})
    part = rows[round(0.3 * len(rows)) : round(0.65 * len(rows))]
    in_a = np.mean([row["pool"] == "a" for row in part])
    own = found.support["control"]
    assert own.unlogged == pytest.approx(in_a / 5)  # production chooses all items alike
    assert own.rare == pytest.approx((1 - in_a) / 3)  # less than a hundredth of 1 / 3
    assert own.mean > 5
    assert set(found.support) == {"control", "r1p1"}


def test_an_item_that_only_the_confirm_part_shows_counts_as_never_logged(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Make
) -> None:
    """What is told of an arm before its confirmation comes from nothing that the confirmation is for."""
    rows = impressions(600)
    for row in rows[:390]:
        row["item"] = row["item"].replace("a0", "a1")
    found = replay(task_table, rows).diagnostics(config_of(task_table))
    in_a = np.mean([row["pool"] == "a" for row in rows[180:390]])
    assert found.unlogged == pytest.approx(in_a / 5)


def test_the_baseline_tells_of_production_and_of_the_reference(
    task_table: dict[str, Any], impressions: Callable[..., Any], replay: Make
) -> None:
    backend = replay(task_table, impressions(400))
    support = backend.baseline(1).support
    assert set(support) == {"control", "reference"}
    assert support["control"] == backend.diagnostics(config_of(task_table))
