"""A task's stages, compiled once and run over requests: score, keep, re-rank."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Call, Node, evaluate, names, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.model import Diversity, Param, Stage, Task
from rectune_dsl.funnel.rerank import pick_diverse
from rectune_dsl.funnel.select import Positions, Scores, Valid, keep_best, sort_best
from rectune_dsl.funnel.source import Indices, PanelSource, SignalSource
from rectune_dsl.hooks.api import Config, Panel, Slates

Functions = Mapping[str, Callable[..., NDArray[Any]]]

CHUNK = 512
"""Requests scored at once: few enough to stay in cache, many enough to hide the cost of a call."""


class Funnel:
    """The stages of a task, ready to run any config of it.

    `functions` are a plugin's, by the name formulas call. The result of a request depends on that
    request alone: chunks and threads change nothing. Instances keep no state and may be shared.
    """

    def __init__(self, task: Task, functions: Functions | None = None) -> None:
        self._functions = functions or {}
        self._stages = tuple(_compile(task, name) for name in task.stages)

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self._stages)

    def keeps(self, config: Config) -> tuple[int, ...]:
        """What each stage keeps under `config`."""
        return tuple(stage.keep_count(config) for stage in self._stages)

    def slates(self, panel: Panel, config: Config, chunk: int = CHUNK) -> Slates:
        """Run a whole panel, `chunk` requests at a time."""
        requests = panel.items.shape[0]
        parts = [
            self.run(PanelSource(panel, start, min(start + chunk, requests)), config)
            for start in range(0, requests, chunk)
        ]
        if not parts:
            width = self.keeps(config)[-1]
            return Slates(np.empty((0, width), np.int32), np.empty((0, width), np.float32))
        return Slates(
            np.concatenate([p.candidates for p in parts]), np.concatenate([p.scores for p in parts])
        )

    def run(self, source: SignalSource, config: Config) -> Slates:
        """Run the requests of a source at once.

        Returns slates as wide as the last stage keeps, -1 (and NaN scores) where a slate is short.
        """
        alive = _Alive(None, None, source.valid)
        for stage in self._stages:
            scores = self._scores(stage, source, config, alive)
            alive = stage.select(source, config, alive, scores)
        return _slates(alive, self._stages[-1].keep_count(config))

    def _scores(self, stage: _Stage, source: SignalSource, config: Config, alive: _Alive) -> Scores:
        width = source.candidates if alive.candidates is None else alive.candidates.shape[1]
        shape = (source.requests, width)
        values: dict[str, Any] = {**config.values, **stage.constants}
        for name, array in source.signals(stage.name, stage.signals, alive.candidates).items():
            values[name] = array[:, None] if array.ndim == 1 else array
            if stage.request_wide:
                values[name] = np.broadcast_to(values[name], shape)
        if alive.scores is not None:
            values["score"] = alive.scores
        for term, tree in stage.terms:
            values[term] = evaluate(tree, values, valid=alive.valid, functions=self._functions)
        score = evaluate(stage.score, values, valid=alive.valid, functions=self._functions)
        return np.ascontiguousarray(np.broadcast_to(np.asarray(score, np.float32), shape))


@dataclass(frozen=True)
class _Alive:
    """Candidates that reached a stage, (requests, kept); None stands for all, in the source's order."""

    candidates: Indices | None
    scores: Scores | None
    valid: Valid | None

    def at(self, positions: Positions, scores: Scores) -> _Alive:
        """Those at `positions`, with their new scores. Position -1 is nobody."""
        someone = positions >= 0
        valid = None
        if self.valid is not None or not someone.all():
            valid = someone if self.valid is None else someone & _at(self.valid, positions)
            positions = np.where(someone, positions, 0)
        candidates = positions if self.candidates is None else _at(self.candidates, positions)
        return _Alive(candidates, _at(scores, positions), valid)


@dataclass(frozen=True)
class _Stage:
    name: str
    signals: tuple[str, ...]
    constants: Mapping[str, float]
    terms: tuple[tuple[str, Node], ...]
    score: Node
    keep: int | None
    diversity: Diversity | None
    request_wide: bool
    last: bool

    def keep_count(self, config: Config) -> int:
        return self.keep if self.keep is not None else max(1, round(config[f"{self.name}.keep"]))

    def select(self, source: SignalSource, config: Config, alive: _Alive, scores: Scores) -> _Alive:
        return alive.at(self._positions(source, config, alive, scores), scores)

    def _positions(self, source: SignalSource, config: Config, alive: _Alive, scores: Scores) -> Positions:
        keep = self.keep_count(config)
        if self.diversity is None:
            return (sort_best if self.last else keep_best)(scores, keep, alive.valid)
        penalty = evaluate(self.diversity.penalty.tree, {**config.values, **self.constants})
        keys = source.keys(self.diversity.by, alive.candidates)
        picked = pick_diverse(scores, keys, keep, float(penalty), self.diversity.max_per_key, alive.valid)
        # later stages break ties by position, so what is kept stands in the order it came in
        return picked if self.last else np.sort(picked, axis=1)


def _compile(task: Task, name: str) -> _Stage:
    stage = task.stages[name]
    trees = [formula.tree for formula in (*stage.terms.values(), stage.score)]
    read = {n.name for tree in trees for n in names(tree)}
    return _Stage(
        name=name,
        signals=tuple(n for n in task.signals if n in read),
        constants=stage.constants,
        terms=_in_order(stage),
        score=stage.score.tree,
        keep=None if isinstance(stage.keep, Param) else stage.keep,
        diversity=stage.diversity,
        request_wide=any(
            isinstance(node, Call) and node.function in REQUEST_WIDE for tree in trees for node in walk(tree)
        ),
        last=name == task.slate_stage,
    )


def _in_order(stage: Stage) -> tuple[tuple[str, Node], ...]:
    """The terms, each after the terms it reads."""
    ordered: dict[str, Node] = {}

    def add(term: str) -> None:
        tree = stage.terms[term].tree
        for read in names(tree):
            if read.name in stage.terms and read.name not in ordered and read.name != term:
                add(read.name)
        ordered.setdefault(term, tree)

    for term in stage.terms:
        add(term)
    return tuple(ordered.items())


def _at(array: NDArray[Any], positions: Positions) -> NDArray[Any]:
    """`array` (requests, candidates) at `positions` (requests, kept)."""
    rows = np.arange(array.shape[0], dtype=np.intp)[:, None] * array.shape[1]
    found: NDArray[Any] = np.ascontiguousarray(array).reshape(-1).take(positions + rows)
    return found


def _slates(alive: _Alive, width: int) -> Slates:
    assert alive.candidates is not None  # every stage has selected
    assert alive.scores is not None
    candidates = alive.candidates.astype(np.int32)
    scores = alive.scores
    if alive.valid is not None:
        candidates = np.where(alive.valid, candidates, np.int32(-1))
        scores = np.where(alive.valid, scores, np.float32(np.nan))
    short = ((0, 0), (0, width - candidates.shape[1]))
    return Slates(
        np.pad(candidates, short, constant_values=-1), np.pad(scores, short, constant_values=np.nan)
    )
