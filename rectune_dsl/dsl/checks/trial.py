"""The whole funnel, tried out on a few candidates of many requests, with params at several values at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.checks.roles import candidate_wide, varies
from rectune_dsl.dsl.formula import Binary, Call, Compare, Name, Node, Unary, evaluate
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.dsl.stages import Signal
from rectune_dsl.dsl.terms import ordered, reached, signals_read

Array = NDArray[Any]

_CANDIDATES = 6


class Trial:
    """`count` requests, each with a config of its own out of `configs`. Arrays are (params, places,
    requests, candidates), with 1 where nothing varies. Every stage must be computable."""

    def __init__(self, draft: Draft, task: Task, configs: Mapping[str, Array], count: int) -> None:
        self._draft, self._task, self._count = draft, task, count
        self._generator = np.random.Generator(np.random.Philox(key=count))
        self._configs = {name: values[:count] for name, values in configs.items()}
        self._signals = {n: self._signal(s) for n, s in signals_read(task).items()}
        self._coins: dict[str, Array] = {}
        self._formulas = {name: self._prepared(name) for name in task.stages}
        self.served: dict[str, Array] = {}
        """Each stage's scores with every param as it is."""
        before = None
        for name in task.stages:
            before = self.served[name] = self.scores(name, {}, before)

    def varied(self, params: Sequence[str], places: Sequence[float]) -> dict[str, Array]:
        """Values of `params`: in row i only the i-th goes from place to place within its bounds."""
        space = Space(self._task)
        at = space.decode(np.repeat(np.array(places)[:, np.newaxis], space.dimension, axis=1))
        found = {}
        for i, name in enumerate(params):
            shape = (len(params), len(places), self._count, 1)
            found[name] = np.broadcast_to(self._configs[name], shape).copy()
            found[name][i] = at[:, space.names.index(name), np.newaxis, np.newaxis]
        return found

    def scores(self, stage_name: str, varied: Mapping[str, Array], before: Array | None) -> Array:
        """A stage's scores, with `varied` instead of the configs' values, and the stage's before."""
        stage = self._task.stages[stage_name]
        here = self._draft.signals_of(stage_name)
        signals = {name: values for name, values in self._signals.items() if name in here}
        values: dict[str, Any] = {**signals, **stage.constants, **self._configs, **self._coins, **varied}
        if before is not None:
            values["score"] = before
        functions = self._draft.environment.implementations
        for name, formula in self._formulas[stage_name]:
            values[name] = evaluate(formula, values, functions=functions)
        score = np.asarray(values["score"], np.float64)
        return np.broadcast_to(score, np.broadcast_shapes(score.shape, (1, 1, self._count, _CANDIDATES)))

    # --- formulas and signals ----------------------------------------------------------------------

    def _prepared(self, stage_name: str) -> tuple[tuple[str, Node], ...]:
        """A stage's formulas in the order of their computation, its score last."""
        stage = self._task.stages[stage_name]
        wide, read = candidate_wide(self._draft, stage_name), reached(stage)
        terms = [(t, stage.terms[t].tree) for t in ordered(stage.terms) if t in read]
        return tuple((n, self._with_coins(tree, wide)) for n, tree in [*terms, ("score", stage.score.tree)])

    def _with_coins(self, node: Node, wide: set[str]) -> Node:
        """The formula with each comparison decided by lot at two thirds of the places, so that branches
        which random signals hardly ever take, such as `country == 17`, are taken."""
        match node:
            case Compare():
                use, truth = f"coin {len(self._coins)}", f"coin {len(self._coins) + 1}"
                shape = (self._count, _CANDIDATES if varies(node, wide) else 1)
                self._coins[use] = (self._generator.random(shape) < 2 / 3).astype(np.float64)
                self._coins[truth] = (self._generator.random(shape) < 1 / 2).astype(np.float64)
                return Call("where", (Name(use, node.span), Name(truth, node.span), node), node.span)
            case Unary():
                return replace(node, operand=self._with_coins(node.operand, wide))
            case Binary():
                left, right = self._with_coins(node.left, wide), self._with_coins(node.right, wide)
                return replace(node, left=left, right=right)
            case Call():
                return replace(node, arguments=tuple(self._with_coins(a, wide) for a in node.arguments))
            case _:
                return node

    def _signal(self, signal: Signal) -> Array:
        """Values over the domain, both ends among them, and many near the ends, as probabilities are."""
        shape = (self._count, _CANDIDATES if signal.kind in ("prediction", "item") else 1)
        unit, lot = self._generator.random(shape), self._generator.random(shape)
        near = 10.0 ** (-4.0 * unit)
        places = [lot < 0.15, lot < 0.3, lot < 0.5, lot < 0.6]
        unit = np.select(places, [np.zeros(shape), np.ones(shape), near, 1.0 - near], unit)
        return signal.domain[0] + unit * (signal.domain[1] - signal.domain[0])
