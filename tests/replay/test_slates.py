"""Slates: estimates against slow computations, and against the truth of worlds that fit one model or none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog.policy import examined_until
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, Estimates
from rectune_dsl.hooks.errors import BackendError

ITEMS = "abcd"
QUALITY = dict(zip(ITEMS, (0.9, 0.4, 0.1, 0.7), strict=True))
WORTH = dict(zip(ITEMS, (0.6, 0.5, 0.3, 0.8), strict=True))
EXAMINED = (1.0, 0.6, 0.3)
SLATES = ["".join(slate) for slate in itertools.permutations(ITEMS, 3)]
_PULL = {slate: math.exp(0.8 * WORTH[slate[0]] + 0.5 * QUALITY[slate[2]]) for slate in SLATES}
LOGGED = {slate: pull / sum(_PULL.values()) for slate, pull in _PULL.items()}
"""P(slate) of the policy that logs."""
AT = {
    (item, k): sum(p for slate, p in LOGGED.items() if slate[k] == item) for item in ITEMS for k in range(3)
}
"""P(item at position) of the policy that logs."""
SHOWN = {"production": "adb", "arm": "cbd"}
"""What w = 1 and w = -1 show: three of the items, by quality."""
TASK: dict[str, Any] = {
    "dsl": 1,
    "task": {"name": "slates", "surface": "slates"},
    "signals": {"quality": {"kind": "item", "domain": [0, 1]}},
    "stages": {
        "ranking": {
            "keep": 3,
            "score": "w * quality",
            "params": {"w": {"production": 1.0, "low": -1, "high": 1}},
        }
    },
    "metrics": {"click": {"kind": "proportion", "goal": "maximize"}},
    "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
    "confirm": {"users_per_arm": 10, "days": 1},
    "replay": {
        "log": "log.csv",
        "items": "items.csv",
        "policy": "top",
        "min_ess": 1,
        "split": {"fit": 0.2, "tune": 0.6, "confirm": 0.2},
        "signals": {"quality": {"item_column": "quality"}},
    },
}
COLUMNS = {"time": "time", "item": "item", "propensity": "p", "position": "position", "slate": "slate"}
MODELS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "item-position": ({}, {}),
    "position-based": ({"propensities": "each"}, {"examination": list(EXAMINED)}),
    "standard": ({"slate_propensity": "whole"}, {}),
}
Rows = list[dict[str, Any]]


def task_of(model: str, **replay: Any) -> dict[str, Any]:
    columns, own = MODELS[model]
    more = {"columns": {**COLUMNS, **columns}, "slates": {"model": model, **own}}
    return {**TASK, "replay": {**TASK["replay"], **more, **replay}}


def log(seed: int, slates: int, jealous: bool = False) -> Rows:
    """Clicks follow the position-based model; `jealous`: an item is not clicked below one of higher worth."""
    generator, rows = np.random.default_rng([seed, slates]), []
    for n, draw in enumerate(generator.choice(len(SLATES), slates, p=list(LOGGED.values()))):
        slate = SLATES[draw]
        for k, item in enumerate(slate):
            rows.append(
                {
                    "time": 1_700_000_000 + 10 * n + int(generator.integers(0, 9)),
                    "slate": f"s{n}",
                    "position": k + 1,
                    "item": item,
                    "p": AT[item, k],
                    "each": ";".join(repr(AT[item, at]) for at in range(3)),
                    "whole": LOGGED[slate],
                    "click": int(generator.random() < clicked(slate, k, jealous)),
                }
            )
    return rows


def clicked(slate: str, k: int, jealous: bool) -> float:
    outshone = jealous and any(WORTH[above] > WORTH[slate[k]] for above in slate[:k])
    return 0.0 if outshone else EXAMINED[k] * WORTH[slate[k]]


def truth(slate: str, jealous: bool = False) -> float:
    """Clicks per impression where everybody is shown this slate."""
    return sum(clicked(slate, k, jealous) for k in range(3)) / 3


@pytest.fixture
def replayed(tmp_path: Path, write_rows: Callable[..., None]) -> Callable[..., ReplayBackend]:
    def make(table: dict[str, Any], rows: Rows) -> ReplayBackend:
        write_rows(tmp_path / "items.csv", [{"item": i, "quality": q} for i, q in QUALITY.items()])
        write_rows(tmp_path / "log.csv", rows)
        return ReplayBackend(BackendContext(Task.model_validate(table), 1, tmp_path))

    return make


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


@pytest.mark.parametrize(
    ("model", "row", "change", "message"),
    [
        ("item-position", 1, {"position": 1}, "slate 's0' does not have each of its positions once"),
        ("item-position", 2, {"position": 4}, "slate 's0' does not have each of its positions once"),
        ("item-position", 2, {"slate": "other"}, "slate 's0' does not have|slate 'other' does not have"),
        ("standard", 1, {"whole": 0.5}, "slate 's0' has slate_propensity 0.5"),
        ("position-based", 1, {"each": "0.2;x"}, "'0.2;x' is no list of propensities"),
        ("position-based", 0, {"each": "0.9;0.1;0.1"}, "say 0.9 of position 1, and the propensity there is"),
        ("position-based", 2, {"each": "0.9;0.1"}, "say 0 of position 3"),
    ],
)
def test_slates_that_cannot_be_are_refused(
    replayed: Callable[..., ReplayBackend], model: str, row: int, change: dict[str, Any], message: str
) -> None:
    rows = log(11, 60)
    rows[row] |= change
    with pytest.raises(BackendError, match=message) as error:
        replayed(task_of(model), rows).baseline(1)
    assert error.value.help


def test_a_slate_of_two_pools_is_refused(replayed: Callable[..., ReplayBackend]) -> None:
    table, rows = task_of("item-position"), [row | {"pool": "x"} for row in log(11, 60)]
    table["replay"] = {**table["replay"], "columns": {**table["replay"]["columns"], "pool": "pool"}}
    rows[4]["pool"] = "y"
    with pytest.raises(BackendError, match="slate 's1' has items of several pools"):
        replayed(table, rows).baseline(1)


def test_examination_must_reach_as_deep_as_the_slates(replayed: Callable[..., ReplayBackend]) -> None:
    table = task_of("position-based", slates={"model": "position-based", "examination": [1.0, 0.5]})
    with pytest.raises(BackendError, match="slates have 3 positions, and examination is known of 2"):
        replayed(table, log(12, 60)).baseline(1)


def test_examination_without_clicks_cannot_be_estimated(replayed: Callable[..., ReplayBackend]) -> None:
    table = task_of("position-based", slates={"model": "position-based", "clicks": "click"})
    rows = [row | {"click": int(row["position"] == 1)} for row in log(12, 200)]
    with pytest.raises(BackendError, match="the fit part has no click at position 2") as error:
        replayed(table, rows).baseline(1)
    assert "write examination" in str(error.value.help)


@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=6),
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.integers(1, 8),
)
def test_looks_are_shared_among_the_positions_that_are_shown(
    examination: list[float], last: list[int], width: int
) -> None:
    ends = np.minimum(np.array(last), len(examination))
    shares = examined_until(ends, np.array(examination), width)
    for end, row in zip(ends, shares, strict=True):
        given = np.array(examination[:end])
        expected = np.zeros(width)
        expected[: min(end, width)] = (given / given.sum())[:width]
        assert row == pytest.approx(expected)
