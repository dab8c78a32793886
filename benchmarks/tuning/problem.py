"""A problem: a task with a truth that judges know and tuners do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.power import chance_to_ship
from rectune_dsl.hooks.api import Config, Panel
from tuning.noise import Noise, noise_of

Floats = NDArray[np.float64]
Truth = Callable[[Sequence[Config]], Floats]
"""True lifts over production (configs, metrics), in the order of `task.judged`."""


@dataclass(frozen=True)
class Oracle:
    """The config with the largest true U that keeps all guardrails, as far as a long search can tell.
    `others` are the Us that the search came to from elsewhere."""

    config: Config
    gain: float
    others: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Problem:
    """`levels` are production's, by metric; a metric not in it has the level 1."""

    name: str
    setting: str
    seed: int
    task: Task
    panel: Panel | None
    truth: Truth
    oracle: Oracle
    levels: Mapping[str, float] = field(default_factory=dict)

    def noise(self, share: float) -> Noise:
        return noise_of(self.task, self.oracle.gain, share, self.levels)


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores configs by the truth."""

    problem: Problem
    noise: Noise

    def objective(self, lifts: Floats) -> Floats:
        """U (configs,) of lifts (configs, metrics)."""
        return objective(self.problem.task, lifts)

    def violates(self, lifts: Floats) -> NDArray[np.bool_]:
        """Whether a guardrail is broken in truth, (configs,)."""
        return violates(self.problem.task, lifts, self.problem.levels)

    def chance_to_ship(self, lifts: Floats) -> float:
        """At the confirmation's traffic, for one config's true lifts (metrics,)."""
        known = dict(zip(self.noise.metrics, map(float, lifts), strict=True))
        return chance_to_ship(self.problem.task, self.noise.confirmation(), known)


_ROUNDING = 1e-9


def objective(task: Task, lifts: Floats) -> Floats:
    """U (configs,) of lifts (configs, metrics)."""
    weights = task.objective_weights
    return np.asarray(lifts @ np.array([weights.get(metric, 0.0) for metric in task.judged]))


def violates(task: Task, lifts: Floats, levels: Mapping[str, float]) -> NDArray[np.bool_]:
    """Whether configs with these lifts (configs, metrics) break a guardrail, (configs,)."""
    return np.asarray(slack(task, lifts, levels).min(axis=1, initial=np.inf) < -_ROUNDING)


def slack(task: Task, lifts: Floats, levels: Mapping[str, float]) -> Floats:
    """How far each guardrail is from being broken, in its margins, (configs, guardrails)."""
    metrics = tuple(task.judged)
    found = []
    for metric, limit in task.guarded.items():
        lift = lifts[:, metrics.index(metric)]
        value = lift if limit.relative else levels.get(metric, 1.0) * (1.0 + lift)
        room = value - limit.bound if limit.direction == ">=" else limit.bound - value
        found.append(room / (abs(limit.bound) or 1.0))
    return np.array(found).reshape(len(found), len(lifts)).T
