"""The default surrogate: one Gaussian process per metric over the params, and one for U itself.

Each is fitted on values of the size that the prior is made for: lifts as they are, U per unit of weight, and
levels as shares of the size of what they are compared with. So no unit, of a weight or of a metric, matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from rectune_dsl.surrogate.data import Level, level_changes, lifts_of, production_level
from rectune_dsl.surrogate.gp import GaussianProcess, Observations
from rectune_dsl.surrogate.hyper import Prior
from rectune_dsl.surrogate.hyper import fit as fit_process
from rectune_dsl.surrogate.kernels import Array

_U = "=U"
"""Names the process of U: no metric is called so."""
ASSUMED_HEADROOM = 0.1
"""Until an absolute metric is measured, production is assumed to keep its limit by this share of it."""


def fit(task: Task, history: Sequence[RoundResult]) -> ParamSurrogate:
    """Learn from finished rounds; frozen ones teach nothing. Without any, the belief is the prior:
    no lift at production, and wider the further from it."""
    return ParamSurrogate(task, tuple(history))


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A process of values that were divided by `scale`."""

    process: GaussianProcess
    scale: float

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        mean, sd = self.process.mean_sd(points)
        return self.scale * mean, self.scale * sd

    def draws(self, points: Array, rng: np.random.Generator, count: int) -> Array:
        return self.scale * self.process.draws(points, rng, count)


class ParamSurrogate:
    """A `Surrogate` and `JointSurrogate` of hooks/protocols.py. A process is fitted when first asked.

    U has a process of its own, whose noise is that of the weighted sum of lifts: north stars that
    move together in an experiment's noise would otherwise look more, or less, certain than they are.
    """

    def __init__(self, task: Task, history: tuple[RoundResult, ...]) -> None:
        self._task = task
        self._space = Space(task)
        self._history = history
        self._processes: dict[str, _Scaled] = {}
        self._absolute = {name: limit for name, limit in task.guarded.items() if not limit.relative}

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
        for metric, limit in self._task.guarded.items():
            p *= chance_to_hold(limit, *self._predict(metric, points))
        return p

    def objective_draws(self, configs: Sequence[Config], rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws of U, (count, configs)."""
        return self._objective.draws(self._points(configs), rng, count)

    @property
    def _objective(self) -> _Scaled:
        weights = self._task.objective_weights
        total = sum(map(abs, weights.values())) or 1.0
        shares = {name: weight / total for name, weight in weights.items()}
        return self._process(_U, lambda: (lifts_of(self._space, self._history, shares), total))

    def _predict(self, metric: str, points: Array) -> tuple[Array, Array]:
        """Of lifts, or of levels for absolute guardrails."""
        if metric in self._absolute:
            return self._level(metric, points)
        process = self._process(metric, lambda: (lifts_of(self._space, self._history, {metric: 1.0}), 1.0))
        return process.mean_sd(points)

    def _level(self, metric: str, points: Array) -> tuple[Array, Array]:
        limit = self._absolute[metric]
        level = production_level(self._history, metric) or _assumed(limit)

        def changes() -> tuple[Observations, float]:
            seen = level_changes(self._space, self._history, metric)
            scale = (
                max(abs(level.value), abs(limit.bound), float(np.abs(seen.values).max(initial=0.0))) or 1.0
            )
            return Observations(seen.points, seen.values / scale, seen.noise / scale**2), scale

        mean, sd = self._process(metric, changes).mean_sd(points)
        return level.value + mean, np.hypot(sd, level.se)

    def _process(self, name: str, read: Callable[[], tuple[Observations, float]]) -> _Scaled:
        """The process of that name, fitted when first asked; production's value is 0 by definition."""
        if name not in self._processes:
            seen, scale = read()
            data = seen.with_exact(self._space.production, 0.0)
            fitted = _fitted(data.points.tobytes(), data.values.tobytes(), data.noise.tobytes())
            self._processes[name] = _Scaled(fitted, scale)
        return self._processes[name]

    def _points(self, configs: Sequence[Config]) -> Array:
        points = [self._space.to_unit(config.values) for config in configs]
        return np.array(points, dtype=np.float64).reshape(len(points), self._space.dimension)


def chance_to_hold(limit: Limit, mean: Array, sd: Array) -> Array:
    """P(a normal value keeps the limit); a value that is known exactly keeps it or does not."""
    return np.asarray(ndtr(standard_room(limit, mean, sd)))


def standard_room(limit: Limit, mean: Array, sd: Array) -> Array:
    """How many standard deviations lie between a value and its limit; infinite where it is known exactly."""
    room = (mean - limit.bound) if limit.direction == ">=" else (limit.bound - mean)
    certain = np.where(room >= 0, np.inf, -np.inf)
    return np.where(sd > 0, room / np.where(sd > 0, sd, 1.0), certain)


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
