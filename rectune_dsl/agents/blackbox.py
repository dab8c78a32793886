"""An actor around any optimiser that is asked for points and told what came of them.

What such an optimiser sees is the unit box of the params, U, and what each guardrail lacks: nothing of
slates, mechanics or skills. `OptimiserActor` gives it the rest of an actor's duties, as built-in actors do
them. Plugins may build on all names of this module without an underscore; they are as stable as the hooks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.hypotheses import proposals
from rectune_dsl.agents.past import tested_arms
from rectune_dsl.agents.recommend import recommend
from rectune_dsl.agents.region import Region
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.intervals import Measured, limited, weighted_lifts
from rectune_dsl.hooks.api import AgentContext, Config, Proposal, Recommendation, RoundResult

Floats = NDArray[np.float64]
PER_ARM = 2
"""Proposals per arm, so that the Critic has a choice."""
_SPARE = 4
"""As many random points per proposal are drawn where the optimiser gave too few that may be served."""


@dataclass(frozen=True)
class Lack:
    """How far a guardrail is from being kept, in its margins, with an error. Above 0 it is broken."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is known of one config: its `point` in the unit box, (params,); U over production with its
    standard error; and what each guardrail lacks, in the order of `Task.guarded`."""

    point: Floats
    gain: float
    error: float
    lacks: tuple[Lack, ...]


@dataclass(frozen=True, eq=False)
class Asked:
    """What an optimiser is asked: `count` points between `low` and `high`, (params,) each, given the
    `outcomes` so far, of which none lies outside. `seed` is new in each round. Points need not keep the
    task's constraints: those that do not are left out."""

    names: tuple[str, ...]
    low: Floats
    high: Floats
    outcomes: tuple[Outcome, ...]
    count: int
    seed: int


class OptimiserActor(ABC):
    """Proposes what an optimiser asks for, in the growing box that all actors keep to, and recommends by the
    run's own posterior. It remembers nothing: the optimiser is told the whole history in every round."""

    name: str

    @abstractmethod
    def points(self, asked: Asked) -> Sequence[Floats]:
        """Points of the unit box, (params,) each, the best first."""

    def propose(self, context: AgentContext) -> Sequence[Proposal]:
        region = Region.of(context)
        count = PER_ARM * context.budget.arms
        low, high = region.box
        within = tuple(o for o in outcomes(context) if np.all((low <= o.point) & (o.point <= high)))
        seed = int(context.rng.integers(2**31))
        asked = Asked(region.space.names, low, high, within, count, seed)
        found = region.configs(np.array([*self.points(asked)]).reshape(-1, region.space.dimension))
        if len(found) < count:
            drawn = region.configs(region.sample(context.rng, _SPARE * count))
            found += [config for config in drawn if config not in found]
        return proposals(context, found[:count], self.name)

    def recommend(self, context: AgentContext) -> Recommendation:
        return recommend(context, Region.of(context))


def outcomes(context: AgentContext) -> tuple[Outcome, ...]:
    """What was measured so far, production first: it gains nothing by definition. Left out are arms of which
    some number is missing, and production while an absolute guardrail's metric was never measured."""
    region = Region.of(context)
    return tuple(_outcomes(context.task, region, context.history))


def _outcomes(task: Task, region: Region, history: Sequence[RoundResult]) -> Iterator[Outcome]:
    measured = [result for result in history if not result.frozen]
    lacks = [_of_production(limit, metric, measured) for metric, limit in task.guarded.items()]
    if None not in lacks:
        yield Outcome(region.space.production, 0.0, 0.0, tuple(lack for lack in lacks if lack is not None))
    for result in measured:
        for arm in tested_arms([result]):
            if (found := _outcome(task, region, result, arm.name, arm.config)) is not None:
                yield found


def _outcome(task: Task, region: Region, result: RoundResult, arm: str, config: Config) -> Outcome | None:
    """None where U or a guarded metric is missing."""
    found = result.estimates
    if arm not in found.arms:
        return None
    gain = weighted_lifts(found, task.objective_weights, arm)
    seen = [
        (limit, limited(found, arm, metric, limit) if metric in found.metrics else None)
        for metric, limit in task.guarded.items()
    ]
    lacks = [_lack(limit, value) for limit, value in seen if value is not None]
    if gain is None or len(lacks) < len(seen):
        return None
    return Outcome(region.space.to_unit(config.values), gain.value, gain.error, tuple(lacks))


def _of_production(limit: Limit, metric: str, measured: Sequence[RoundResult]) -> Lack | None:
    """By definition for a lift; for a level as control has it last; None where that was never measured."""
    if limit.relative:
        return _lack(limit, Measured(0.0, 0.0, np.inf))
    for result in reversed(measured):
        found = result.estimates
        if metric in found.metrics:
            at = found.metrics.index(metric)
            value, error = found.level[0][at], found.level_se[0][at]
            if value is not None:
                return _lack(limit, Measured(value, error, np.inf))
    return None


def _lack(limit: Limit, seen: Measured) -> Lack:
    margin = abs(limit.bound) or 1.0
    beyond = limit.bound - seen.value if limit.direction == ">=" else seen.value - limit.bound
    return Lack(beyond / margin, seen.error / margin)
