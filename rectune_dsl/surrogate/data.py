"""From finished rounds to what a model is fitted on: points, lifts and the covariance of their errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from rectune_dsl.hooks.api import CONTROL, HOLDOUT, Config, RoundResult
from rectune_dsl.surrogate.covariances import without_negatives
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.kernels import Array

Embed = Callable[[Sequence[Config]], Array]
"""What a model sees of configs: points (configs, dimension)."""


@dataclass(frozen=True)
class Level:
    """Production's absolute level of a metric, with its standard error."""

    value: float
    se: float


def lifts_of(embed: Embed, history: Sequence[RoundResult], weights: Mapping[str, float]) -> Observations:
    """The weighted sum of lifts of every arm that has all of them; one metric is a sum of one.

    Frozen rounds are left out, as are the arms of `control` and of the holdout. Rounds are independent;
    within a round the arms share their control, which the covariance of the estimates carries.
    """
    return _joined(embed, [_round(result, weights) for result in history if not result.frozen])


def production_level(history: Sequence[RoundResult], metric: str) -> Level | None:
    """Control's absolute level over all rounds, weighted by precision; None before it was measured."""
    values, variances = [], []
    for result in history:
        estimates = result.estimates
        if result.frozen or metric not in estimates.metrics:
            continue
        column = estimates.metrics.index(metric)
        level = estimates.level[0][column]
        if level is not None and np.isfinite(level):
            values.append(level)
            variances.append(estimates.level_se[0][column] ** 2)
    if not values:
        return None
    if min(variances) <= 0:  # computed, not measured: the latest is as good as any
        return Level(values[-1], 0.0)
    precision = 1.0 / np.array(variances)
    return Level(float(precision @ np.array(values) / precision.sum()), float(precision.sum() ** -0.5))


def level_changes(embed: Embed, history: Sequence[RoundResult], metric: str) -> Observations:
    """Every arm's level of one metric minus its control's, in the metric's unit: what an absolute limit is
    about exists where a lift does not, as it does when control's level is 0.

    Frozen rounds, control and the holdout are left out. The arms of a round share their control's error.
    """
    measured = (r for r in history if not r.frozen and metric in r.estimates.metrics)
    return _joined(embed, [_changes(result, result.estimates.metrics.index(metric)) for result in measured])


@dataclass(frozen=True, eq=False)
class _Seen:
    """What one round measured of some configs: values (configs,) and their errors' covariance."""

    configs: Sequence[Config]
    values: Array
    noise: Array


def _joined(embed: Embed, rounds: Sequence[_Seen]) -> Observations:
    """Rounds are independent."""
    points = embed([config for seen in rounds for config in seen.configs])
    values = np.concatenate([np.empty(0), *(seen.values for seen in rounds)])
    noises = [seen.noise for seen in rounds if seen.configs]
    return Observations(points, values, block_diag(*noises) if noises else np.zeros((0, 0)))


def _changes(result: RoundResult, column: int) -> _Seen:
    estimates = result.estimates
    configs = _treatments(result)
    control, shared = estimates.level[0][column], estimates.level_se[0][column] ** 2
    seen, values, own = [], [], []
    for row, arm in enumerate(estimates.arms, 1):
        level = estimates.level[row][column]
        if arm in configs and _known(level) and _known(control):
            seen.append(configs[arm])
            values.append(float(level or 0.0) - float(control or 0.0))
            own.append(estimates.level_se[row][column] ** 2)
    noise = np.diag(own) + shared if own else np.zeros((0, 0))
    return _Seen(seen, np.array(values), noise)


def _known(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _treatments(result: RoundResult) -> dict[str, Config]:
    return {arm.name: arm.config for arm in result.arms if arm.name not in (CONTROL, HOLDOUT)}


def _round(result: RoundResult, weights: Mapping[str, float]) -> _Seen:
    estimates = result.estimates
    configs = _treatments(result)
    if any(metric not in estimates.metrics for metric in weights):
        configs = {}
    columns = [estimates.metrics.index(metric) for metric in weights if configs]
    rows, seen, values = [], [], []
    for row, arm in enumerate(estimates.arms):
        lifts = [estimates.lift[row][column] for column in columns]
        if arm in configs and all(map(_known, lifts)):
            rows.append(row)
            seen.append(configs[arm])
            weighted = zip(weights.values(), lifts, strict=True)
            values.append(sum(w * lift for w, lift in weighted if lift is not None))
    noise = _noise(np.array(estimates.covariance), rows, columns, len(estimates.metrics), weights)
    return _Seen(seen, np.array(values), noise)


def _noise(
    covariance: Array, rows: list[int], columns: list[int], width: int, weights: Mapping[str, float]
) -> Array:
    """Covariance (arms, arms) of the weighted sums, from that of all lifts, row-major by arm."""
    if not rows:
        return np.zeros((0, 0))
    places = np.array([[row * width + column for column in columns] for row in rows])
    blocks = covariance[places[:, None, :, None], places[None, :, None, :]]  # (arms, arms, metrics, metrics)
    weight = np.array(list(weights.values()))
    return without_negatives(np.einsum("abij,i,j->ab", blocks, weight, weight))
