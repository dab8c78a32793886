"""Which experiments, each taken alone, point the way a mechanic says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.sensitivity import STEP as PARAM_STEP
from rectune_dsl.agents.sensitivity import effects
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, Mechanic, RoundResult, WhatIf
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.mechanics import elasticities
from rectune_dsl.surrogate.params import ParamView
from rectune_dsl.surrogate.semantics import SLATE, causes_of
from rectune_dsl.surrogate.slates import relative_changes

Array = NDArray[np.float64]


class Witness(Protocol):
    """What experiments have to say about causes of one kind."""

    def columns(self, cause: str) -> list[int]:
        """Where moves have it, what stands for it first; empty for a cause that is not known here."""
        ...

    def moves(self, configs: Sequence[Config]) -> Array:
        """How far configs move every cause from production, (configs, causes)."""
        ...

    def slopes(self, history: Sequence[RoundResult], metric: str) -> Array:
        """Lift per unit of a move of every cause, by these rounds, (causes,)."""
        ...


class Evidence:
    """What the other causes did in an experiment is told by the other experiments only: effects that were
    fitted on the judged one would lean towards what it is asked to support."""

    def __init__(self, context: AgentContext) -> None:
        self._history = context.history
        self._params = ParamWitness(context.task)
        self._slates = None if context.whatif is None else SlateWitness(context.task, context.whatif)
        self._others: dict[tuple[str, str, str], Array] = {}

    def sides(self, mechanic: Mechanic) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(supports, contradicts): experiment keys."""
        supports: list[str] = []
        contradicts: list[str] = []
        for result in self._history:
            if result.key in mechanic.evidence:
                agreement = self._covariation(result, mechanic) * mechanic.effect
                if agreement:
                    (supports if agreement > 0 else contradicts).append(result.key)
        return tuple(supports), tuple(contradicts)

    def _covariation(self, result: RoundResult, mechanic: Mechanic) -> float:
        """Slope's sign of what the other causes' effects leave, weighted by precision, within one round."""
        about_slates = mechanic.cause.startswith(SLATE)
        witness: Witness | None = self._slates if about_slates else self._params
        columns = [] if witness is None else witness.columns(mechanic.cause)
        if witness is None or not columns:
            return 0.0
        measured = lifts_of(witness.moves, [result], {mechanic.metric: 1.0})
        if not measured.count:
            return 0.0
        others = self._without(witness, result, mechanic.metric).copy()
        others[columns] = 0.0
        rest = measured.values - measured.points @ others
        noise = measured.noise + 1e-12 * np.eye(measured.count)
        return float(measured.points[:, columns[0]] @ np.linalg.solve(noise, rest))

    def _without(self, witness: Witness, result: RoundResult, metric: str) -> Array:
        key = (type(witness).__name__, result.key, metric)
        if key not in self._others:
            rest = [other for other in self._history if other.key != result.key]
            self._others[key] = witness.slopes(rest, metric)
        return self._others[key]


class ParamWitness:
    """Causes are params, moved in units of their range."""

    def __init__(self, task: Task) -> None:
        self._task, self._space, self._view = task, Space(task), ParamView(task)

    def columns(self, cause: str) -> list[int]:
        return [i for i, name in enumerate(self._space.names) if name == cause]

    def moves(self, configs: Sequence[Config]) -> Array:
        return self._view.points(configs) - self._space.production

    def slopes(self, history: Sequence[RoundResult], metric: str) -> Array:
        found = effects(self._task, history, metric)
        return np.array([effect.effect for effect in found], np.float64) / PARAM_STEP


class SlateWitness:
    """Causes are slate features, moved by relative changes."""

    def __init__(self, task: Task, whatif: WhatIf) -> None:
        self._task, self._whatif = task, whatif

    def columns(self, cause: str) -> list[int]:
        about = cause.removeprefix(SLATE)
        return [i for i, name in enumerate(self._whatif.names) if about in causes_of(name)]

    def moves(self, configs: Sequence[Config]) -> Array:
        return relative_changes(self._whatif, configs)

    def slopes(self, history: Sequence[RoundResult], metric: str) -> Array:
        return elasticities(self._task, history, self._whatif, metric).mean
