"""Noise of a round's lifts: known, correlated between metrics, and through the control that arms share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.designs import Design, from_estimates
from rectune_dsl.hooks.api import CONTROL, Arm, Config, Estimates, RoundResult

Floats = NDArray[np.float64]

BETWEEN = 0.3
"""Correlation of the errors of any two metrics of an arm: the same users are behind them."""
NORTH_STAR_RATIO = 2.0
"""Errors of each further north star, in those of the one before: minutes are less rare than shares."""


@dataclass(frozen=True, eq=False)
class Noise:
    """`covariance` (metrics, metrics) of one arm's lifts, in the order of `task.judged`; half of it is
    control's, which all arms of a round share. `levels` are production's, by metric; 1 where not given."""

    task: Task
    covariance: Floats
    levels: Mapping[str, float]

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.task.judged)

    def of_arms(self, count: int) -> Floats:
        """Covariance (arms * metrics, arms * metrics) of a round's lifts, row-major by arm."""
        return np.asarray(np.kron(0.5 * (np.eye(count) + 1.0), self.covariance), np.float64)

    def measure(
        self, number: int, arms: Sequence[Arm], truths: Floats, rng: np.random.Generator
    ) -> RoundResult:
        """A round in which arms with these true lifts (arms, metrics) were tested."""
        control, *treatments = rng.standard_normal((len(arms) + 1, len(self.metrics))) @ self._root.T
        lifts = truths + np.sqrt(0.5) * (np.array(treatments).reshape(truths.shape) - control)
        arms = (Arm(CONTROL, Config(self.task.production)), *arms)
        return RoundResult(
            number, f"round-{number}/experiment", tuple(arms), self._estimates(arms[1:], lifts)
        )

    def confirmation(self) -> Design:
        """What the confirmation's traffic can show."""
        nobody = np.zeros((1, len(self.metrics)))
        measured = self._estimates([Arm("arm", Config(self.task.production))], nobody)
        tested = from_estimates(measured, self.task, 0, self.task.experiment.users_per_arm)
        return tested.with_users(self.task.confirm.users_per_arm)

    @property
    def _root(self) -> Floats:
        return np.asarray(np.linalg.cholesky(self.covariance), np.float64)

    def _estimates(self, arms: Sequence[Arm], lifts: Floats) -> Estimates:
        base = np.array([self.levels.get(metric, 1.0) for metric in self.metrics])
        level = base * np.vstack([np.ones(len(base)), 1.0 + lifts])
        errors = np.broadcast_to(base * np.sqrt(0.5 * np.diag(self.covariance)), level.shape)
        users = np.full(lifts.shape, 2.0 * self.task.experiment.users_per_arm)
        return Estimates(
            as_of=datetime(2026, 1, 9, tzinfo=UTC),
            arms=tuple(arm.name for arm in arms),
            metrics=self.metrics,
            lift=_rows(lifts),
            covariance=_rows(self.of_arms(len(arms))),
            level=_rows(level),
            level_se=_rows(errors),
            effective_n=_rows(users),
        )


def noise_of(task: Task, gain: float, share: float, levels: Mapping[str, float]) -> Noise:
    """Noise with standard errors of `share` of what is at stake: of the oracle's `gain` for U, of the margin
    for a relative guardrail, of a tenth of the limit for an absolute one. Raises ValueError where there is no
    gain."""
    if gain <= 0:
        raise ValueError(f"an oracle that gains {gain:.3g} leaves nothing to tune for")
    metrics, weights = tuple(task.judged), task.objective_weights
    errors = np.array([_stake(task, metric, levels) for metric in metrics])
    for place, metric in enumerate(weights):
        errors[metrics.index(metric)] = NORTH_STAR_RATIO**place
    correlation = BETWEEN + (1 - BETWEEN) * np.eye(len(metrics))
    weight = np.array([weights.get(metric, 0.0) for metric in metrics])
    of_u = float(np.sqrt((weight * errors) @ correlation @ (weight * errors)))
    errors = share * np.where(weight != 0, errors * gain / of_u, errors)
    return Noise(task, correlation * np.outer(errors, errors), levels)


def _stake(task: Task, metric: str, levels: Mapping[str, float]) -> float:
    limit = task.guarded.get(metric)
    if limit is None:
        return 0.05
    if limit.relative:
        return abs(limit.bound) or 0.01
    return 0.1 * abs(limit.bound) / abs(levels.get(metric, 1.0))


def _rows(array: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, array.tolist()))
