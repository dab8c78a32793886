"""A small world whose log can be written, changed and replayed."""

from __future__ import annotations

import csv
import gzip
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, Estimates, ExperimentSpec

sys.path.append(str(Path(__file__).parent))

from slate_world import QUALITY

Rows = list[dict[str, Any]]
ITEMS = {"a": 5, "b": 3}
TASK: dict[str, Any] = {
    "dsl": 1,
    "task": {"name": "logged", "surface": "logged"},
    "signals": {
        "quality": {"kind": "item", "domain": [-10, 10]},
        "taste": {"kind": "item", "domain": [0, 10]},
        "evening": {"kind": "request"},
    },
    "stages": {
        "ranking": {
            "keep": 3,
            "terms": {"value": "w_quality * quality + w_taste * taste * (1 + evening)"},
            "score": "value / temperature",
            "params": {
                "w_quality": {"production": 0.0, "low": -2, "high": 2},
                "w_taste": {"production": 0.0, "low": -2, "high": 2},
                "temperature": {"production": 1.0, "low": 0.1, "high": 10, "scale": "log"},
            },
        }
    },
    "metrics": {
        "click_rate": {"kind": "proportion", "goal": "maximize"},
        "minutes_per_click": {"kind": "ratio", "numerator": "minutes", "denominator": "click_rate"},
        "coverage": {},
    },
    "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
    "confirm": {"users_per_arm": 10, "days": 1},
    "replay": {
        "log": "log.csv",
        "items": "items.csv",
        "min_ess": 1,
        "columns": {
            "time": "time",
            "item": "item",
            "propensity": "propensity",
            "position": "position",
            "pool": "pool",
        },
        "outcomes": {"click_rate": "click"},
        "signals": {
            "quality": {"item_column": "quality"},
            "taste": {"sparse": "tastes"},
            "evening": {"column": "evening"},
        },
    },
}


@pytest.fixture
def task_table() -> dict[str, Any]:
    """A task as a TOML file would give it, to be changed freely."""
    return deepcopy(TASK)


@pytest.fixture
def impressions() -> Callable[..., Rows]:
    return make_impressions


@pytest.fixture
def chances() -> Callable[..., dict[str, float]]:
    return softmax_of_text


@pytest.fixture
def write_rows() -> Callable[[Path, Sequence[Mapping[str, Any]]], None]:
    return write_csv


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Rows, name: str = "log.csv") -> Path:
        write_csv(tmp_path / name, rows)
        write_csv(tmp_path / "items.csv", items())
        return tmp_path

    return write


@pytest.fixture
def replay(tmp_path: Path, write_log: Callable[..., Path]) -> Callable[..., ReplayBackend]:
    """Make a backend for a task table, on rows if given, else on what lies in the folder."""

    def make(table: Mapping[str, Any], rows: Rows | None = None) -> ReplayBackend:
        folder = write_log(rows) if rows is not None else tmp_path
        return ReplayBackend(BackendContext(Task.model_validate(table), 7, folder))

    return make


@pytest.fixture
def replayed(tmp_path: Path) -> Callable[..., ReplayBackend]:
    """Make a backend on a log of the world of slates."""

    def make(table: Mapping[str, Any], rows: Rows) -> ReplayBackend:
        write_csv(tmp_path / "items.csv", [{"item": i, "quality": q} for i, q in QUALITY.items()])
        write_csv(tmp_path / "log.csv", rows)
        return ReplayBackend(BackendContext(Task.model_validate(table), 1, tmp_path))

    return make


@pytest.fixture
def observe() -> Callable[..., Estimates]:
    """Run one experiment with control and the given configs, as changes to production."""

    def run(
        backend: ReplayBackend,
        table: Mapping[str, Any],
        *changes: Mapping[str, float],
        purpose: Any = "explore",
    ) -> Estimates:
        production = Task.model_validate(table).production
        arms = [Arm("control", Config(production))]
        arms += [Arm(f"r1p{n}", Config({**production, **change})) for n, change in enumerate(changes, 1)]
        start = datetime(2026, 1, 1, tzinfo=UTC)
        spec = ExperimentSpec(f"key-{purpose}", purpose, "logged", tuple(arms), 10, 1, start, "salt")
        found = backend.observe(
            backend.create(spec, f"{purpose}-{changes}"), datetime(2026, 1, 2, tzinfo=UTC)
        )
        assert isinstance(found, Estimates)
        return found

    return run


def items() -> Rows:
    return [
        {"item": f"{pool}{n}", "pool": pool, "quality": round(np.sin(3.0 * n + len(pool)), 3), "topic": n % 2}
        for pool, count in ITEMS.items()
        for n in range(count)
    ]


def softmax_of_text(row: Mapping[str, Any], arm: Mapping[str, float]) -> dict[str, float]:
    """P(item) under the softmax of the test task, from the text of the log."""
    tastes = dict(entry.split(":") for entry in row["tastes"].split(";") if entry)
    scores = {}
    for n in range(ITEMS[row["pool"]]):
        item = f"{row['pool']}{n}"
        value = arm["w_quality"] * round(math.sin(3.0 * n + 1), 3)
        value += arm["w_taste"] * float(tastes.get(item, 0)) * (1 + row["evening"])
        scores[item] = math.exp(value / arm["temperature"])
    return {item: score / sum(scores.values()) for item, score in scores.items()}


def make_impressions(count: int, seed: int = 1, uniform: bool = False) -> Rows:
    """A log of a random policy, uniform or with an item's own fixed chance; clicks prefer item 1."""
    generator = np.random.default_rng(seed)
    rows: Rows = []
    for n in range(count):
        pool = "a" if generator.random() < 0.6 else "b"
        size = ITEMS[pool]
        chance = np.ones(size) if uniform else 1.0 + np.arange(size)
        chance = chance / chance.sum()
        item = int(generator.choice(size, p=chance))
        click = int(generator.random() < 0.2 + 0.3 * (item == 1))
        liked = generator.choice(size, 2, replace=False) if generator.random() < 0.5 else []
        rows.append(
            {
                "time": 1_700_000_000 + 60 * n,
                "pool": pool,
                "item": f"{pool}{item}",
                "position": int(generator.integers(1, 4)),
                "propensity": float(chance[item]),
                "click": click,
                "minutes": round(float(click * generator.exponential(3)), 3),
                "evening": int(generator.random() < 0.4),
                "tastes": ";".join(f"{pool}{i}:{1 + i % 3}" for i in sorted(liked)),
            }
        )
    return rows


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
