from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog.reach import least_certain, reference_configs
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import (
    Arm,
    BackendContext,
    BaselineBackend,
    Config,
    Estimates,
    ExperimentSpec,
    FormulaFunction,
    PanelBackend,
)
from rectune_dsl.hooks.errors import BackendError

Make = Callable[..., ReplayBackend]
Rows = Callable[..., Any]
START = datetime(2026, 1, 1, tzinfo=UTC)


def spec_of(task_table: dict[str, Any]) -> ExperimentSpec:
    production = Config(Task.model_validate(task_table).production)
    arms = (Arm("control", production), Arm("r1p1", Config({**production.values, "w_quality": 0.5})))
    return ExperimentSpec("key", "explore", "logged", arms, 10, 2, START, "salt")


def test_it_says_what_it_can_do(task_table: dict[str, Any], replay: Make) -> None:
    backend = replay(task_table)  # there is no log yet: nothing is read
    can = backend.capabilities()
    assert not can.serves
    assert (can.virtual_time, can.randomises, can.real_traffic, can.population) == (True, False, False, None)
    assert {"click_rate", "minutes_per_click", "coverage", "minutes"} <= set(can.metrics)
    assert can.signals == ("quality", "taste", "evening")
    assert "30% of it fit signals, the next 35% tune, the last 35% confirm" in can.description
    assert isinstance(backend, PanelBackend)
    assert isinstance(backend, BaselineBackend)


def test_every_call_may_be_repeated(task_table: dict[str, Any], impressions: Rows, replay: Make) -> None:
    backend, spec = replay(task_table, impressions(400)), spec_of(task_table)
    experiment = backend.create(spec, "key")
    assert backend.create(spec, "key") == experiment
    for _ in range(2):
        backend.start(experiment)
        backend.set_exposure(experiment, 1.0)
        backend.set_exposure(experiment, 0.0, "r1p1")
        backend.stop(experiment, "done")
    early = backend.observe(experiment, START)
    late = backend.observe(experiment, START + timedelta(days=9))
    assert early.lift == late.lift
    assert late.as_of == START + timedelta(days=9)
    again = replay(task_table)
    assert again.observe(again.create(spec, "key"), START) == early


def test_an_unknown_experiment_is_an_error(task_table: dict[str, Any], replay: Make) -> None:
    with pytest.raises(BackendError, match="no experiment 'x'"):
        replay(task_table).observe("x", START)


def test_delivering_serves_nobody_and_can_be_undone(
    task_table: dict[str, Any], impressions: Rows, replay: Make
) -> None:
    backend = replay(task_table, impressions(400))
    before = backend.baseline(1)
    backend.rollback()
    for quality in (1.0, 1.0, 0.5):
        backend.deliver(Config({"w_quality": quality}))
    for _ in range(2):
        backend.rollback()
    assert backend.baseline(1) == before


def test_a_confirmation_sees_other_impressions_than_the_search(
    task_table: dict[str, Any], impressions: Rows, replay: Make, observe: Callable[..., Estimates]
) -> None:
    rows = impressions(400)
    explored = observe(replay(task_table, rows), task_table, {"w_quality": 1.0})
    for row in rows[260:]:
        row |= {"click": 1, "minutes": 1}
    changed = replay(task_table, rows)
    assert observe(changed, task_table, {"w_quality": 1.0}) == explored
    assert observe(changed, task_table, {"w_quality": 1.0}, purpose="confirm").level[0][0] == pytest.approx(1)


def test_the_baseline_does_not_look_at_the_confirm_part(
    task_table: dict[str, Any], impressions: Rows, replay: Make
) -> None:
    rows = impressions(400)
    before = replay(task_table, rows).baseline(3)
    assert before.arms == ("reference",)
    assert None not in before.lift[0]
    assert np.diag(np.array(before.covariance)).min() > 0
    for row in rows[260:]:
        row |= {"click": 1, "minutes": 1}
    assert replay(task_table, rows).baseline(3) == before


def test_references_move_one_param_a_fifth_of_its_range_within_its_bounds(task_table: dict[str, Any]) -> None:
    params = task_table["stages"]["ranking"]["params"]
    params["w_taste"] = {"production": 1.9, "low": -2, "high": 2}
    params["count"] = {"production": 3, "low": 3, "high": 13, "type": "int"}
    task = Task.model_validate(task_table)
    moved = [
        {name: value for name, value in config.values.items() if value != task.production[name]}
        for config in reference_configs(task)
    ]
    assert moved == [
        {"w_quality": pytest.approx(-0.8)},
        {"w_quality": pytest.approx(0.8)},
        {"w_taste": pytest.approx(1.1)},
        {"w_taste": pytest.approx(2)},
        {"temperature": pytest.approx(10**-0.4)},
        {"temperature": pytest.approx(10**0.4)},
        {"count": 5.0},
    ]


def test_the_baseline_is_the_reference_the_log_shows_least_certainly(
    task_table: dict[str, Any], impressions: Rows, replay: Make, observe: Callable[..., Estimates]
) -> None:
    backend, task = replay(task_table, impressions(400)), Task.model_validate(task_table)
    changes = [config.values for config in reference_configs(task)]
    every = observe(backend, task_table, *changes)
    worst = least_certain(every, task)
    errors = [every.covariance[3 * arm][3 * arm] for arm in range(len(changes))]
    assert errors[worst] == max(errors)
    assert backend.baseline(1).lift[0] == every.lift[worst]
    assert backend.baseline(1).covariance[0][0] == pytest.approx(max(errors))


def test_diagnostics_of_the_logging_policy_are_perfect(
    task_table: dict[str, Any], impressions: Rows, replay: Make
) -> None:
    backend = replay(task_table, impressions(400, uniform=True))
    found = backend.diagnostics(Config({"w_quality": 0.0, "w_taste": 0.0, "temperature": 1.0}), "confirm")
    assert (found.units, found.unit, found.clipped) == (140, "impressions", 0.0)
    assert (found.unlogged, found.rare) == (0.0, 0.0)
    assert found.effective == pytest.approx(140)
    assert found.mean == pytest.approx(1)
    assert found.largest == pytest.approx(1)
    assert found.share == pytest.approx(10 / 140)


def test_parquet_gives_the_estimates_of_csv(
    task_table: dict[str, Any], impressions: Rows, replay: Make, tmp_path: Path
) -> None:
    plain = replay(task_table, impressions(400)).baseline(1)
    for name in ("log", "items"):
        table = pyarrow.csv.read_csv(tmp_path / f"{name}.csv")
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
        (tmp_path / f"{name}.csv").unlink()
    task_table["replay"] |= {"log": "log.parquet", "items": "items.parquet"}
    backend = replay(task_table)
    assert backend.check() == []
    assert backend.baseline(1) == plain


def test_a_log_without_items_file_pools_or_positions_can_be_replayed(
    task_table: dict[str, Any], impressions: Rows, replay: Make, write_log: Callable[..., Path]
) -> None:
    rows = [
        {key: row[key] for key in ("time", "item", "propensity", "click", "minutes", "tastes", "evening")}
        for row in impressions(400)
        if row["pool"] == "a"
    ]
    del task_table["replay"]["items"], task_table["signals"]["quality"]
    del task_table["replay"]["signals"]["quality"]
    task_table["stages"]["ranking"]["terms"] = {"value": "(w_quality + w_taste) * taste * (1 + evening)"}
    task_table["replay"]["columns"] = {"time": "time", "item": "item", "propensity": "propensity"}
    backend = replay(task_table, rows)
    assert backend.check() == []
    assert backend.panel(5).items.tolist() == [[0, 1, 2, 3, 4]] * 5
    assert None not in backend.baseline(1).lift[0]


def test_a_deterministic_policy_matches_the_item_at_its_position(
    task_table: dict[str, Any], impressions: Rows, replay: Make, observe: Callable[..., Estimates]
) -> None:
    rows = impressions(2000, uniform=True)
    task_table["replay"]["policy"] = "top"
    task_table["stages"]["ranking"]["params"]["w_quality"]["production"] = 1.0
    backend = replay(task_table, rows)
    assert backend.check() == []
    level = observe(backend, task_table, {"w_quality": -1.0}).level[0]
    quality = {
        f"{p}{n}": round(math.sin(3.0 * n + 1), 3) for p, c in {"a": 5, "b": 3}.items() for n in range(c)
    }
    best = {p: sorted((i for i in quality if i[0] == p), key=lambda i: -quality[i]) for p in "ab"}
    hits = [row for row in rows[600:1300] if best[row["pool"]][row["position"] - 1] == row["item"]]
    weight = [1 / row["propensity"] for row in hits]
    clicks = sum(w * row["click"] for w, row in zip(weight, hits, strict=True))
    assert level[0] == pytest.approx(clicks / sum(weight))


def test_diversity_keys_come_from_the_items_file(
    task_table: dict[str, Any], impressions: Rows, replay: Make
) -> None:
    task_table["replay"]["policy"] = "top"
    task_table["stages"]["ranking"]["diversity"] = {"by": "topic", "max_per_key": 2}
    backend = replay(task_table, impressions(400))
    assert backend.check() == []
    assert backend.capabilities().keys == ("topic",)
    panel = backend.panel(50)
    assert panel.keys["topic"].shape == panel.items.shape
    assert None not in backend.baseline(1).level[0]


def test_formulas_may_call_a_plugins_functions(
    task_table: dict[str, Any], impressions: Rows, write_log: Callable[..., Path]
) -> None:
    signature = Signature(1, 1, "")
    table = {**task_table, "stages": {"ranking": {**task_table["stages"]["ranking"], "score": "same(value)"}}}
    task = Task.model_validate(table, context={"functions": {"same": signature}})
    same = FormulaFunction("same", 1, lambda x: x, "its argument")
    folder = write_log(impressions(400))
    called = ReplayBackend(BackendContext(task, 7, folder, {"same": same})).baseline(1)
    task_table["stages"]["ranking"]["score"] = "value"
    plain = ReplayBackend(BackendContext(Task.model_validate(task_table), 7, folder)).baseline(1)
    assert called.level[0] == plain.level[0]
