"""What limits are decided on: the best statistic that an observation allows.

From users' moments a lift is tested on T - (1 + limit) C (`ratios`), and so is a U of one north star; one of
several has the same test for a sum of lifts (`sums`); a proportion's level has exact bounds (`proportions`),
and so has a quantile's, which are those of its lift, too (`quantiles`).
A level or lift whose users do not differ at all is unknown, not certain. What comes as Estimates keeps the
delta method, since it no longer tells treatment from control; there an error of 0 means that the value was
computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import block_diag

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments import intervals
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.estimates import selected
from rectune_dsl.experiments.intervals import Measured, weighted_lifts
from rectune_dsl.experiments.linear import Array
from rectune_dsl.experiments.measurement import Cell, Measurement
from rectune_dsl.experiments.proportions import Proportion, is_binary, least_variance
from rectune_dsl.experiments.quantiles import QuantileLift
from rectune_dsl.experiments.ratios import Ratio
from rectune_dsl.experiments.sums import LiftSum
from rectune_dsl.hooks.api import Estimates, Observation


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
        seen = weighted_lifts(self.estimates, weights, arm)
        if seen is not None:
            return seen
        row = self.estimates.lift[self.estimates.arms.index(arm)]
        lifts = dict(zip(self.estimates.metrics, row, strict=True))
        lost = next((star for star in weights if lifts.get(star) is None), None)
        if lost is None:
            return Unknown("the task has no north star")
        return _absent(self.estimates.missing, arm, lost)


class _Users:
    """Users' moments."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(arm.arm for arm in self._measurement.observation.arms[1:])

    @property
    def _control(self) -> str:
        return self._measurement.observation.arms[0].arm

    def limited(self, arm: str, metric: str, limit: Limit) -> Measured | Unknown:
        return self._lift(arm, metric) if limit.relative else self._level(arm, metric)

    def objective(self, arm: str, weights: Mapping[str, float]) -> Measured | Unknown:
        if len(weights) == 1:
            ((star, weight),) = weights.items()
            return self._lift(arm, star, weight)
        degrees = []
        for star in weights:
            part = self._lift(arm, star)
            if isinstance(part, Unknown):
                return part
            degrees.append(part.degrees)
        if not weights:
            return Unknown("the task has no north star")
        cells = [self._measurement.pair(arm, star) for star in weights]
        sides = [self._side(list(weights), side) for side in zip(*filter(None, cells), strict=True)]
        levels = np.concatenate([level for level, _ in sides])
        covariance = block_diag(*(covariance for _, covariance in sides))
        return LiftSum.of(np.array(list(weights.values())), levels, covariance, min(degrees))

    def _side(self, stars: list[str], cells: tuple[Cell, ...]) -> tuple[Array, Array]:
        """The levels of `stars` in one arm, and their covariance."""
        gradients = np.array([cell.adjusted.gradient for cell in cells])
        covariance = gradients @ cells[0].users.covariance_of_mean @ gradients.T
        for i, (star, cell) in enumerate(zip(stars, cells, strict=True)):
            covariance[i, i] = self._variance(star, cell)
        return np.array([cell.adjusted.level for cell in cells]), covariance

    def _lift(self, arm: str, metric: str, weight: float = 1.0) -> Measured | Unknown:
        pair = self._measurement.pair(arm, metric)
        if pair is None:
            return _absent(self._measurement.missing, arm, metric)
        quantiles = (self._measurement.quantile(a, metric) for a in (arm, self._control))
        if (found := tuple(filter(None, quantiles))) and len(found) == 2:
            return QuantileLift.of(*found, min(q.degrees for q in found))
        own, shared = (self._variance(metric, cell) for cell in pair)
        if own == 0 or shared == 0:
            return _constant(metric, arm if own == 0 else self._control)
        treatment, control = pair
        above, below = treatment.adjusted.level, control.adjusted.level
        degrees = welch_degrees(own, treatment.n, (above / below) ** 2 * shared, control.n)
        return Ratio.of((above, own), (below, shared), degrees, weight)

    def _level(self, arm: str, metric: str) -> Measured | Unknown:
        cell = self._measurement.cell(arm, metric)
        if cell is None:
            return _absent(self._measurement.missing, arm, metric)
        if quantile := self._measurement.quantile(arm, metric):
            return quantile
        if self._is_share(metric, cell):
            return Proportion.of(cell.n, cell.plain.level * cell.n)
        if cell.constant:
            return _constant(metric, arm)
        return Measured(cell.plain.level, math.sqrt(cell.variance), cell.n - 1)

    def _variance(self, metric: str, cell: Cell) -> float:
        """Of the level behind a lift; 0 where it is not known."""
        if not cell.constant:
            return cell.adjusted_variance
        # a share without an event, or with nothing else, is uncertain by how few users there are
        return least_variance(cell.n) if self._is_share(metric, cell) else 0.0

    def _is_share(self, metric: str, cell: Cell) -> bool:
        binary = is_binary(cell.plain.level, cell.variance * cell.n, cell.n)
        return self._measurement.metrics[metric].is_share and binary


def _absent(missing: Mapping[str, str], arm: str, metric: str) -> Unknown:
    why = missing.get(f"{arm}/{metric}") or missing.get(metric) or "no reason given"
    return Unknown(f"{metric} is missing: {why}")


def _constant(metric: str, arm: str) -> Unknown:
    return Unknown(f"{metric} is the same for all users of {arm}, so nothing tells how sure it is")
