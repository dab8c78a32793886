"""Small tasks and rounds made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Arm, Config, Estimates, RoundResult

MakeTask = Callable[..., Task]
MakeRound = Callable[..., RoundResult]


@pytest.fixture
def make_task() -> MakeTask:
    """`make_task(dimension)`: linear params x0, x1, ... in [0, 1], production .5."""

    def make(dimension: int = 2, guardrails: Mapping[str, str] | None = None) -> Task:
        params = {f"x{i}": {"production": 0.5, "low": 0.0, "high": 1.0} for i in range(dimension)}
        return Task.model_validate(
            {
                "dsl": 1,
                "task": {"name": "small", "surface": "feed"},
                "signals": {"p": {}},
                "stages": {"rank": {"keep": 10, "score": f"p * ({' + '.join(params)})", "params": params}},
                "metrics": {
                    "watch": {"goal": "maximize"},
                    "skips": {"goal": "minimize", "weight": 0.5},
                    "returns": {},
                },
                "guardrails": guardrails or {"returns": ">= -1%", "latency": "<= 120"},
                "experiment": {"users_per_arm": 1000, "days": 2},
                "confirm": {"users_per_arm": 4000, "days": 4},
            }
        )

    return make


@pytest.fixture
def make_round() -> MakeRound:
    """`make_round(task, points, lifts)`: lifts (arms, metrics), None where missing."""

    def make(
        task: Task,
        points: Sequence[Sequence[float]],
        lifts: Sequence[Sequence[float | None]],
        covariance: np.ndarray | None = None,
        **fields: object,
    ) -> RoundResult:
        metrics, count = tuple(task.judged), len(points)
        names = [f"a{i}" for i in range(count)]
        size = count * len(metrics)
        noise = 1e-6 * np.eye(size) if covariance is None else covariance
        shape = (count + 1, len(metrics))
        estimates = Estimates(
            as_of=datetime(2026, 1, 8, tzinfo=UTC),
            arms=tuple(names),
            metrics=metrics,
            lift=tuple(tuple(row) for row in lifts),
            covariance=tuple(map(tuple, noise.tolist())),
            level=tuple(
                tuple(100.0 * (1.0 + (lift or 0.0)) for lift in row) for row in [[0.0] * len(metrics), *lifts]
            ),
            level_se=tuple(map(tuple, np.full(shape, 0.5).tolist())),
            effective_n=tuple(map(tuple, np.full((count, len(metrics)), 2000.0).tolist())),
        )
        arms = [Arm(CONTROL, Config(task.production))]
        arms += [
            Arm(name, Config(dict(zip(task.params, map(float, point), strict=True))))
            for name, point in zip(names, points, strict=True)
        ]
        return RoundResult(1, "round-1", tuple(arms), estimates, **fields)  # type: ignore[arg-type]

    return make
