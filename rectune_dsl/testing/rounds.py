"""Rounds as a campaign would have measured them, made from true lifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Arm, Config, Estimates, RoundResult


def round_of(
    task: Task,
    number: int,
    arms: Sequence[Arm],
    truths: Sequence[Mapping[str, float]],
    errors: Mapping[str, float],
    rng: np.random.Generator | None = None,
    **fields: Any,
) -> RoundResult:
    """A round whose arms have these true lifts, 0 where left out. Half of their error variance is that of
    control, which they share. `errors` are standard errors by metric; without `rng` the truth is measured."""
    metrics, count = tuple(task.judged), len(arms)
    lift = np.array([[truth.get(m, 0.0) for m in metrics] for truth in truths]).reshape(count, -1)
    block = 0.5 * (np.eye(count) + 1.0)
    covariance = np.kron(block, np.diag([errors.get(m, 1e-3) ** 2 for m in metrics]))
    if rng is not None:
        lift = lift + rng.multivariate_normal(np.zeros(lift.size), covariance).reshape(lift.shape)
    level = np.vstack([np.ones(len(metrics)), 1.0 + lift])
    estimates = Estimates(
        as_of=datetime(2026, 1, 9, tzinfo=UTC),
        arms=tuple(arm.name for arm in arms),
        metrics=metrics,
        lift=tuple(map(tuple, lift.tolist())),
        covariance=tuple(map(tuple, covariance.tolist())),
        level=tuple(map(tuple, level.tolist())),
        level_se=tuple(map(tuple, np.full(level.shape, 1e-3).tolist())),
        effective_n=tuple(map(tuple, np.full(lift.shape, 2000.0).tolist())),
    )
    control = Arm(CONTROL, Config(task.production))
    return RoundResult(number, f"round-{number}/experiment", (control, *arms), estimates, **fields)
