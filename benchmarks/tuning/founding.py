"""Problems of own worlds: founded once, their oracles kept on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from worlds.keyed import generator
from worlds.search import best_of
from worlds.setting import SETTINGS
from worlds.taskfile import read_task, task_text
from worlds.version import VERSION
from worlds.world import Truth, World

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config
from tuning.problem import Floats, Oracle, Problem, objective, slack

_ROUGH_REQUESTS = 320
_SLOPE, _WALL = 0.08, 0.3
"""Of U, per margin by which a guardrail is broken: far more than any margin buys."""
FIRST_REPORT_SEED, FIRST_DEVELOPMENT_SEED = 100, 1000
"""Seeds from the second on are for development; those from the first on are for reports, and nothing is tuned
on them. Those below both are used up: a version that is no more was seen on them."""


def world_problem(seed: int, dimension: int, setting: str, cache: Path | None) -> Problem:
    known = SETTINGS[setting]
    world, task = World(seed, known), read_task(task_text(dimension))
    truth = world.truth(task)
    key = f"world-{VERSION}-{seed}-{dimension}-{known.truth_key}"
    oracle = kept(cache, key, partial(oracle_of, task, truth, seed))
    return Problem(f"world-{dimension}", setting, seed, task, world.panel(), truth, oracle)


def kept(cache: Path | None, key: str, find: Callable[[], Oracle]) -> Oracle:
    """What was found before, or is found now and kept."""
    file = None if cache is None else cache / f"{key}.json"
    if file is not None and file.exists():
        read = json.loads(file.read_text())
        return Oracle(Config(read["config"]), read["gain"], tuple(read["others"]))
    oracle = find()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        told = {"config": dict(oracle.config.values), "gain": oracle.gain, "others": oracle.others}
        written = file.with_suffix(".part")
        written.write_text(json.dumps(told))
        written.replace(file)
    return oracle


def oracle_of(task: Task, truth: Truth, seed: int) -> Oracle:
    space, rng = Space(task), generator("oracle", seed, len(task.params))
    starts = np.vstack([space.production, space.sample(rng, 1, radius=0.1)])  # farther ones end lower
    rough = _merits(task, space, truth.on_first(_ROUGH_REQUESTS), 0.0)
    found = best_of(starts, rough, _merits(task, space, truth, 0.0), _merits(task, space, truth, _WALL), rng)
    config = Config(space.from_unit(found.point))
    return Oracle(config, float(objective(task, truth([config]))[0]), found.others)


def _merits(task: Task, space: Space, truth: Truth, wall: float) -> Callable[[Floats], Floats]:
    def merits(points: Floats) -> Floats:
        lifts = truth([Config(space.from_unit(point)) for point in points])
        lacks = np.maximum(-slack(task, lifts, {}), 0.0)
        return np.asarray(objective(task, lifts) - _SLOPE * lacks.sum(1) - wall * (lacks > 0).any(1))

    return merits
