"""Many configs over the same requests: a stage runs once for all configs that agree on all it depends on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.alive import Alive
from rectune_dsl.funnel.run import Funnel, arrived
from rectune_dsl.funnel.source import PanelSource
from rectune_dsl.funnel.stage import Functions, formulas_of
from rectune_dsl.hooks.api import Config, Panel, Slates

Route = tuple[tuple[float, ...], ...]
"""A config's values of the params that each stage reads, stage by stage."""


class Replay:
    """Slates of any config of a task for the requests of a panel.

    What leaves the first stages without params is computed once for all. Instances may be shared between
    threads.
    """

    def __init__(self, task: Task, panel: Panel, functions: Functions | None = None) -> None:
        self._funnel = Funnel(task, functions)
        self._source = PanelSource(panel)
        self._params = tuple(params_of(task, name) for name in task.stages)
        self._fixed = next((i for i, params in enumerate(self._params) if params), len(self._params))
        self._quotas = quotas_of(task)
        self._begin = arrived(self._source)
        for stage in range(self._fixed):
            self._begin = self._step(stage, [Config(task.production)], self._begin)

    def counts(self, config: Config) -> tuple[float, ...]:
        """What each stage keeps, and the quotas of sources: all that decides how many of what there are.
        Raises KeyError when a param is missing."""
        return *self._funnel.keeps(config), *(config[name] for name in self._quotas)

    def route(self, config: Config) -> Route:
        """Configs whose routes begin alike share what the stages so far make of them; in sorted order those
        are neighbours. Raises KeyError when a param is missing."""
        return tuple(tuple(config[name] for name in params) for params in self._params)

    def slates(self, configs: Sequence[Config]) -> Slates:
        """Of configs with the same `counts`, at least one: (configs * requests, slate), those of one config
        after those of the other."""
        routes = [self.route(config) for config in configs]
        alive, places = self._begin, [0] * len(configs)
        for stage in range(self._fixed, len(self._params)):
            alike: dict[Route, int] = {}
            firsts: list[int] = []
            for number, route in enumerate(routes):
                if alike.setdefault(route[: stage + 1], len(alike)) == len(firsts):
                    firsts.append(number)
            before = [places[number] for number in firsts]
            if any(before):  # or else all have the same rows, which stay as they are
                alive = self._rows(alive, before)
            alive = self._step(stage, [configs[number] for number in firsts], alive)
            places = [alike[route[: stage + 1]] for route in routes]
        return self._funnel.shown(configs[0], self._rows(alive, places))

    def _step(self, stage: int, configs: Sequence[Config], alive: Alive) -> Alive:
        return self._funnel.step(stage, self._source, configs, alive)

    def _rows(self, alive: Alive, places: list[int]) -> Alive:
        """The rows of the config at each place, one after the other."""
        requests = self._source.requests
        if alive.scores is not None and places == list(range(len(alive.scores) // max(requests, 1))):
            return alive
        return alive.rows(np.add.outer(np.array(places) * requests, np.arange(requests)).ravel())


def params_of(task: Task, name: str) -> tuple[str, ...]:
    """The params that who leaves a stage depends on, besides who enters it; in the task's order."""
    found = {n for formula in formulas_of(task.stages[name]) for n in formula.reads}
    found |= {f"{name}.keep", *quotas_of(task)}
    return tuple(param for param in task.params if param in found)


def quotas_of(task: Task) -> tuple[str, ...]:
    """The params that are quotas of sources."""
    quotas = (f"{source}.{quota}" for source in task.sources for quota in ("min", "max"))
    return tuple(name for name in quotas if name in task.params)
