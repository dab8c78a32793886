"""Makers of tasks and observations, and their simulated twins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, ArmMoments, Config, Estimates, ExperimentSpec, Moments

START = datetime(2026, 1, 5, tzinfo=UTC)
END = START + timedelta(days=7)

METRICS = {
    "watch": {"goal": "maximize", "weight": 1.0},
    "likes": {"goal": "minimize", "weight": 0.5},
    "return": {"kind": "proportion"},
}
GUARDRAILS = {"return": ">= -1%", "latency": "<= 120"}


class Makers:
    """What the tests build their inputs with."""

    start, end = START, END

    def task(self, metrics=None, guardrails=None, **experiment):
        return Task.model_validate(
            {
                "dsl": 1,
                "task": {"name": "t", "surface": "s"},
                "signals": {"p": {}},
                "stages": {
                    "ranking": {
                        "keep": 10,
                        "score": "p * w",
                        "params": {"w": {"production": 1.0, "low": 0.0, "high": 2.0}},
                    }
                },
                "metrics": METRICS if metrics is None else metrics,
                "guardrails": GUARDRAILS if guardrails is None else guardrails,
                "experiment": {"users_per_arm": 1000, "days": 3, **experiment},
                "confirm": {"users_per_arm": 1000, "days": 7},
            }
        )

    def moments(self, arms, columns, assigned=None, **more):
        """`arms` maps names to arrays (users, columns)."""
        return Moments(
            as_of=more.pop("as_of", END),
            columns=tuple(columns),
            arms=tuple(
                ArmMoments(
                    name,
                    (assigned or {}).get(name, len(x)),
                    len(x),
                    tuple(map(float, x.sum(axis=0))),
                    tuple(tuple(map(float, row)) for row in x.T @ x),
                )
                for name, x in arms.items()
            ),
            **more,
        )

    def estimates(self, lifts, covariance, levels=None, level_errors=None, n=1e6, **more):
        """One treatment: `lifts` by metric with their covariance, and its levels."""
        levels = levels or {}
        names = tuple(lifts)
        return Estimates(
            as_of=more.pop("as_of", END),
            arms=("new",),
            metrics=names,
            lift=(tuple(lifts.values()),),
            covariance=tuple(tuple(map(float, row)) for row in covariance),
            level=(tuple(levels.get(m, 1.0) for m in names),) * 2,
            level_se=(tuple((level_errors or {}).get(m, 0.1) for m in names),) * 2,
            effective_n=((n,) * len(names),),
            **more,
        )

    def spec(self, *arms, days=7, users=1000):
        names = arms or ("control", "new")
        config = Config({"w": 1.0})
        return ExperimentSpec(
            "key", "confirm", "s", tuple(Arm(a, config) for a in names), users, days, START, "salt"
        )

    def generator(self, name, number=0):
        return np.random.Generator(np.random.Philox(key=[int.from_bytes(name.encode()[:8]), number]))


@pytest.fixture(scope="session")
def make():
    return Makers()
