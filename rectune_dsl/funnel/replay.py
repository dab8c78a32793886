"""Many configs over the same requests: a stage runs once for all configs that agree on all it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel, arrived
from rectune_dsl.funnel.source import SignalSource
from rectune_dsl.funnel.stage import Alive, Functions, params_of
from rectune_dsl.hooks.api import Config, Slates

Route = tuple[tuple[float, ...], ...]
"""A config's values of the params that each stage reads, stage by stage."""


class Replay:
    """Slates of any config of a task for the requests of one source.

    What leaves the first stages without params is computed once for all. Instances may be shared between
    threads.
    """

    def __init__(self, task: Task, source: SignalSource, functions: Functions | None = None) -> None:
        self._funnel = Funnel(task, functions)
        self._source = source
        self._params = tuple(params_of(task, name) for name in task.stages)
        self._fixed: list[Alive] = [arrived(source)]
        production = Config(task.production)
        for stage, params in enumerate(self._params):
            if params:
                break
            self._fixed.append(self._funnel.step(stage, source, production, self._fixed[-1]))

    def route(self, config: Config) -> Route:
        """Configs whose routes begin alike share what the stages so far make of them; in sorted order those
        are neighbours. Raises KeyError when a param is missing."""
        return tuple(tuple(config[name] for name in params) for params in self._params)

    def slates(self, configs: Sequence[Config]) -> Iterator[Slates]:
        """Of one config after the other. Each begins where its route leaves that of the one before."""
        path = list(self._fixed)
        before: Route = ()
        for config in configs:
            route = self.route(config)
            del path[1 + max(_common(before, route), len(self._fixed) - 1) :]
            for stage in range(len(path) - 1, len(route)):
                path.append(self._funnel.step(stage, self._source, config, path[-1]))
            before = route
            yield self._funnel.shown(config, path[-1])


def _common(left: Route, right: Route) -> int:
    """How many stages two routes have in common at their beginning."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
