"""The default surrogate: one Gaussian process per metric over the params, and one for U itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from rectune_dsl.surrogate.data import Level, lifts_of, objective_weights, production_level
from rectune_dsl.surrogate.gp import GaussianProcess, Observations
from rectune_dsl.surrogate.hyper import Prior
from rectune_dsl.surrogate.hyper import fit as fit_process
from rectune_dsl.surrogate.kernels import Array

Weights = tuple[tuple[str, float], ...]
"""(metric, weight) of a sum of lifts."""
ASSUMED_HEADROOM = 0.1
"""Until an absolute metric is measured, production is assumed to keep its limit by this share of it."""


def fit(task: Task, history: Sequence[RoundResult]) -> ParamSurrogate:
    """Learn from finished rounds; frozen ones teach nothing. Without any, the belief is the prior:
    no lift at production, and wider the further from it."""
    return ParamSurrogate(task, tuple(history))


class ParamSurrogate:
    """A `Surrogate` and `JointSurrogate` of hooks/protocols.py. A process is fitted when first asked.

    U has a process of its own, whose noise is that of the weighted sum of lifts: north stars that
    move together in an experiment's noise would otherwise look more, or less, certain than they are.
    """

    def __init__(self, task: Task, history: tuple[RoundResult, ...]) -> None:
        self._task = task
        self._space = Space(task)
        self._history = history
        self._processes: dict[Weights, GaussianProcess] = {}
        self._absolute = {name: limit for name, limit in task.guardrails.items() if not limit.relative}

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self._task.judged)

    def predict(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Posterior mean and sd, each (configs, metrics): lifts, or levels for absolute guardrails."""
        points = self._points(configs)
        columns = [self._predict(metric, points) for metric in self.metrics]
        return np.stack([c[0] for c in columns], 1), np.stack([c[1] for c in columns], 1)

    def objective(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Posterior mean and sd of U, (configs,) each."""
        return self._objective.mean_sd(self._points(configs))

    def p_feasible(self, configs: Sequence[Config]) -> Array:
        """P(all guardrails hold), (configs,); metrics are taken as independent given the data."""
        points = self._points(configs)
        p = np.ones(len(points))
        for metric, limit in self._task.guardrails.items():
            p *= chance_to_hold(limit, *self._predict(metric, points))
        return p

    def objective_draws(self, configs: Sequence[Config], rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws of U, (count, configs)."""
        return self._objective.draws(self._points(configs), rng, count)

    @property
    def _objective(self) -> GaussianProcess:
        return self._process(tuple(objective_weights(self._task).items()))

    def _predict(self, metric: str, points: Array) -> tuple[Array, Array]:
        mean, sd = self._process(((metric, 1.0),)).mean_sd(points)
        if metric not in self._absolute:
            return mean, sd
        level = production_level(self._history, metric) or _assumed(self._absolute[metric])
        return level.value * (1.0 + mean), np.hypot(level.value * sd, level.se * (1.0 + mean))

    def _process(self, weights: Weights) -> GaussianProcess:
        if weights not in self._processes:
            measured = lifts_of(self._space, self._history, dict(weights))
            data = measured.with_exact(self._space.production, 0.0)
            self._processes[weights] = _fitted(
                data.points.tobytes(), data.values.tobytes(), data.noise.tobytes()
            )
        return self._processes[weights]

    def _points(self, configs: Sequence[Config]) -> Array:
        points = [self._space.to_unit(config.values) for config in configs]
        return np.array(points, dtype=np.float64).reshape(len(points), self._space.dimension)


def chance_to_hold(limit: Limit, mean: Array, sd: Array) -> Array:
    """P(a normal value keeps the limit); a value that is known exactly keeps it or does not."""
    room = (mean - limit.bound) if limit.direction == ">=" else (limit.bound - mean)
    certain = np.where(room >= 0, 1.0, 0.0)
    return np.where(sd > 0, ndtr(room / np.where(sd > 0, sd, 1.0)), certain)


def _assumed(limit: Limit) -> Level:
    room = ASSUMED_HEADROOM * abs(limit.bound)
    return Level(limit.bound + room if limit.direction == ">=" else limit.bound - room, 0.0)


@lru_cache(maxsize=64)
def _fitted(points: bytes, values: bytes, noise: bytes) -> GaussianProcess:
    """Fitting is a pure function of the data: the agents of one round, and its resumption, share it."""
    y = np.frombuffer(values)
    n = len(y)
    x = np.frombuffer(points).reshape(n, -1)
    return fit_process(Observations(x, y, np.frombuffer(noise).reshape(n, n)), Prior())
