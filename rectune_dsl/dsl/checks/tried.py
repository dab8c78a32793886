"""A task's stages, computed at the points of a sample when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import vectors
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.parts import read_through_terms
from rectune_dsl.dsl.checks.samples import Sample
from rectune_dsl.dsl.formula import Call, Node, evaluate, walk
from rectune_dsl.dsl.formula.functions import FUNCTIONS
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.terms import CircularTermsError, ordered

Array = NDArray[Any]

_MOST_SHOWN = 12


class Tried:
    """What stages make of a sample. Arrays are (points, candidates), with 1 where nothing varies."""

    def __init__(self, draft: Draft, task: Task, sample: Sample) -> None:
        self._draft, self._task, self.sample = draft, task, sample
        self._scores: dict[str, Array] = {}

    def values(self, stage_name: str) -> dict[str, float | Array]:
        """Every name that the stage's formulas may read, terms excepted; the score of the stage before is
        the one it makes of these points, and left out where that cannot be computed."""
        provided = self._draft.signals_of(stage_name)
        values: dict[str, float | Array] = {n: v for n, v in self.sample.signals.items() if n in provided}
        values |= self._task.stages[stage_name].constants
        values |= self.sample.params
        stages = list(self._task.stages)
        if stage_name != stages[0]:
            with suppress(KeyError, CircularTermsError):  # missed only by formulas that read it
                values["score"] = self._score(stages[stages.index(stage_name) - 1])
        return values

    def compute(
        self, stage_name: str, tree: Node, values: Mapping[str, Any], kind: type[np.floating[Any]]
    ) -> Array:
        """A formula of a stage, computed in one precision. Raises KeyError where a name, a function
        or a vector has no meaning, CircularTermsError where terms read each other."""
        with np.errstate(over="ignore"):  # what overflows float32 is what the checks are to find
            known = {n: v.astype(kind) if isinstance(v, np.ndarray) else v for n, v in values.items()}
        shape = np.broadcast_shapes(*(np.shape(v) for v in known.values()), (1, 1))
        stage, functions = self._task.stages[stage_name], self._draft.environment.implementations
        read = read_through_terms(stage, tree)
        for term in (t for t in ordered(stage.terms) if t in read):
            self._require(stage.terms[term].tree)
            known[term] = evaluate(stage.terms[term].tree, known, functions=functions)
        self._require(tree)
        return np.broadcast_to(np.asarray(evaluate(tree, known, functions=functions)), shape)

    def _score(self, stage_name: str) -> Array:
        if stage_name not in self._scores:
            tree = self._task.stages[stage_name].score.tree
            self._scores[stage_name] = self.compute(stage_name, tree, self.values(stage_name), np.float32)
        return self._scores[stage_name]

    def _require(self, tree: Node) -> None:
        """Raises KeyError where a formula has no value, which other checks say."""
        if not vectors.fits(tree):
            raise KeyError("a vector")
        known = FUNCTIONS.keys() | self._draft.environment.implementations.keys()
        for node in walk(tree):
            if isinstance(node, Call) and node.function not in known:
                raise KeyError(node.function)


def describe(values: Mapping[str, Any], read: frozenset[str], row: int, column: int) -> str:
    """The numbers of one point, of the names in `read`."""
    shown = []
    for name in sorted(read & values.keys()):
        value = np.asarray(values[name])
        if value.ndim:
            at = value[min(row, value.shape[0] - 1), min(column, value.shape[1] - 1)]
            shown.append(f"{name} = {at:.4g}")
    rest = ", ..." if len(shown) > _MOST_SHOWN else ""
    return f" at {', '.join(shown[:_MOST_SHOWN])}{rest}" if shown else ""
