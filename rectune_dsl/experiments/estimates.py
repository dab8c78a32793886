"""From an observation to lifts with their joint covariance.

Conventions. A lift is the ratio treatment / control of a metric's levels, minus 1; its variance is the
first-order delta method's: with T, C the levels and v_T, v_C the variances of these means,
    var(lift) = v_T / C^2 + T^2 v_C / C^4,
and all arms share C, so their lifts covary. Variances divide by n - 1. Where a covariate was observed, the
levels behind the lift are CUPED-adjusted; the reported `level` never is, since an adjusted one is an estimate
of a difference only. `effective_n` is the Welch-Satterthwaite degrees of freedom of the lift, plus 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.model import Metric
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.linear import LEAST_USERS, Array, Linear, Sample, cuped, linear, sample
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.hooks.records import Estimates, Moments, Observation


def estimate(observation: Observation, metrics: Mapping[str, Metric]) -> Estimates:
    """Lifts of every arm over the first one for `metrics`, in their order.

    What cannot be estimated is None, and `missing` says why. A metric whose control level is not above 0
    keeps its level but has no lift. Raises BackendError where the observation contradicts itself.
    """
    if isinstance(observation, Estimates):
        return _selected(observation, metrics)
    _check(observation)
    return _Measurement(observation, metrics).estimates()


@dataclass(frozen=True, eq=False)
class _Cell:
    """One metric in one arm: as it is, and as the lift uses it."""

    plain: Linear
    adjusted: Linear


class _Measurement:
    """The arms of one observation, measured. Rows are arms, control first; columns are metrics."""

    def __init__(self, observation: Moments, metrics: Mapping[str, Metric]) -> None:
        self._observation = observation
        self._metrics = metrics
        self._missing = dict(_unmeasured(observation, metrics))
        counted = [arm for arm in observation.arms if arm.n >= LEAST_USERS]
        self._pooled = sample(counted) if counted else None
        self._samples = [sample([arm]) if arm.n >= LEAST_USERS else None for arm in observation.arms]
        self._cells = [self._row(users) for users in self._samples]
        self._note_missing()

    def estimates(self) -> Estimates:
        names = tuple(self._metrics)
        own, shared = self._gradients()
        covariance, effective_n = self._spread(own, shared)
        levels = [[None if c is None else c.plain for c in row] for row in self._cells]
        return Estimates(
            as_of=self._observation.as_of,
            arms=tuple(arm.arm for arm in self._observation.arms[1:]),
            metrics=names,
            lift=tuple(
                tuple(self._lift(a, m) for m in range(len(names))) for a in range(1, len(self._cells))
            ),
            covariance=_rows(covariance),
            level=tuple(tuple(None if x is None else x.level for x in row) for row in levels),
            level_se=tuple(
                tuple(0.0 if x is None else _error(x, users) for x in row)
                for row, users in zip(levels, self._samples, strict=True)
            ),
            effective_n=_rows(effective_n),
            complete_until=dict(self._observation.complete_until),
            missing=self._missing,
        )

    def _row(self, users: Sample | None) -> list[_Cell | None]:
        return [self._cell(name, metric, users) for name, metric in self._metrics.items()]

    def _cell(self, name: str, metric: Metric, users: Sample | None) -> _Cell | None:
        if users is None or self._pooled is None or name in self._missing:
            return None
        columns = self._observation.columns
        plain = linear(metric, name, columns, users)
        if plain is None:
            return None
        unseen = metric.covariate in self._observation.missing
        adjustment = None if unseen else cuped(metric, name, columns, self._pooled)
        return _Cell(plain, plain if adjustment is None else adjustment.adjust(plain, users))

    def _note_missing(self) -> None:
        for a, (arm, users) in enumerate(zip(self._observation.arms, self._samples, strict=True)):
            for m, name in enumerate(self._metrics):
                if name in self._missing:
                    continue
                key = name if a == 0 else f"{arm.arm}/{name}"
                cell = self._cells[a][m]
                if users is None:
                    self._missing[key] = f"{arm.arm} has {arm.n} users; {LEAST_USERS} are needed"
                elif cell is None:
                    self._missing[key] = f"its denominator is 0 in {arm.arm}"
                elif a == 0 and cell.adjusted.level <= 0:
                    sign = "0" if cell.adjusted.level == 0 else "negative"
                    self._missing[key] = f"its level in {arm.arm} is {sign}, so there is no relative change"

    def _lift(self, a: int, m: int) -> float | None:
        arm, control = self._cells[a][m], self._cells[0][m]
        if arm is None or control is None or control.adjusted.level <= 0:
            return None
        return arm.adjusted.level / control.adjusted.level - 1

    def _gradients(self) -> tuple[Array, Array]:
        """Of every lift by its own arm's and by control's column means; 0 where missing.

        Both are (treatments, metrics, columns).
        """
        shape = (len(self._cells) - 1, len(self._metrics), len(self._observation.columns))
        own, shared = np.zeros(shape), np.zeros(shape)
        for a in range(shape[0]):
            for m in range(shape[1]):
                arm, control = self._cells[a + 1][m], self._cells[0][m]
                if arm is not None and control is not None and control.adjusted.level > 0:
                    level = control.adjusted.level
                    own[a, m] = arm.adjusted.gradient / level
                    shared[a, m] = -arm.adjusted.level / level**2 * control.adjusted.gradient
        return own, shared

    def _spread(self, own: Array, shared: Array) -> tuple[Array, Array]:
        """The joint covariance (treatments x metrics) square, and effective n (treatments, metrics)."""
        treatments, width, columns = own.shape
        effective_n = np.zeros((treatments, width))
        control = self._samples[0]
        covariance = np.zeros((treatments * width, treatments * width))
        if control is None:
            return covariance, effective_n
        flat = shared.reshape(-1, columns)
        covariance += flat @ control.covariance_of_mean @ flat.T
        shared_part = np.diagonal(covariance).reshape(treatments, width).copy()
        for a, users in enumerate(self._samples[1:]):
            if users is None:
                continue
            block = own[a] @ users.covariance_of_mean @ own[a].T
            covariance[a * width : (a + 1) * width, a * width : (a + 1) * width] += block
            for m in range(width):
                if own[a, m].any():
                    parts = (float(block[m, m]), users.n, float(shared_part[a, m]), control.n)
                    effective_n[a, m] = welch_degrees(*parts) + 1
        return (covariance + covariance.T) / 2, effective_n


def _unmeasured(observation: Moments, metrics: Mapping[str, Metric]) -> Mapping[str, str]:
    found = {}
    for name, metric in metrics.items():
        # without its covariate a metric is only less precise
        needed = metric.model_copy(update={"covariate": None}).columns(name)
        reasons = [observation.missing[key] for key in (name, *needed) if key in observation.missing]
        absent = [c for c in needed if c not in observation.columns]
        if reasons:
            found[name] = reasons[0]
        elif absent:
            found[name] = f"the backend does not measure {', '.join(absent)}"
    return found


def _selected(observation: Estimates, metrics: Mapping[str, Metric]) -> Estimates:
    """The wanted metrics of given estimates, in the wanted order."""
    at = [observation.metrics.index(m) if m in observation.metrics else None for m in metrics]
    width, arms = len(observation.metrics), range(len(observation.arms))
    missing = dict(observation.missing)
    for name, place in zip(metrics, at, strict=True):
        if place is None:
            missing.setdefault(name, "the backend does not report it")
    flat = [None if m is None else a * width + m for a in arms for m in at]
    return Estimates(
        as_of=observation.as_of,
        arms=observation.arms,
        metrics=tuple(metrics),
        lift=tuple(tuple(None if m is None else row[m] for m in at) for row in observation.lift),
        covariance=tuple(
            tuple(0.0 if i is None or j is None else observation.covariance[i][j] for j in flat) for i in flat
        ),
        level=tuple(tuple(None if m is None else row[m] for m in at) for row in observation.level),
        level_se=tuple(tuple(0.0 if m is None else row[m] for m in at) for row in observation.level_se),
        effective_n=tuple(tuple(0.0 if m is None else row[m] for m in at) for row in observation.effective_n),
        complete_until=dict(observation.complete_until),
        missing=missing,
    )


def _check(observation: Moments) -> None:
    width = len(observation.columns)
    help = "this is a fault of the backend: report it to its author"
    if not observation.arms:
        raise BackendError("the observation has no arms", help=help)
    for arm in observation.arms:
        shape = {len(arm.sums), len(arm.products), *map(len, arm.products)}
        if shape - {width}:
            raise BackendError(
                f"the moments of arm {arm.arm!r} do not have one sum per column ({width})", help=help
            )


def _error(metric: Linear, users: Sample | None) -> float:
    if users is None:
        return 0.0
    variance = float(metric.gradient @ users.covariance_of_mean @ metric.gradient)
    return math.sqrt(max(variance, 0.0))


def _rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(x) for x in row) for row in matrix)
