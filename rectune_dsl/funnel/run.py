"""A task's stages, compiled once and run over requests: score, filter, keep, re-rank."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.alive import Alive
from rectune_dsl.funnel.choice import Runner, runner
from rectune_dsl.funnel.processors import usable
from rectune_dsl.funnel.source import PanelSource, SignalSource
from rectune_dsl.funnel.stage import Functions, compile_stage
from rectune_dsl.hooks.api import Config, Panel, Slates

CHUNK = 512
"""Requests scored at once: few enough to stay in cache, many enough to hide the cost of a call."""


class Funnel:
    """The stages of a task, ready to run any config of it.

    `functions` are a plugin's, by the name formulas call. The result of a request depends on that
    request alone: chunks and threads change nothing. Instances keep no state and may be shared.
    Pickled, a funnel is its task and functions, and is compiled again by who unpickles it.
    """

    def __init__(self, task: Task, functions: Functions | None = None) -> None:
        self._made_from = (task, functions)
        self._stages = tuple(compile_stage(task, name, functions or {}) for name in task.stages)

    def __reduce__(self) -> tuple[type[Funnel], tuple[Task, Functions | None]]:
        return type(self), self._made_from

    @cached_property
    def _runners(self) -> tuple[Runner, ...]:
        return tuple(map(runner(), self._stages))

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self._stages)

    def keeps(self, config: Config) -> tuple[int, ...]:
        """What each stage keeps under `config`."""
        return tuple(stage.keep_count(config) for stage in self._stages)

    def slates(self, panel: Panel, config: Config, chunk: int = CHUNK, threads: int | None = None) -> Slates:
        """Run a whole panel, `chunk` requests at a time, in as many threads as there are processors to use,
        or in so many."""
        requests = panel.items.shape[0]
        if not requests:
            width = self.keeps(config)[-1]
            return Slates(np.empty((0, width), np.int32), np.empty((0, width), np.float32))
        starts = range(0, requests, chunk)

        def part(start: int) -> Slates:
            return self.run(PanelSource(panel, start, min(start + chunk, requests)), config)

        workers = min(len(starts), usable() if threads is None else threads)
        if workers == 1:
            parts = list(map(part, starts))
        else:
            with ThreadPoolExecutor(workers) as pool:
                parts = list(pool.map(part, starts))
        return Slates(
            np.concatenate([p.candidates for p in parts]), np.concatenate([p.scores for p in parts])
        )

    def run(self, source: SignalSource, config: Config) -> Slates:
        """Run the requests of a source at once.

        Returns slates as wide as the last stage keeps, -1 (and NaN scores) where a slate is short.
        """
        alive = arrived(source)
        for stage in self._runners:
            alive = stage.run(source, config, alive)
        return self.shown(config, alive)

    def step(self, stage: int, source: SignalSource, configs: Sequence[Config], alive: Alive) -> Alive:
        """Who leaves a stage, by its place in `stages`, under configs that keep equally many there: as
        CompiledStage.run_all has it."""
        return self._runners[stage].run_all(source, configs, alive)

    def shown(self, config: Config, alive: Alive) -> Slates:
        """The slates of who left the last stage, under configs that keep as many as this one."""
        return _slates(alive, self._stages[-1].keep_count(config))


def arrived(source: SignalSource) -> Alive:
    """Who is alive before the first stage."""
    return Alive(None, None, source.valid)


def _slates(alive: Alive, width: int) -> Slates:
    assert alive.candidates is not None  # every stage has selected
    assert alive.scores is not None
    candidates = alive.candidates.astype(np.int32)
    scores = alive.scores
    if alive.valid is not None:
        candidates = np.where(alive.valid, candidates, np.int32(-1))
        scores = np.where(alive.valid, scores, np.float32(np.nan))
    if candidates.shape[1] == width:
        return Slates(candidates, scores)
    short = ((0, 0), (0, width - candidates.shape[1]))
    return Slates(
        np.pad(candidates, short, constant_values=-1), np.pad(scores, short, constant_values=np.nan)
    )
