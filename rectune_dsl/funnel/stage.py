"""One stage, compiled once: what it reads, whom it drops, whom it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Call, Node, evaluate, names, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import Diversity, Stage
from rectune_dsl.dsl.table import Formula
from rectune_dsl.funnel.alive import Alive, one_by_one
from rectune_dsl.funnel.blend import Quotas, enough, keep_blended, pick_blended, sort_blended
from rectune_dsl.funnel.rerank import Penalty, Repeats, pick_diverse
from rectune_dsl.funnel.select import Positions, Scores, Valid, keep_best, sort_best
from rectune_dsl.funnel.source import SignalSource
from rectune_dsl.funnel.sources import Sources
from rectune_dsl.hooks.api import Config

Functions = Mapping[str, Callable[..., NDArray[Any]]]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class CompiledStage:
    """A stage of a task. Terms stand after the terms they read; `sources` is None without quotas.
    `by_candidate` are the names whose values differ between the candidates of a request, terms apart."""

    name: str
    signals: tuple[str, ...]
    by_candidate: frozenset[str]
    constants: Mapping[str, float]
    terms: tuple[tuple[str, Node], ...]
    score: Node
    filters: tuple[Node, ...]
    keep: int | None
    diversity: Diversity | None
    sources: Sources | None
    request_wide: bool
    last: bool
    functions: Functions

    def keep_count(self, config: Config) -> int:
        return self.keep if self.keep is not None else max(1, round(config[f"{self.name}.keep"]))

    def run(self, source: SignalSource, config: Config, alive: Alive) -> Alive:
        """Score the candidates that are alive, drop those that a filter holds back, keep the best.

        Formulas see all that reached the stage: `rank` and `zscore` range over filtered candidates as well.
        """
        width = source.candidates if alive.candidates is None else alive.candidates.shape[1]
        shape = (source.requests, width)
        values = self._values(source, config, alive, shape)
        score = np.asarray(self._evaluate(self.score, values, alive), np.float32)
        scores = np.ascontiguousarray(np.broadcast_to(score, shape))
        alive = alive.among(self._passing(values, alive, shape))
        return self.choose(source, config, alive, scores, self.penalty(values, alive))

    def run_all(self, source: SignalSource, configs: Sequence[Config], alive: Alive) -> Alive:
        """Several configs that keep equally many: their rows, one config's after the other's.

        `alive` has as many rows as the source has requests, then all configs begin with the same, or so many
        for each config.
        """
        return one_by_one(self.run, source, configs, alive)

    def choose(
        self, source: SignalSource, config: Config, alive: Alive, scores: Scores, penalty: Penalty
    ) -> Alive:
        """Keep the best of the candidates that are alive, with their `scores` (requests, candidates).
        `penalty` is what a diversity rule asks for."""
        return alive.at(self._positions(source, config, alive, scores, penalty), scores)

    def penalty(self, values: Values, alive: Alive) -> Penalty:
        """What each earlier item with the same key costs; nothing without a diversity rule."""
        return 0.0 if self.diversity is None else self._evaluate(self.diversity.penalty.tree, values, alive)

    def _values(self, source: SignalSource, config: Config, alive: Alive, shape: tuple[int, int]) -> Values:
        values: dict[str, Any] = {**config.values, **self.constants}
        for name, array in source.signals(self.name, self.signals, alive.candidates).items():
            values[name] = array[:, None] if array.ndim == 1 else array
            if self.request_wide:
                values[name] = np.broadcast_to(values[name], shape)
        if alive.scores is not None:
            values["score"] = alive.scores
        for term, tree in self.terms:
            values[term] = self._evaluate(tree, values, alive)
        return values

    def _evaluate(self, tree: Node, values: Values, alive: Alive) -> float | NDArray[Any]:
        return evaluate(tree, values, valid=alive.valid, functions=self.functions)

    def _passing(self, values: Values, alive: Alive, shape: tuple[int, int]) -> Valid | None:
        """Who is there and passes every filter, (requests, kept); None where that is everybody."""
        passing = alive.valid
        for tree in self.filters:
            held = np.asarray(self._evaluate(tree, values, alive))
            passes = np.broadcast_to((held != 0) & ~np.isnan(held), shape)
            passing = passes if passing is None else passing & passes
        return passing

    def _positions(
        self, source: SignalSource, config: Config, alive: Alive, scores: Scores, penalty: Penalty
    ) -> Positions:
        keep = self.keep_count(config)
        repeats = self._repeats(source, alive, penalty)
        if self.sources is not None:
            return self._blended(source, config, alive, scores, repeats)
        if repeats is None:
            return (sort_best if self.last else keep_best)(scores, keep, alive.valid)
        return self._in_place(pick_diverse(scores, repeats, keep, alive.valid))

    def _blended(
        self,
        source: SignalSource,
        config: Config,
        alive: Alive,
        scores: Scores,
        repeats: Repeats | None,
    ) -> Positions:
        assert self.sources is not None
        keep, quotas = self.keep_count(config), self.sources.quotas(config)
        if not self.last:
            quotas = quotas.upstream()
            # as a rule the best are enough of each source, and nobody else's source need be known
            if repeats is None and (kept := self._enough(source, quotas, keep, alive, scores)) is not None:
                return kept
        groups = self.sources.groups(source, alive.candidates)
        if repeats is not None or quotas.pins:
            return self._in_place(pick_blended(scores, groups, quotas, keep, alive.valid, repeats))
        return (sort_blended if self.last else keep_blended)(scores, groups, quotas, keep, alive.valid)

    def _enough(
        self, source: SignalSource, quotas: Quotas, keep: int, alive: Alive, scores: Scores
    ) -> Positions | None:
        """The best, where they have the minimum of every source."""
        assert self.sources is not None
        kept = keep_best(scores, keep, alive.valid)
        best = alive.at(kept, scores)
        groups = self.sources.groups(source, best.candidates)
        return kept if enough(groups, quotas, best.valid) else None

    def _in_place(self, picked: Positions) -> Positions:
        """Later stages break ties by position, so what is kept stands in the order it came in."""
        return picked if self.last else np.sort(picked, axis=1)

    def _repeats(self, source: SignalSource, alive: Alive, penalty: Penalty) -> Repeats | None:
        if self.diversity is None:
            return None
        return Repeats(source.keys(self.diversity.by, alive.candidates), penalty, self.diversity.max_per_key)


def compile_stage(task: Task, name: str, functions: Functions) -> CompiledStage:
    """A stage of a task, whose formulas may call plugin `functions`."""
    stage = task.stages[name]
    read = formulas_of(stage)
    nodes = [node for formula in read for node in walk(formula.tree)]
    found = {name for formula in read for name in formula.reads}
    return CompiledStage(
        name=name,
        signals=tuple(n for n in task.signals if n in found),
        by_candidate=frozenset(n for n, s in task.signals.items() if s.kind in ("prediction", "item"))
        | {"score"},
        constants=stage.constants,
        terms=_in_order(stage),
        score=stage.score.tree,
        filters=tuple(formula.tree for formula in stage.filters.values()),
        keep=None if isinstance(stage.keep, Param) else stage.keep,
        diversity=stage.diversity,
        sources=Sources(task.sources) if task.sources else None,
        request_wide=any(isinstance(node, Call) and node.function in REQUEST_WIDE for node in nodes),
        last=name == task.slate_stage,
        functions=functions,
    )


def formulas_of(stage: Stage) -> list[Formula]:
    """All that a stage computes."""
    penalty = [stage.diversity.penalty] if stage.diversity is not None else []
    return [*stage.terms.values(), stage.score, *stage.filters.values(), *penalty]


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
