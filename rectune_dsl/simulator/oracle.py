"""The truth, for judging tuners: the same users and occasions under every config, and mean responses.

Users come by the same luck under every config, so lifts differ by what the configs do and by nothing else.
Of a task's faults only a drift is true, and the truth is that of the days after it. Nothing is winsorised:
caps are of an experiment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.stage import Functions
from rectune_dsl.hooks.api import USERS, Config, Executor
from rectune_dsl.simulator.assignment import Everyone
from rectune_dsl.simulator.cma import evolve
from rectune_dsl.simulator.counts import quantile
from rectune_dsl.simulator.days import Setting
from rectune_dsl.simulator.keyed import generator, key_of
from rectune_dsl.simulator.responses import draw, expect
from rectune_dsl.simulator.segments import segment_columns
from rectune_dsl.simulator.shards import Totals, Valued, totals_of, values_of
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import World

BUFFER = 0.002
"""A guardrail on a lift must hold in truth by this much, since a config at its margin cannot be confirmed."""
_PENALTY = 20.0


def paired_lifts(
    task: Task,
    world: World,
    configs: Sequence[Config],
    users: int = 20_000,
    days: int | None = None,
    functions: Functions | None = None,
    executor: Executor | None = None,
) -> dict[str, tuple[float, ...]]:
    """True lift over production of every judged metric, one per config, over `days` (the confirmation's
    when None); and under `=NAME` the level of every metric whose guardrail is absolute.

    Raises UsageError when the task reads a signal or a key the world does not have, KeyError when it
    judges a metric that the simulator does not measure.
    """
    truth = _Truth(task, world, users, days or task.confirm.days, functions, executor)
    production, *levels = truth.levels([Config(task.production), *configs])
    lifts = {name: tuple(_lift(level[name], production[name]) for level in levels) for name in task.judged}
    absolute = {n for n, limit in task.guarded.items() if not limit.relative}
    return lifts | {f"={name}": tuple(level[name] for level in levels) for name in sorted(absolute)}


def oracle_config(
    task: Task,
    world: World,
    users: int = 1_800,
    days: int = 2,
    seed: int = 0,
    functions: Functions | None = None,
    executor: Executor | None = None,
) -> Config:
    """The config that maximises U while the guardrails hold, as far as a search with CMA-ES finds it, from
    production and on a fixed set of occasions. What it is worth is measured on others: `paired_lifts`."""
    truth = _Truth(task, world, users, days, functions, executor)
    space, rng = Space(task), generator("oracle", seed)
    production = truth.levels([Config(task.production)])[0]

    def merits(points: NDArray[np.float64]) -> NDArray[np.float64]:
        configs = [Config(space.from_unit(p)) for p in points]
        allowed = [space.feasible(c.values) for c in configs]
        levels = iter(truth.levels([c for c, a in zip(configs, allowed, strict=True) if a]))
        return np.array([_merit(task, next(levels), production) if a else -np.inf for a in allowed])

    return Config(space.from_unit(evolve(space.production, merits, rng)))


class _Truth:
    """Fixed users on fixed days, asked about configs."""

    def __init__(
        self,
        task: Task,
        world: World,
        users: int,
        days: int,
        functions: Functions | None,
        executor: Executor | None,
    ) -> None:
        self._task, self._world, self._days = task, world, days
        self._executor = executor or Threads()
        self._funnel = Funnel(task, functions)
        self._segments = segment_columns(task, world.columns, functions)
        self._traffic = key_of("oracle", users)
        start = int(generator("oracle users", users).integers(max(1, world.population - users)))
        self._everyone = Everyone(start, min(start + users, world.population))

    def levels(self, configs: Sequence[Config]) -> list[dict[str, float]]:
        """The level of every judged metric, per config."""
        settings = tuple(self._setting(config) for config in configs)
        if not settings:
            return []
        everyone = (self._everyone,) * len(settings)
        totals = totals_of(Totals(settings, everyone), self._executor)
        columns = (*settings[0].columns, USERS)
        levels = [dict(zip(columns, total.tolist(), strict=True)) for total in totals]
        judged = {n: m for n, m in self._task.judged.items() if m.kind != "quantile"}
        known = [{n: _level(m, n, level) for n, m in judged.items()} for level in levels]
        return [a | b for a, b in zip(known, self._quantiles(settings), strict=True)]

    def _quantiles(self, settings: tuple[Setting, ...]) -> list[dict[str, float]]:
        """The level of every quantile, per config. Responses are drawn, since users would lie too close
        together if each had its mean; the draws are the same under every config."""
        wanted = {n: m for n, m in self._task.judged.items() if m.kind == "quantile"}
        if not wanted:
            return [{} for _ in settings]
        drawn = tuple(replace(setting, respond=draw) for setting in settings)
        work = Valued(drawn, (self._everyone,) * len(drawn), self._task.quantiles)
        found = (dict(zip(work.counted, counts, strict=True)) for counts in values_of(work, self._executor))
        return [
            {n: quantile(counts[m.column or n].histogram(), m.quantile or 0.5) for n, m in wanted.items()}
            for counts in found
        ]

    def _setting(self, config: Config) -> Setting:
        return Setting(
            world=self._world,
            funnel=self._funnel,
            config=config,
            traffic=self._traffic,
            first_day=_first_day(self._world),
            days=self._days,
            respond=expect,
            segments=self._segments,
        )


def _first_day(world: World) -> int:
    """A Monday: the world's first, or where its models change, the first after that."""
    return 0 if world.drift is None else -(-world.drift.day // 7) * 7


def _level(metric: Metric, name: str, total: Mapping[str, float]) -> float:
    if metric.kind == "ratio":
        return total[str(metric.numerator)] / total[str(metric.denominator)]
    return total[name] / total[USERS]


def _lift(level: float, production: float) -> float:
    return level / production - 1


def _merit(task: Task, level: Mapping[str, float], production: Mapping[str, float]) -> float:
    """U, less a penalty for what guardrails lack."""
    merit = sum(m.weight * m.sign * _lift(level[n], production[n]) for n, m in task.north_stars.items())
    for name, limit in task.guarded.items():
        value = _lift(level[name], production[name]) if limit.relative else level[name]
        side = 1 if limit.direction == ">=" else -1
        slack = side * (value - limit.bound)
        slack = slack - BUFFER if limit.relative else slack / max(abs(limit.bound), 1e-9)
        merit -= _PENALTY * max(0.0, -slack)
    return merit
