"""What limits are decided on: the best statistic that an observation allows.

From users' moments a lift is tested on T - (1 + limit) C (`ratios`), and so is a U of one north star; a
proportion's level has exact bounds (`proportions`). A level or lift whose users do not differ at all is
unknown, not certain. A U of several north stars is a sum of quotients with different denominators: it keeps
the delta method. So does all that comes as Estimates, which no longer tell treatment from control; there an
error of 0 means that the value was computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Metric
from rectune_dsl.experiments import intervals
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.estimates import selected
from rectune_dsl.experiments.intervals import Measured, weighted_lifts
from rectune_dsl.experiments.measurement import Cell, Measurement
from rectune_dsl.experiments.proportions import Proportion, is_binary, least_variance
from rectune_dsl.experiments.ratios import Ratio
from rectune_dsl.hooks.records import Estimates, Observation


@dataclass(frozen=True)
class Unknown:
    """Why nothing is known, as a sentence without its full stop."""

    why: str


class Evidence(Protocol):
    """What an observation says about its treatments."""

    @property
    def arms(self) -> tuple[str, ...]: ...

    def limited(self, arm: str, metric: str, limit: Limit) -> Measured | Unknown:
        """What a guardrail's limit is about: the lift for a percentage, the level otherwise."""
        ...

    def objective(self, arm: str, weights: Mapping[str, float]) -> Measured | Unknown:
        """U: the sum of weight x lift, with `weights` as in `Task.objective_weights`."""
        ...


def evidence(observation: Observation, metrics: Mapping[str, Metric]) -> Evidence:
    """Evidence about `metrics`, against the observation's first arm. Raises BackendError where the
    observation contradicts itself."""
    if isinstance(observation, Estimates):
        return _Given(selected(observation, metrics))
    return _Users(Measurement(observation, metrics))


@dataclass(frozen=True)
class _Given:
    """Estimates, as somebody else made them."""

    estimates: Estimates

    @property
    def arms(self) -> tuple[str, ...]:
        return self.estimates.arms

    def limited(self, arm: str, metric: str, limit: Limit) -> Measured | Unknown:
        seen = intervals.limited(self.estimates, arm, metric, limit)
        return _absent(self.estimates.missing, arm, metric) if seen is None else seen

    def objective(self, arm: str, weights: Mapping[str, float]) -> Measured | Unknown:
        return _weighted(self.estimates, arm, weights)


class _Users:
    """Users' moments."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement
        self._estimates = measurement.estimates()

    @property
    def arms(self) -> tuple[str, ...]:
        return self._estimates.arms

    def limited(self, arm: str, metric: str, limit: Limit) -> Measured | Unknown:
        return self._lift(arm, metric) if limit.relative else self._level(arm, metric)

    def objective(self, arm: str, weights: Mapping[str, float]) -> Measured | Unknown:
        if len(weights) == 1:
            ((star, weight),) = weights.items()
            return self._lift(arm, star, weight)
        parts = [self._lift(arm, star) for star in weights]
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        return unknown or _weighted(self._estimates, arm, weights)

    def _lift(self, arm: str, metric: str, weight: float = 1.0) -> Measured | Unknown:
        pair = self._measurement.pair(arm, metric)
        if pair is None:
            return _absent(self._measurement.missing, arm, metric)
        own, shared = (self._variance(metric, cell) for cell in pair)
        if own == 0 or shared == 0:
            return _constant(metric, arm if own == 0 else self._measurement.observation.arms[0].arm)
        treatment, control = pair
        above, below = treatment.adjusted.level, control.adjusted.level
        degrees = welch_degrees(own, treatment.users.n, (above / below) ** 2 * shared, control.users.n)
        return Ratio.of((above, own), (below, shared), degrees, weight)

    def _level(self, arm: str, metric: str) -> Measured | Unknown:
        cell = self._measurement.cell(arm, metric)
        if cell is None:
            return _absent(self._measurement.missing, arm, metric)
        if self._is_share(metric, cell):
            return Proportion.of(cell.users.n, cell.plain.level * cell.users.n)
        if cell.constant:
            return _constant(metric, arm)
        return Measured(cell.plain.level, math.sqrt(cell.variance), cell.users.n - 1)

    def _variance(self, metric: str, cell: Cell) -> float:
        """Of the level behind a lift; 0 where it is not known."""
        if not cell.constant:
            return cell.adjusted_variance
        # a share without an event, or with nothing else, is uncertain by how few users there are
        return least_variance(cell.users.n) if self._is_share(metric, cell) else 0.0

    def _is_share(self, metric: str, cell: Cell) -> bool:
        binary = is_binary(cell.plain.level, cell.plain.variance(cell.users), cell.users.n)
        return self._measurement.metrics[metric].kind == "proportion" and binary


def _weighted(estimates: Estimates, arm: str, weights: Mapping[str, float]) -> Measured | Unknown:
    seen = weighted_lifts(estimates, weights, arm)
    if seen is not None:
        return seen
    row = dict(zip(estimates.metrics, estimates.lift[estimates.arms.index(arm)], strict=True))
    lost = next((star for star in weights if row.get(star) is None), None)
    return Unknown("the task has no north star") if lost is None else _absent(estimates.missing, arm, lost)


def _absent(missing: Mapping[str, str], arm: str, metric: str) -> Unknown:
    why = missing.get(f"{arm}/{metric}") or missing.get(metric) or "no reason given"
    return Unknown(f"{metric} is missing: {why}")


def _constant(metric: str, arm: str) -> Unknown:
    return Unknown(f"{metric} is the same for all users of {arm}, so nothing tells how sure it is")
