"""The real log that ships with the project, and the script that made it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, Config, Estimates

TASKS = Path(__file__).parents[2] / "tasks"
SIZES = {"all": 80, "men": 34, "women": 46}


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return tomllib.loads((TASKS / "open_bandit.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def backend(table: dict[str, Any]) -> ReplayBackend:
    return ReplayBackend(BackendContext(Task.model_validate(table), 1, TASKS))


def log() -> list[dict[str, str]]:
    with gzip.open(TASKS / "data" / "open_bandit.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_task_is_ready_to_run(backend: ReplayBackend) -> None:
    assert backend.check() == []


def test_the_shipped_log_is_the_random_policys() -> None:
    rows = log()
    assert len(rows) == 30_000
    assert {row["position"] for row in rows} == {"1", "2", "3"}
    for campaign, size in SIZES.items():
        own = [row for row in rows if row["campaign"] == campaign]
        assert len(own) == 10_000
        assert {float(row["propensity_score"]) for row in own} == {1 / size}
        assert {int(row["item_id"]) for row in own} == set(range(size))
    assert sum(int(row["click"]) for row in rows) == 130
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert "obp" in (TASKS / "data" / "NOTICE").read_text(encoding="utf-8")


def test_showing_all_items_alike_gets_the_logs_own_click_rate(
    backend: ReplayBackend, table: dict[str, Any], observe: Callable[..., Estimates]
) -> None:
    found = observe(backend, table, {"w_popularity": 0.0, "w_affinity": 0.0})
    clicks = [int(row["click"]) for row in log()[9_000:19_500]]
    assert found.level[1] == pytest.approx((np.mean(clicks), 1.0), rel=1e-12)
    assert found.level_se[1][0] == pytest.approx(np.std(clicks, ddof=1) / np.sqrt(len(clicks)), rel=1e-9)


def test_an_experiment_is_fast_and_its_answers_are_wide(
    backend: ReplayBackend, table: dict[str, Any], observe: Callable[..., Estimates]
) -> None:
    generator = np.random.default_rng(0)
    params = Task.model_validate(table).params
    changes = [{n: float(generator.uniform(p.low, p.high)) for n, p in params.items()} for _ in range(6)]
    observe(backend, table, {})  # reads the log
    before = time.process_time()
    found = observe(backend, table, *changes)
    assert time.process_time() - before < 1.0
    errors = np.sqrt(np.diag(np.array(found.covariance)))[0::2]
    assert errors.min() > 0.005
    assert len(found.lift) == 6


def test_a_model_of_few_clicks_does_not_widen_intervals(
    table: dict[str, Any], observe: Callable[..., Estimates]
) -> None:
    """31 clicks say next to nothing of 160 items; `popularity` is made of the same clicks."""
    errors = {}
    for estimator in ("snips", "dr"):
        own = {**table, "replay": {**table["replay"], "estimator": estimator}}
        backend = ReplayBackend(BackendContext(Task.model_validate(own), 1, TASKS))
        found = observe(backend, own, {"w_popularity": 0.45})
        errors[estimator] = found.covariance[0][0] ** 0.5
    assert errors["dr"] < 1.02 * errors["snips"]


def test_the_figures_of_the_guide(backend: ReplayBackend, table: dict[str, Any]) -> None:
    found = backend.baseline(1)
    production = Config(Task.model_validate(table).production)
    assert round(100 * found.level[0][0], 2) == 0.46  # type: ignore[operator]
    assert round(100 * found.level_se[0][0], 2) == 0.07
    assert round(100 * found.covariance[0][0] ** 0.5, 1) == 4.0
    se = found.covariance[0][0] ** 0.5
    shown = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)  # standard errors that the lift has to be
    assert [round(10_500 * (shown * se / lift) ** 2, -2) for lift in (0.1, 0.05)] == [10_200, 40_700]
    assert round(backend.diagnostics(production).effective, -1) == 9410
    top = {**table, "replay": {**table["replay"], "policy": "top", "min_ess": 1}}
    slates = ReplayBackend(BackendContext(Task.model_validate(top), 1, TASKS))
    assert round(slates.diagnostics(production).effective) == 208
    rows = [int(row["click"]) for row in log()]
    assert [sum(rows[:9_000]), sum(rows[9_000:19_500]), sum(rows[19_500:])] == [31, 50, 49]


def test_the_script_makes_the_same_bytes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script()
    wheel = small_wheel(tmp_path)
    monkeypatch.setattr(script, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        script.make(wheel, tmp_path / name)
        made.append(
            [(tmp_path / name / f).read_bytes() for f in ("open_bandit.csv.gz", "open_bandit_items.csv.gz")]
        )
    assert made[0] == made[1]
    assert gzip.decompress(made[0][0]).decode().splitlines() == [
        "timestamp,campaign,item_id,position,click,propensity_score,affinity",
        "2019-11-24T00:00:01.500Z,all,1,2,1,0.5,0:2;1:0.5",
        "2019-11-24T00:00:01.500Z,men,1,2,1,0.5,0:2;1:0.5",
        "2019-11-24T00:00:01.500Z,women,1,2,1,0.5,0:2;1:0.5",
    ]
    assert gzip.decompress(made[0][1]).decode().splitlines()[:2] == [
        "campaign,item_id,item_feature_0",
        "all,1,-0.250000",
    ]


def test_the_script_refuses_another_wheel(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="SHA-256 differs"):
        load_script().make(small_wheel(tmp_path), tmp_path)


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location("make_open_bandit", TASKS / "data" / "make_open_bandit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_wheel(folder: Path) -> Path:
    header = ",timestamp,item_id,position,click,propensity_score,user_feature_0"
    affinities = "user-item_affinity_0,user-item_affinity_1,user-item_affinity_2"
    row = "0,2019-11-24 00:00:01.500999+00:00,1,2,1,0.5,81ce,2.0,0.5,0.0"
    with zipfile.ZipFile(folder / "small.whl", "w") as archive:
        for campaign in SIZES:
            base = f"obp/dataset/obd/random/{campaign}"
            archive.writestr(f"{base}/{campaign}.csv", f"{header},{affinities}\n{row}\n")
            archive.writestr(f"{base}/item_context.csv", ",item_id,item_feature_0\n0,1,-0.25\n")
    return folder / "small.whl"
