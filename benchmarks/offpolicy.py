"""Do off-policy estimates keep what they promise? Logs of made-up worlds, replayed, beside the truth.

    python benchmarks/offpolicy.py --json

Every log is drawn anew, written to a file and replayed as a user's would be. Of the lift of one arm over
production each figure tells, over all logs, how far the mean estimate is from the truth (in standard
deviations of an estimate), how often the 95 % interval holds it, and how large the root mean squared error is
beside that of plain inverse propensities, or of the standard slate model.

- rows: ten items. The reward model is right; or fitted on clicks that mean the opposite; or right, and the
  logged propensities are not.
- slates: three of four items. Clicks follow the position-based model; or an item outshines those below it,
  and no click model but the standard one is right.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

import numpy as np
from numpy.typing import NDArray
from speed.figures import Figure, installed

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Arm, BackendContext, Config, ExperimentSpec

SEEDS, QUICK_SEEDS = 500, 40
START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS, SLATES = 2_000, 1_000
"""Rows and slates of a log; the tune part, on which arms are estimated, has a quarter and three fifths."""
LEVEL, Z = 0.95, 1.959963984540054
SLACK, BIAS, CHANCE = 0.02, 0.1, 3.5
"""How far coverage may be from its level, and a mean from the truth in standard deviations; and both in
standard errors beyond that, as there are only so many logs."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way to estimate: keys of [replay], and more columns. `right`: whether what it assumes holds."""

    name: str
    keys: Mapping[str, Any]
    columns: Mapping[str, str]
    right: bool = True


@dataclass(frozen=True)
class Study:
    """A world: its log by seed, its items, the config of the arm, the true lift. The first of the `ways` is
    what the others' errors are compared with; `narrower` of them have to be better."""

    name: str
    log: Callable[[int], list[Row]]
    items: Mapping[str, float]
    replay: Mapping[str, Any]
    arm: float
    lift: float
    ways: tuple[Way, ...]
    narrower: tuple[str, ...] = ()

    def table(self, way: Way) -> dict[str, Any]:
        columns = {"time": "time", "item": "item", "propensity": "p", **way.columns}
        signals = {"place": {"item_column": "place"}}
        files = {"log": "log.csv", "items": "items.csv", "min_ess": 1}
        params = {"w": {"production": 1.0 if "policy" in self.replay else 0.0, "low": -1, "high": 1}}
        return {
            "dsl": 1,
            "task": {"name": "world", "surface": "world"},
            "signals": {"place": {"kind": "item", "domain": [0, 10]}},
            "stages": {"ranking": {"keep": 3, "score": "w * place", "params": params}},
            "metrics": {"click": {"kind": "proportion", "goal": "maximize"}},
            "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
            "confirm": {"users_per_arm": 10, "days": 1},
            "replay": {**files, **self.replay, **way.keys, "columns": columns, "signals": signals},
        }


# --- rows ----------------------------------------------------------------------------------------

ITEMS = 10
WORTH = np.linspace(0.05, 0.95, ITEMS)
LOGGING = np.exp(-0.2 * np.arange(ITEMS)) / np.exp(-0.2 * np.arange(ITEMS)).sum()
ARM = 0.4


def rows_log(seed: int, *, misled: bool = False, wrong: bool = False) -> list[Row]:
    """`misled`: in the half that models are fitted on, clicks mean the opposite. `wrong`: the logged
    propensities are those of a policy that prefers the same items half as much."""
    generator = np.random.default_rng([seed, 1])
    item = generator.choice(ITEMS, ROWS, p=LOGGING)
    opposite = misled & (np.arange(ROWS) < ROWS // 2)
    click = generator.random(ROWS) < np.where(opposite, 1 - WORTH[item], WORTH[item])
    told = np.sqrt(LOGGING) / np.sqrt(LOGGING).sum() if wrong else LOGGING
    return [
        {"time": 1_700_000_000 + n, "item": f"i{i}", "p": told[i], "click": int(c)}
        for n, (i, c) in enumerate(zip(item, click, strict=True))
    ]


def _rows_studies() -> list[Study]:
    policy = np.exp(ARM * np.arange(ITEMS))
    lift = float(policy / policy.sum() @ WORTH / WORTH.mean() - 1)
    items = {f"i{i}": float(i) for i in range(ITEMS)}
    halves = {"split": {"fit": 0.5, "tune": 0.25, "confirm": 0.25}}

    def ways(weights: bool) -> tuple[Way, ...]:
        plain = [Way(name, {"estimator": name}, {}, weights) for name in ("ips", "snips")]
        return (*plain, Way("dr", {"estimator": "dr"}, {}))

    def study(name: str, log: Callable[[int], list[Row]], weights: bool, narrower: tuple[str, ...]) -> Study:
        return Study(name, log, items, halves, ARM, lift, ways(weights), narrower)

    return [
        study("rows, model right", rows_log, True, ("dr",)),
        study("rows, model wrong", lambda seed: rows_log(seed, misled=True), True, ()),
        # the item's own effect is all there is, so the model is right whatever the weights
        study("rows, propensities wrong", lambda seed: rows_log(seed, wrong=True), False, ("dr",)),
    ]


# --- slates --------------------------------------------------------------------------------------

PLACES = dict(zip("abcd", (0.9, 0.4, 0.1, 0.7), strict=True))
VALUE = dict(zip("abcd", (0.6, 0.5, 0.3, 0.8), strict=True))
EXAMINED = (1.0, 0.6, 0.3)
ORDERS = ["".join(order) for order in itertools.permutations("abcd", 3)]
_PULL = np.exp([0.8 * VALUE[order[0]] + 0.5 * PLACES[order[2]] for order in ORDERS])
CHANCES = _PULL / _PULL.sum()
AT = {
    (item, k): float(sum(p for order, p in zip(ORDERS, CHANCES, strict=True) if order[k] == item))
    for item in "abcd"
    for k in range(3)
}


def clicked(order: str, k: int, outshone: bool) -> float:
    if outshone and any(VALUE[above] > VALUE[order[k]] for above in order[:k]):
        return 0.0
    return EXAMINED[k] * VALUE[order[k]]


def slates_log(seed: int, *, outshone: bool) -> list[Row]:
    generator, rows = np.random.default_rng([seed, 2]), []
    for n, draw in enumerate(generator.choice(len(ORDERS), SLATES, p=CHANCES)):
        for k, item in enumerate(ORDERS[draw]):
            click = generator.random() < clicked(ORDERS[draw], k, outshone)
            each = ";".join(repr(AT[item, at]) for at in range(3))
            row = {"time": 1_700_000_000 + n, "slate": n, "position": k + 1, "item": item, "p": AT[item, k]}
            rows.append({**row, "each": each, "whole": CHANCES[draw], "click": int(click)})
    return rows


def _slates_study(name: str, outshone: bool) -> Study:
    worth = [sum(clicked(order, k, outshone) for k in range(3)) for order in ("cbd", "adb")]
    linked = {"slate": "slate", "position": "position"}
    examined = {"model": "position-based", "examination": list(EXAMINED)}
    ways = (
        Way("standard", {"slates": {"model": "standard"}}, {**linked, "slate_propensity": "whole"}),
        Way("item-position", {"slates": {"model": "item-position"}}, linked, not outshone),
        Way("position-based", {"slates": examined}, {**linked, "propensities": "each"}, not outshone),
    )
    replay = {"policy": "top", "estimator": "ips", "split": {"fit": 0.2, "tune": 0.6, "confirm": 0.2}}
    better = () if outshone else ("item-position", "position-based")
    return Study(
        name,
        lambda seed: slates_log(seed, outshone=outshone),
        PLACES,
        replay,
        -1.0,
        worth[0] / worth[1] - 1,
        ways,
        better,
    )


# --- the study -----------------------------------------------------------------------------------


def main() -> None:
    arguments = _arguments()
    seeds = min(arguments.seeds, QUICK_SEEDS) if arguments.quick else arguments.seeds
    studies = [
        *_rows_studies(),
        _slates_study("slates, position-based", outshone=False),
        _slates_study("slates, outshone", outshone=True),
    ]
    figures = [figure for study in studies for figure in _figures(study, seeds)]
    if arguments.json:
        setup = {"seeds": seeds, "rows": ROWS, "slates": SLATES, "python": platform.python_version()}
        setup |= {name: installed(name) for name in ("rectune", "numpy")}
        print(json.dumps({"setup": setup, "figures": [f.as_json() for f in figures]}, indent=2))
        return
    for figure in figures:
        print(f"{figure.name}: {figure.value} {figure.unit} (goal {figure.goal}): {figure.ok}")


def _figures(study: Study, seeds: int) -> list[Figure]:
    found = _replayed(study, seeds)
    first = _rmse(found[study.ways[0].name][0], study.lift)
    return [f for way in study.ways for f in _of_way(study, way, *found[way.name], first)]


def _replayed(study: Study, seeds: int) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """By way, the lifts and their standard errors, (seeds,) each."""
    tasks = {way.name: Task.model_validate(study.table(way)) for way in study.ways}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "items.csv", [{"item": item, "place": place} for item, place in study.items.items()])
        for seed in range(seeds):
            _write(folder / "log.csv", study.log(seed))
            for way, task in tasks.items():
                found[way].append(_lift(task, folder, study.arm))
    return {way: (np.array(pairs)[:, 0], np.array(pairs)[:, 1]) for way, pairs in found.items()}


def _lift(task: Task, folder: Path, arm: float) -> tuple[float, float]:
    arms = (Arm(CONTROL, Config(task.production)), Arm("arm", Config({"w": arm})))
    backend = ReplayBackend(BackendContext(task, 1, folder))
    spec = ExperimentSpec("key", "explore", "world", arms, 10, 1, START, "salt")
    estimates = backend.observe(backend.create(spec, "key"), START)
    lift = estimates.lift[0][0]
    assert lift is not None, estimates.missing
    return lift, math.sqrt(estimates.covariance[0][0])


def _of_way(
    study: Study,
    way: Way,
    lifts: NDArray[np.float64],
    errors: NDArray[np.float64],
    first: float,
) -> list[Figure]:
    """Goals are set where what the way assumes holds; elsewhere figures show what becomes of it."""
    name, count = f"{study.name}, {way.name}", len(lifts)
    # a lift is a quotient: its mean is off by the order of its variance, which is no fault of the weights
    bias = float((lifts.mean() - study.lift) / lifts.std(ddof=1))
    most = BIAS + CHANCE / math.sqrt(count)
    held = float(np.mean(np.abs(lifts - study.lift) <= Z * errors))
    room = SLACK + CHANCE * math.sqrt(LEVEL * (1 - LEVEL) / count)
    ratio = _rmse(lifts, study.lift) / first
    better = way.name in study.narrower
    return [
        _figure(f"{name}: bias", bias, "sd", f"± {most:.3f}", abs(bias) <= most, way.right),
        _figure(
            f"{name}: coverage",
            held,
            "of 95 % intervals",
            f"{LEVEL} ± {room:.3f}",
            abs(held - LEVEL) <= room,
            way.right,
        ),
        _figure(f"{name}: error beside {study.ways[0].name}", ratio, "ratio", "< 1", ratio < 1, better),
    ]


def _figure(name: str, value: float, unit: str, goal: str, reached: bool, asked: bool) -> Figure:
    return Figure(name, round(value, 3), unit, goal if asked else "none", reached or not asked)


def _rmse(lifts: NDArray[np.float64], truth: float) -> float:
    return float(np.sqrt(np.mean((lifts - truth) ** 2)))


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="logs of each world")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} logs at most")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
