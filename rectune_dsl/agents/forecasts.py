"""What records predict of an experiment before it begins, each beside what is predicted without it.

A record of responses, or one with a single mechanic from elsewhere, is set against what the names of heads
tell; no experiment of this campaign has a part in either. Elasticities are judged with their sizes on both
sides: a right size does not make up for a wrong direction. A mechanic that this campaign has found is set
against the same model without its cause: what other causes explain is no merit of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.hypotheses import leading_metric
from rectune_dsl.agents.sensitivity import slopes
from rectune_dsl.agents.trust import looked_at
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Arm, Config, Forecast, KnowledgeRecord, Mechanic, TightBounds
from rectune_dsl.surrogate import slates
from rectune_dsl.surrogate.data import lifts_of
from rectune_dsl.surrogate.mechanics import elasticities
from rectune_dsl.surrogate.params import ParamView
from rectune_dsl.surrogate.semantics import SLATE, moved_by
from rectune_dsl.surrogate.slates import relative_changes
from rectune_dsl.surrogate.told import Told, told_by

Array = NDArray[np.float64]
_SAMPLED, _ENOUGH = 256, 10


def forecasts(
    context: AgentContext,
    arms: Sequence[Arm],
    found: Sequence[KnowledgeRecord],
    known: Sequence[KnowledgeRecord],
) -> tuple[Forecast, ...]:
    """Of `arms` (treatments) by the records that this campaign has `found`, and by others that are `known`.
    Of absolute metrics nothing is forecast, and nothing by records that are words."""
    forecaster = _Forecaster(context, tuple(arms))
    new = [forecast for record in found for forecast in forecaster.of_found(record)]
    old = [forecast for record in known for forecast in forecaster.of_known(record)]
    return (*new, *old)


@dataclass(frozen=True, eq=False)
class _Linear:
    """y = Xβ + h at the arms: moves X (arms, causes), a posterior of β, and the sd of h."""

    moves: Array
    mean: Array
    covariance: Array
    spare: float

    def joint(self) -> tuple[Array, Array]:
        """Mean (arms,) and covariance (arms, arms)."""
        rest = self.spare**2 * np.eye(len(self.moves))
        return self.moves @ self.mean, self.moves @ self.covariance @ self.moves.T + rest

    def without(self, cause: Array) -> _Linear:
        """The same where the sum of the slopes that `cause` (causes,) is 1 for is known to be 0."""
        along = self.covariance @ cause
        variance = float(cause @ along)
        if variance <= 0:
            return self
        mean = self.mean - along * float(cause @ self.mean) / variance
        covariance = self.covariance - np.outer(along, along) / variance
        return _Linear(self.moves, mean, covariance, self.spare)


def _moments(of_sample: tuple[Array, Array], chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and variance of a mixture of normals."""
    means, sds = of_sample[0][chosen], of_sample[1][chosen]
    return float(means.mean()), float((sds**2).mean() + means.var())


@dataclass
class _Forecaster:
    """Models are made once for all records."""

    context: AgentContext
    arms: tuple[Arm, ...]
    _linear: dict[tuple[str, bool], _Linear | None] = field(default_factory=dict)

    def of_found(self, record: KnowledgeRecord) -> Iterator[Forecast]:
        if record.responses:
            yield from self._told(record)
        elif record.bounds is not None:
            yield from self._inside(record, record.bounds)
        elif record.mechanic is not None and record.mechanic.metric in self.context.task.lifted:
            yield from self._left_out(record, record.mechanic)

    def of_known(self, record: KnowledgeRecord) -> Iterator[Forecast]:
        about_slates = record.mechanic is not None and record.mechanic.cause.startswith(SLATE)
        if record.responses or about_slates:
            yield from self._told(record)
        elif record.bounds is not None and record.bounds.param in self.context.task.params:
            yield from self._inside(record, record.bounds)

    @property
    def _configs(self) -> list[Config]:
        return [arm.config for arm in self.arms]

    def _told(self, record: KnowledgeRecord) -> Iterator[Forecast]:
        task, whatif = self.context.task, self.context.whatif
        if whatif is None:
            return
        told = told_by([record], whatif.names)
        if not told:
            return
        beside = Told(sizes={r.metric: r.size for r in record.responses if r.causes})
        told = replace(told, sizes={**beside.sizes, **told.sizes})
        about = {response.metric for response in record.responses} or {prior.metric for prior in told.priors}
        with_it, without = (slates.fit(task, (), whatif, believed) for believed in (told, beside))
        for metric in task.lifted:
            if metric in about:
                both = (surrogate.joint(metric, self._configs) for surrogate in (with_it, without))
                yield self._forecast(record.id, metric, *both)

    def _left_out(self, record: KnowledgeRecord, mechanic: Mechanic) -> Iterator[Forecast]:
        about_slates = mechanic.cause.startswith(SLATE)
        model = self._model(mechanic.metric, about_slates)
        cause = self._cause(mechanic.cause, about_slates)
        if model is None or cause is None or not np.any(model.moves @ cause):
            return
        yield self._forecast(record.id, mechanic.metric, model.joint(), model.without(cause).joint())

    def _inside(self, record: KnowledgeRecord, bounds: TightBounds) -> Iterator[Forecast]:
        """Whether it tells anything of the leading metric that an arm lies inside the bounds: beside the
        distribution over all configs that may be looked at, that over those on the arm's side."""
        values, of_sample = self._population
        inside = (values[bounds.param] >= bounds.low) & (values[bounds.param] <= bounds.high)
        if min(inside.sum(), (~inside).sum()) < _ENOUGH:
            return
        sides = {chosen: _moments(of_sample, inside == chosen) for chosen in (True, False)}
        at = [sides[bounds.low <= arm.config[bounds.param] <= bounds.high] for arm in self.arms]
        means, variances = np.array([m for m, _ in at]), np.array([v for _, v in at])
        mean, variance = _moments(of_sample, np.ones_like(inside))
        count = len(self.arms)
        without = (np.full(count, mean), variance * np.eye(count))
        yield self._forecast(
            record.id, leading_metric(self.context.task), (means, np.diag(variances)), without
        )

    @cached_property
    def _population(self) -> tuple[dict[str, Array], tuple[Array, Array]]:
        """Values by param of configs that may be looked at, and what the leading metric is expected to be
        there, with its standard deviation, (configs,) each."""
        region, context = looked_at(self.context), self.context
        configs = region.configs(region.starts(context.rng, _SAMPLED))
        values = {p: np.array([config[p] for config in configs]) for p in context.task.params}
        column = context.surrogate.metrics.index(leading_metric(context.task))
        means, sds = context.surrogate.predict(configs)
        return values, (means[:, column], sds[:, column])

    def _cause(self, name: str, about_slates: bool) -> Array | None:
        whatif = self.context.whatif
        if not about_slates:
            names = Space(self.context.task).names
            return np.array([float(param == name) for param in names]) if name in names else None
        if whatif is None:
            return None
        moved = moved_by(name.removeprefix(SLATE), whatif.names)
        return moved if moved.any() else None

    def _model(self, metric: str, about_slates: bool) -> _Linear | None:
        key = (metric, about_slates)
        if key not in self._linear:
            make: Callable[[str], _Linear | None] = self._over_slates if about_slates else self._over_params
            self._linear[key] = make(metric)
        return self._linear[key]

    def _over_slates(self, metric: str) -> _Linear | None:
        context = self.context
        if context.whatif is None or not context.history:
            return None
        found = elasticities(context.task, context.history, context.whatif, metric)
        moves = relative_changes(context.whatif, self._configs)
        return _Linear(moves, found.mean, found.covariance, found.spare)

    def _over_params(self, metric: str) -> _Linear | None:
        space, view = Space(self.context.task), ParamView(self.context.task)
        measured = lifts_of(view.points, self.context.history, {metric: 1.0})
        found = slopes(measured.points - space.production, measured)
        if found is None:
            return None
        moves = view.points(self._configs) - space.production
        return _Linear(moves, found.mean, found.covariance, found.spare)

    def _forecast(
        self, record: str, metric: str, with_it: tuple[Array, Array], without: tuple[Array, Array]
    ) -> Forecast:
        return Forecast(
            record=record,
            metric=metric,
            arms=tuple(arm.name for arm in self.arms),
            expected=tuple(with_it[0].tolist()),
            doubt=tuple(map(tuple, with_it[1].tolist())),
            otherwise=tuple(without[0].tolist()),
            other_doubt=tuple(map(tuple, without[1].tolist())),
        )
