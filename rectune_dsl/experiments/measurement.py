"""Moments measured: every metric in every arm, as it is and CUPED-adjusted, and the lifts between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.experiments.balance import BALANCE_THRESHOLD, balance_p_value
from rectune_dsl.experiments.contradictions import checked
from rectune_dsl.experiments.degrees import welch_degrees
from rectune_dsl.experiments.linear import (
    LEAST_USERS,
    Array,
    Cuped,
    Linear,
    Sample,
    counted,
    cuped,
    is_constant,
    linear,
    quantile_column,
    sample,
    variance_of_level,
)
from rectune_dsl.experiments.quantiles import Quantile, quantile_of, with_quantiles
from rectune_dsl.hooks.api import ArmMoments, Estimates, Moments


@dataclass(frozen=True, eq=False)
class Cell:
    """One metric in one arm of `users`, `n` of whom it is about: as it is, and as the lift uses it."""

    users: Sample
    n: int
    plain: Linear
    adjusted: Linear

    @property
    def variance(self) -> float:
        """Of the level as it is."""
        return variance_of_level(self.plain, self.users, self.n)

    @property
    def adjusted_variance(self) -> float:
        return variance_of_level(self.adjusted, self.users, self.n)

    @property
    def constant(self) -> bool:
        """Whether users do not differ: then nothing tells how sure the level is."""
        return is_constant(self.plain.level, self.variance * self.n)


class Measurement:
    """The arms of one observation, measured. Rows are arms, control first; columns are metrics.

    `missing`: metric, or `arm/metric` -> why there is no lift. Raises BackendError where the observation
    contradicts itself.
    """

    def __init__(self, observation: Moments, metrics: Mapping[str, Metric]) -> None:
        checked(observation)
        self.observation = observation
        self.metrics = metrics
        self.missing = dict(_unmeasured(observation, metrics))
        self._ordered = {n: m for n, m in metrics.items() if m.kind == "quantile" and n not in self.missing}
        self._columns = (*observation.columns, *(quantile_column(m, n) for n, m in self._ordered.items()))
        self._quantiles = [self._quantiles_of(arm) for arm in observation.arms]
        measured = [arm for arm in observation.arms if arm.n >= LEAST_USERS]
        self._pooled = sample(measured) if measured else None
        self._samples = [self._sample(at) for at in range(len(observation.arms))]
        self._cells = [self._row(users) for users in self._samples]
        self._unbalanced = {at for at in self._pairs() if self._note_imbalance(*at)}
        self._note_missing()

    def cell(self, arm: str, metric: str) -> Cell | None:
        """One metric in one arm; None where it is missing."""
        return self._cells[self._row_of(arm)][self._column_of(metric)]

    def quantile(self, arm: str, metric: str) -> Quantile | None:
        """A quantile in one arm; None where it is missing, or no quantile."""
        return self._quantiles[self._row_of(arm)].get(metric)

    def pair(self, arm: str, metric: str) -> tuple[Cell, Cell] | None:
        """The treatment's and control's cells where the metric has a lift between them."""
        return self._pair(self._row_of(arm), self._column_of(metric))

    def estimates(self) -> Estimates:
        """Lifts, levels and their joint covariance by the delta method."""
        treatments, width = range(1, len(self._cells)), range(len(self.metrics))
        covariance, effective_n = self._spread(*self._gradients())
        return Estimates(
            as_of=self.observation.as_of,
            arms=tuple(arm.arm for arm in self.observation.arms[1:]),
            metrics=tuple(self.metrics),
            lift=tuple(tuple(self._lift(a, m) for m in width) for a in treatments),
            covariance=_rows(covariance),
            level=tuple(tuple(None if c is None else c.plain.level for c in row) for row in self._cells),
            level_se=tuple(
                tuple(0.0 if c is None else math.sqrt(c.variance) for c in row) for row in self._cells
            ),
            effective_n=_rows(effective_n),
            complete_until=dict(self.observation.complete_until),
            missing=self.missing,
        )

    def _row_of(self, arm: str) -> int:
        return [a.arm for a in self.observation.arms].index(arm)

    def _column_of(self, metric: str) -> int:
        return list(self.metrics).index(metric)

    def _quantiles_of(self, arm: ArmMoments) -> Mapping[str, Quantile | None]:
        if arm.n < LEAST_USERS:
            return dict.fromkeys(self._ordered)
        return {name: quantile_of(metric, name, arm) for name, metric in self._ordered.items()}

    def _sample(self, at: int) -> Sample | None:
        """An arm's users, with a column for each quantile; None where they are too few."""
        arm = self.observation.arms[at]
        if arm.n < LEAST_USERS:
            return None
        return with_quantiles(sample([arm]), list(self._quantiles[at].values()))

    def _row(self, users: Sample | None) -> list[Cell | None]:
        return [self._cell(name, metric, users) for name, metric in self.metrics.items()]

    def _cell(self, name: str, metric: Metric, users: Sample | None) -> Cell | None:
        if users is None or self._pooled is None or name in self.missing:
            return None
        columns = self._columns
        plain, n = linear(metric, name, columns, users), counted(metric, columns, users)
        if plain is None or n < LEAST_USERS:
            return None
        adjustment = self._adjustment(name, metric)
        return Cell(users, n, plain, adjustment.adjust(plain, columns, users) if adjustment else plain)

    def _adjustment(self, name: str, metric: Metric) -> Cuped | None:
        """By the covariate, where it was observed."""
        if self._pooled is None or metric.covariate is None or metric.covariate in self.observation.missing:
            return None
        return cuped(metric, name, self.observation.columns, self._pooled)

    def _pairs(self) -> list[tuple[int, int]]:
        return [(a, m) for a in range(1, len(self._cells)) for m in range(len(self.metrics))]

    def _note_imbalance(self, a: int, m: int) -> bool:
        """Whether the arm differs from control in the covariate that its lift is adjusted by."""
        arm, control = self._cells[a][m], self._cells[0][m]
        name, metric = list(self.metrics.items())[m]
        if arm is None or control is None or arm.adjusted is arm.plain:
            return False
        p_value = self._balance(name, metric, arm.users, control.users)
        if p_value >= BALANCE_THRESHOLD:
            return False
        base, treated = (self.observation.arms[i].arm for i in (0, a))
        self.missing[f"{treated}/{name}"] = (
            f"its covariate {metric.covariate} differs between {treated} and {base} (p = {p_value:.1g}), so "
            "it is not from before the experiment, or users were not assigned at random"
        )
        return True

    def _balance(self, name: str, metric: Metric, arm: Sample, control: Sample) -> float:
        adjustment = self._adjustment(name, metric)
        before = [adjustment.level_of(self._columns, users) for users in (arm, control)] if adjustment else []
        treated, base = before or (None, None)
        return 1.0 if treated is None or base is None else balance_p_value((treated, arm), (base, control))

    def _note_missing(self) -> None:
        for a, (arm, users) in enumerate(zip(self.observation.arms, self._samples, strict=True)):
            for m, name in enumerate(self.metrics):
                if name in self.missing:
                    continue
                key = name if a == 0 else f"{arm.arm}/{name}"
                cell = self._cells[a][m]
                if users is None:
                    self.missing[key] = f"{arm.arm} has {arm.n} users; {LEAST_USERS} are needed"
                elif cell is None:
                    self.missing[key] = self._uncounted(arm.arm, name, users)
                elif (quantile := self._quantiles[a].get(name)) and not quantile.is_known:
                    self.missing[key] = unsure(arm.arm, quantile)
                elif a == 0 and cell.adjusted.level <= 0:
                    sign = "0" if cell.adjusted.level == 0 else "negative"
                    self.missing[key] = f"its level in {arm.arm} is {sign}, so there is no relative change"

    def _uncounted(self, arm: str, name: str, users: Sample) -> str:
        metric = self.metrics[name]
        n = counted(metric, self.observation.columns, users)
        if n < LEAST_USERS:
            return f"{arm} has {n} users in its segment; {LEAST_USERS} are needed"
        return f"its denominator is 0 in {arm}"

    def _pair(self, a: int, m: int) -> tuple[Cell, Cell] | None:
        arm, control = self._cells[a][m], self._cells[0][m]
        if arm is None or control is None or control.adjusted.level <= 0 or (a, m) in self._unbalanced:
            return None
        name = list(self.metrics)[m]
        quantiles = (self._quantiles[row].get(name) for row in (a, 0))
        return None if any(q and not q.is_known for q in quantiles) else (arm, control)

    def _lift(self, a: int, m: int) -> float | None:
        pair = self._pair(a, m)
        return None if pair is None else pair[0].adjusted.level / pair[1].adjusted.level - 1

    def _gradients(self) -> tuple[Array, Array]:
        """Of every lift by its own arm's and by control's column means; 0 where missing.

        Both are (treatments, metrics, columns).
        """
        shape = (len(self._cells) - 1, len(self.metrics), len(self._columns))
        own, shared = np.zeros(shape), np.zeros(shape)
        for a, m in self._pairs():
            if (pair := self._pair(a, m)) is not None:
                arm, control = (cell.adjusted for cell in pair)
                own[a - 1, m] = arm.gradient / control.level
                shared[a - 1, m] = -arm.level / control.level**2 * control.gradient
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
                if own[a, m].any() and (pair := self._pair(a + 1, m)) is not None:
                    n, base = (cell.n for cell in pair)
                    parts = (float(block[m, m]), n, float(shared_part[a, m]), base)
                    effective_n[a, m] = welch_degrees(*parts) + 1
        return (covariance + covariance.T) / 2, effective_n


def unsure(arm: str, quantile: Quantile) -> str:
    """Why nothing tells how sure a quantile is."""
    if quantile.error == 0:
        return f"too many users of {arm} have the same value for an interval of its quantile"
    return f"{arm} has {quantile.n} users, too few for an interval of its quantile"


def _unmeasured(observation: Moments, metrics: Mapping[str, Metric]) -> Mapping[str, str]:
    found = {}
    for name, metric in metrics.items():
        # without its covariate a metric is only less precise
        needed = metric.model_copy(update={"covariate": None}).columns(name)
        reasons = [observation.missing[key] for key in (name, *needed) if key in observation.missing]
        absent = [c for c in needed if c not in observation.columns]
        if metric.kind == "quantile":
            absent = [c for c in needed if not _has_histograms(observation, c)]
        if reasons:
            found[name] = reasons[0]
        elif absent and metric.kind == "quantile":
            found[name] = f"the backend does not give quantiles of {', '.join(absent)}"
        elif absent:
            found[name] = f"the backend does not measure {', '.join(absent)}"
    return found


def _has_histograms(observation: Moments, column: str) -> bool:
    return all(column in arm.histograms for arm in observation.arms if arm.n >= LEAST_USERS)


def _rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(x) for x in row) for row in matrix)
