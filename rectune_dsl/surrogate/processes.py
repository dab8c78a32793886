"""A surrogate made of Gaussian processes: one per metric, and one for U itself.

Each is fitted on values of the size that the prior is made for: lifts as they are, U per unit of weight, and
levels as shares of the size of what they are compared with. So no unit, of a weight or of a metric, matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config, RoundResult
from rectune_dsl.surrogate.data import level_changes, lifts_of, production_level
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.hyper import Fitted
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.limits import assumed_level, chance_to_hold

_U = "=U"
"""Names the process of U: no metric is called so."""


class View(Protocol):
    """What a surrogate sees of configs, and how it believes that values depend on it."""

    def points(self, configs: Sequence[Config]) -> Array:
        """(configs, dimension)."""
        ...

    def fit(self, observations: Observations, weights: Mapping[str, float]) -> Fitted:
        """A process of the metrics' weighted sum."""
        ...


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A process of values that were divided by `scale`."""

    process: Fitted
    scale: float

    def mean_sd(self, points: Array) -> tuple[Array, Array]:
        mean, sd = self.process.mean_sd(points)
        return self.scale * mean, self.scale * sd

    def draws(self, points: Array, rng: np.random.Generator, count: int) -> Array:
        return self.scale * self.process.draws(points, rng, count)


class ProcessSurrogate:
    """A `Surrogate` and `JointSurrogate` of hooks/agents.py. A process is fitted when first asked.

    U has a process of its own, whose noise is that of the weighted sum of lifts: north stars that
    move together in an experiment's noise would otherwise look more, or less, certain than they are.
    """

    def __init__(self, task: Task, history: Sequence[RoundResult], view: View) -> None:
        self._task = task
        self._view = view
        self._history = tuple(history)
        self._processes: dict[str, _Scaled] = {}
        self._absolute = {name: limit for name, limit in task.guarded.items() if not limit.relative}

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self._task.judged)

    def predict(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Posterior mean and sd, each (configs, metrics): lifts, or levels for absolute guardrails."""
        points = self._view.points(configs)
        columns = [self._predict(metric, points) for metric in self.metrics]
        return np.stack([c[0] for c in columns], 1), np.stack([c[1] for c in columns], 1)

    def objective(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Posterior mean and sd of U, (configs,) each."""
        return self._objective.mean_sd(self._view.points(configs))

    def p_feasible(self, configs: Sequence[Config]) -> Array:
        """P(all guardrails hold), (configs,); metrics are taken as independent given the data."""
        points = self._view.points(configs)
        p = np.ones(len(points))
        for metric, limit in self._task.guarded.items():
            p *= chance_to_hold(limit, *self._predict(metric, points))
        return p

    def objective_draws(self, configs: Sequence[Config], rng: np.random.Generator, count: int) -> Array:
        """Joint posterior draws of U, (count, configs)."""
        return self._objective.draws(self._view.points(configs), rng, count)

    def joint(self, metric: str, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Posterior mean (configs,) and covariance (configs, configs) of a metric's lifts."""
        return self._lifts(metric).process.joint(self._view.points(configs))

    def sizes(self) -> dict[str, float]:
        """Of every metric that was measured, how much a config from anywhere moves it: a standard deviation
        of lifts, or of shares of what an absolute limit compares with."""
        self.predict([Config(self._task.production)])
        fitted = {metric: self._processes[metric].process.process for metric in self.metrics}
        return {m: process.hyper.amplitude for m, process in fitted.items() if process.observations.count > 1}

    def surprised(self) -> tuple[str, ...]:
        """Judged metrics whose rounds are further from what the others predict of them than chance allows."""
        self.predict([Config(self._task.production)])
        return tuple(m for m in self.metrics if self._processes[m].process.widened > 1.0)

    @property
    def _objective(self) -> _Scaled:
        weights = self._task.objective_weights
        total = sum(map(abs, weights.values())) or 1.0
        shares = {name: weight / total for name, weight in weights.items()}
        return self._process(_U, shares, lambda: (lifts_of(self._view.points, self._history, shares), total))

    def _predict(self, metric: str, points: Array) -> tuple[Array, Array]:
        """Of lifts, or of levels for absolute guardrails."""
        if metric in self._absolute:
            return self._level(metric, self._absolute[metric], points)
        return self._lifts(metric).mean_sd(points)

    def _lifts(self, metric: str) -> _Scaled:
        alone = {metric: 1.0}
        return self._process(metric, alone, lambda: (lifts_of(self._view.points, self._history, alone), 1.0))

    def _level(self, metric: str, limit: Limit, points: Array) -> tuple[Array, Array]:
        level = production_level(self._history, metric) or assumed_level(limit)

        def changes() -> tuple[Observations, float]:
            seen = level_changes(self._view.points, self._history, metric)
            sizes = (abs(level.value), abs(limit.bound), float(np.abs(seen.values).max(initial=0.0)))
            scale = max(sizes) or 1.0
            return Observations(seen.points, seen.values / scale, seen.noise / scale**2), scale

        mean, sd = self._process(metric, {metric: 1.0}, changes).mean_sd(points)
        return level.value + mean, np.hypot(sd, level.se)

    def _process(
        self, name: str, weights: Mapping[str, float], read: Callable[[], tuple[Observations, float]]
    ) -> _Scaled:
        """The process of that name, fitted when first asked; production's value is 0 by definition."""
        if name not in self._processes:
            seen, scale = read()
            data = seen.with_exact(self._view.points([Config(self._task.production)])[0], 0.0)
            self._processes[name] = _Scaled(self._view.fit(data, weights), scale)
        return self._processes[name]
