"""Problems of the bundled simulator: a task that ships with it, in worlds of other seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import BackendContext, Config
from rectune_dsl.simulator.oracle import paired_lifts
from rectune_dsl.simulator.world import build_world
from rectune_dsl.workflow.context import PANEL_REQUESTS
from tuning.founding import kept
from tuning.problem import Floats, Oracle, Problem, objective

TASKS = Path(__file__).parents[2] / "tasks"
_USERS, _DAYS = 2_500, 2
"""Whose expected responses are the truth: lifts are paired, so that few suffice."""


def bundled_problem(seed: int, cache: Path | None, name: str = "value_fusion") -> Problem:
    """A task file of tasks/, by name, in the world of this seed."""
    return problem_of(task_of(name, seed), seed, cache, f"bundled-{name}")


def problem_of(task: Task, seed: int, cache: Path | None, key: str) -> Problem:
    """A task on the bundled simulator; `key` names its oracle in the cache."""
    backend = SimulatorBackend(BackendContext(task, seed))
    truth = BundledTruth(task)
    oracle = kept(cache, f"{key}-{seed}", partial(_oracle, task, backend, truth))
    panel = backend.panel(PANEL_REQUESTS)
    return Problem("bundled", "plain", seed, task, panel, truth, oracle, truth.levels)


class BundledTruth:
    """Lifts (configs, metrics) in the order of `task.judged`, of so many users over so many days. `levels`
    are production's, where a guardrail is about a level."""

    def __init__(self, task: Task, users: int = _USERS, days: int = _DAYS) -> None:
        self._task, self._world, self._users, self._days = task, build_world(task.simulator), users, days
        found = self._lifts([Config(task.production)])
        absolute = (name for name in task.judged if f"={name}" in found)
        self.levels = {name: float(found[f"={name}"][0]) for name in absolute}

    def __call__(self, configs: Sequence[Config]) -> Floats:
        found = self._lifts(configs)
        return np.array([found[metric] for metric in self._task.judged]).T

    def _lifts(self, configs: Sequence[Config]) -> dict[str, tuple[float, ...]]:
        return paired_lifts(self._task, self._world, configs, users=self._users, days=self._days)


def _oracle(task: Task, backend: SimulatorBackend, truth: BundledTruth) -> Oracle:
    config = backend.oracle_config()
    return Oracle(config, float(objective(task, truth([config]))[0]))


def task_of(name: str, seed: int, edit: Callable[[str], str] = lambda text: text) -> Task:
    """The task of a file in tasks/ whose text is edited first. Raises ValueError with its problems."""
    file = TASKS / f"{name}.toml"
    checked = check(Source(str(file), edit(file.read_text())), Environment())
    if checked.task is None:
        raise ValueError("\n".join(map(str, checked.problems)))
    simulator = checked.task.simulator.model_copy(update={"seed": seed})
    return checked.task.model_copy(update={"simulator": simulator})
