"""Replay keeps what applies of the backends' contract: nobody is assigned and nobody is served."""

from __future__ import annotations

import csv
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, Estimates, ExperimentSpec
from rectune_dsl.testing.backend_contract import BackendContract, Rig

TASK = """
dsl = 1
[task]
name = "logged"
surface = "feed"
[signals]
quality = { kind = "item", domain = [-1, 1] }
[stages.ranking]
keep = 1
score = "w * quality"
[stages.ranking.params]
w = { production = 0.0, low = -2.0, high = 2.0 }
[metrics]
clicks = { goal = "maximize" }
minutes = {}
[experiment]
backend = "replay"
users_per_arm = 10
days = 3
[confirm]
users_per_arm = 10
days = 3
[replay]
log = "log.csv"
items = "items.csv"
estimator = "snips"
min_ess = 10
columns = { time = "time", item = "item", propensity = "propensity" }
signals = { quality = { item_column = "quality" } }
"""
QUALITY = np.array([-0.75, -0.25, 0.5, 1.0])
ROWS = 600
WEIGHTS = (0.0, 0.5, -1.0)
METRICS = ("clicks", "minutes")


class ReplayRig(Rig):
    """A log of items that were shown uniformly at random."""

    tolerance = 1e-5  # the funnel's scores are float32

    def __init__(self, folder: Path, make: type[ReplayBackend] = ReplayBackend) -> None:
        self._folder, self._make = folder, make
        self._task = Task.model_validate(tomllib.loads(TASK))
        names = ("control", "better", "worse")
        arms = [Arm(name, Config({"w": w})) for name, w in zip(names, WEIGHTS, strict=True)]
        start = datetime(2026, 1, 5, tzinfo=UTC)
        self.spec = ExperimentSpec("key", "explore", "feed", tuple(arms), 10, 3, start, "salt")
        random = np.random.default_rng(1)
        self._items = random.integers(0, len(QUALITY), ROWS)
        clicks = (random.random(ROWS) < 0.3 + 0.2 * QUALITY[self._items]).astype(float)
        self._outcomes = np.array([clicks, clicks * random.integers(1, 9, ROWS)])
        log = enumerate(zip(self._items, *self._outcomes, strict=True))
        rows = [[1_700_000_000 + 60 * at, item, 1 / len(QUALITY), *values] for at, (item, *values) in log]
        _write(folder / "log.csv", ["time", "item", "propensity", *METRICS], rows)
        _write(folder / "items.csv", ["item", "quality"], list(enumerate(QUALITY)))

    def backend(self) -> ReplayBackend:
        return self._make(BackendContext(self._task, 1, self._folder))

    def recount(self, experiment: str, as_of: datetime) -> Estimates:
        """Lifts as functions of means over the tune part's impressions, with the delta method's errors: the
        gradient of each times the covariance matrix of all means."""
        tune = slice(int(0.3 * ROWS), int(0.65 * ROWS))
        items, outcomes = self._items[tune], self._outcomes[:, tune]
        chances = [np.exp(w * QUALITY) / np.exp(w * QUALITY).sum() for w in WEIGHTS]
        weights = [chance[items] * len(QUALITY) for chance in chances]
        # per arm: the weight, and the weight times each outcome; (arms * 3, rows)
        terms = np.vstack([[weight, *(weight * outcomes)] for weight in weights])
        means, errors = terms.mean(axis=1), np.cov(terms) / items.size
        level = [[means[3 * arm + 1 + m] / means[3 * arm] for m in range(2)] for arm in range(3)]
        slopes = np.array([_level_slope(means, arm, m) for arm in range(3) for m in range(2)])
        lift = [[level[arm][m] / level[0][m] - 1 for m in range(2)] for arm in (1, 2)]
        of_lifts = np.array(
            [
                (slopes[2 * arm + m] - (1 + lift[arm - 1][m]) * slopes[m]) / level[0][m]
                for arm in (1, 2)
                for m in range(2)
            ]
        )
        level_se = np.sqrt(np.diag(slopes @ errors @ slopes.T)).reshape(3, 2)
        return Estimates(
            as_of=as_of,
            arms=("better", "worse"),
            metrics=METRICS,
            lift=tuple(map(tuple, lift)),
            covariance=tuple(map(tuple, of_lifts @ errors @ of_lifts.T)),
            level=tuple(map(tuple, level)),
            level_se=tuple(map(tuple, level_se)),
            effective_n=(),
        )


def _level_slope(means: np.ndarray, arm: int, metric: int) -> np.ndarray:
    """Of sum(weight * outcome) / sum(weight), with respect to all means."""
    found = np.zeros(means.size)
    below, above = means[3 * arm], means[3 * arm + 1 + metric]
    found[3 * arm], found[3 * arm + 1 + metric] = -above / below**2, 1 / below
    return found


def _write(path: Path, names: list[str], rows: list) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])


class TestReplay(BackendContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> ReplayRig:
        return ReplayRig(tmp_path)
