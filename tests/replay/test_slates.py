"""Slates: estimates against slow computations, and against the truth of worlds that fit one model or none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from slate_world import AT, COLUMNS, EXAMINED, LOGGED, MODELS, SHOWN, log, task_of, truth

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.hooks.api import Estimates


def slow_weight(model: str, row: dict[str, Any], slate: str, shown: str) -> float:
    """The weight of a row of a logged slate, by the model's definition."""
    if model == "standard":
        return (slate == shown) / LOGGED[slate]
    if model == "item-position":
        return (shown[row["position"] - 1] == row["item"]) / row["p"]
    looked = sum(EXAMINED[k] * (shown[k] == row["item"]) for k in range(3))
    return looked / sum(EXAMINED[k] * AT[row["item"], k] for k in range(3))


@pytest.mark.parametrize("estimator", ["ips", "snips"])
@pytest.mark.parametrize("model", MODELS)
def test_values_and_standard_errors_equal_a_slow_computation(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates], model: str, estimator: str
) -> None:
    rows, table = log(1, 600), task_of(model, estimator=estimator)
    found = observe(replayed(table, rows), table, {"w": -1.0})
    tops, bottoms = [], []
    for n in range(120, 480):
        own = rows[3 * n : 3 * n + 3]
        slate = "".join(row["item"] for row in own)
        w = [slow_weight(model, row, slate, SHOWN["arm"]) for row in own]
        looks = [3 * e / sum(EXAMINED) if model == "position-based" else 1.0 for e in EXAMINED]
        tops.append(sum(v * row["click"] for v, row in zip(w, own, strict=True)))
        bottoms.append(sum(v * look for v, look in zip(w, looks, strict=True)) if estimator == "snips" else 3)
    top, bottom = np.array(tops), np.array(bottoms)
    value = top.sum() / bottom.sum()
    assert found.level[1][0] == pytest.approx(value, rel=1e-9)
    residual = (top - value * bottom) / bottom.mean()
    assert found.level_se[1][0] == pytest.approx(residual.std(ddof=1) / math.sqrt(360), rel=1e-9)
    assert found.support["r1p1"].units == 360
    assert found.support["r1p1"].unit == "slates"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("estimator", ["ips", "snips"])
def test_where_the_click_model_is_right_every_slate_model_finds_the_truth(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates], model: str, estimator: str
) -> None:
    table = task_of(model, estimator=estimator)
    found = observe(replayed(table, log(2, 5_000)), table, {"w": -1.0})
    for level, error, shown in zip(found.level, found.level_se, SHOWN.values(), strict=True):
        assert level[0] == pytest.approx(truth(shown), abs=3.5 * error[0])
        assert error[0] < 0.08 * truth(shown) * (3 if model == "standard" else 1)


def test_the_more_a_model_assumes_the_less_its_estimates_vary(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    rows = log(3, 3000)
    errors = {}
    for model in MODELS:
        table = task_of(model, estimator="ips")
        errors[model] = observe(replayed(table, rows), table, {"w": -1.0}).level_se[1][0]
    assert errors["position-based"] < 0.9 * errors["item-position"] < 0.9 * errors["standard"]


def test_where_items_outshine_each_other_only_the_standard_model_is_right(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    rows, shown = log(4, 5_000, jealous=True), SHOWN["arm"]
    off = {}
    for model in MODELS:
        table = task_of(model, estimator="ips")
        found = observe(replayed(table, rows), table, {"w": -1.0})
        off[model] = (found.level[1][0] - truth(shown, jealous=True)) / found.level_se[1][0]
    assert abs(off["standard"]) < 3.5
    assert abs(off["item-position"]) > 5
    assert abs(off["position-based"]) > 5


def test_intervals_hold_where_clicks_of_a_slate_go_together(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    """Half of the users click everything they see, the others nothing: rows are not independent."""
    table, generator, errors, values = (
        task_of("item-position", estimator="ips"),
        np.random.default_rng(6),
        [],
        [],
    )
    backend_rows = log(5, 300)
    for _ in range(50):
        keen = generator.integers(0, 2, 300)
        order = generator.permutation(300)
        rows = [
            {**backend_rows[3 * m + k], "slate": f"s{n}", "time": 1_700_000_000 + n, "click": int(keen[n])}
            for n, m in enumerate(order)
            for k in range(3)
        ]
        found = observe(replayed(table, rows), table, {"w": -1.0})
        values.append(found.level[1][0])
        errors.append(found.level_se[1][0])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)


def test_examination_is_estimated_from_clicks(replayed: Callable[..., ReplayBackend]) -> None:
    table = task_of("position-based", split={"fit": 0.8, "tune": 0.1, "confirm": 0.1})
    table["replay"]["slates"] = {"model": "position-based", "clicks": "click"}
    backend = replayed(table, log(7, 8_000))
    policy = backend._loaded.policy
    assert vars(policy)["_examination"] == pytest.approx(EXAMINED, abs=0.05)


def test_examination_from_few_clicks_is_said_to_be_uncertain(replayed: Callable[..., ReplayBackend]) -> None:
    """About 15 % of the slates have a click at position 3: 90 of 600, 180 of 1,200."""
    for slates, split in ((750, 0.8), (1_500, 0.8)):
        table = task_of("position-based", split={"fit": split, "tune": 0.1, "confirm": 0.1})
        table["replay"]["slates"] = {"model": "position-based", "clicks": "click"}
        rows = log(13, slates)
        clicks = sum(r["click"] for r in rows[: int(3 * slates * split)] if r["position"] == 3)
        said = [p for p in replayed(table, rows).check() if "taken as known" in p]
        assert len(said) == (clicks < 100)
        assert (clicks < 100) == (slates == 750)
        if said:
            assert f"position 3 is looked at is estimated from {clicks} click of the fit part" in said[0]


def test_examination_that_is_given_is_not_doubted(replayed: Callable[..., ReplayBackend]) -> None:
    problems = replayed(task_of("position-based"), log(13, 300)).check()
    assert not [p for p in problems if "taken as known" in p]


def test_a_slate_stays_in_one_part(replayed: Callable[..., ReplayBackend]) -> None:
    """Its rows' times overlap those of other slates."""
    rows = log(8, 300)
    for n, row in enumerate(rows):
        row["time"] = 1_700_000_000 + (37 * n) % 200
    parts = replayed(task_of("item-position"), rows)._loaded.parts
    slates = [set(part.log.slate.tolist()) for part in parts.values() if part.log.slate is not None]
    assert not slates[0] & slates[1]
    assert all(len(own) * 3 == part.log.rows for own, part in zip(slates, parts.values(), strict=True))


def test_linking_rows_changes_errors_and_not_values(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    rows, linked = log(9, 400), task_of("item-position")
    for n, row in enumerate(rows):
        row |= {"time": 1_700_000_000 + n // 3, "click": int(n // 3 % 2)}
    plain = {**linked, "replay": {**linked["replay"], "columns": {**COLUMNS}}}
    del plain["replay"]["columns"]["slate"], plain["replay"]["slates"]
    apart = observe(replayed(plain, rows), plain, {"w": -1.0})
    together = observe(replayed(linked, rows), linked, {"w": -1.0})
    assert together.level[1] == pytest.approx(apart.level[1])
    assert together.level_se[1][0] > 1.1 * apart.level_se[1][0]


def test_doubly_robust_estimates_take_slates_for_units(
    replayed: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    table = task_of("item-position", estimator="dr")
    found = observe(replayed(table, log(10, 5_000)), table, {"w": -1.0})
    for level, error, shown in zip(found.level, found.level_se, SHOWN.values(), strict=True):
        assert level[0] == pytest.approx(truth(shown), abs=3.5 * error[0])
    assert found.support["control"].units == 3000
