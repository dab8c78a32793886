"""Tasks and experiments to judge by: only metrics, guardrails and traffic matter here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Arm, ArmMoments, Config, ExperimentSpec, Moments

ALPHA = 0.05
TREATED = "new"
STAR = {"goal": "maximize"}
CONFIRM_USERS, CONFIRM_DAYS = 120_000, 7
EXPLORE_USERS, EXPLORE_DAYS = 20_000, 3
ROUNDS, ARMS = 8, 5
"""As in tasks/value_fusion.toml."""
START = datetime(2026, 1, 5, tzinfo=UTC)


def task(
    metrics: Mapping[str, object], guardrails: Mapping[str, str], rounds: int = ROUNDS, arms: int = ARMS
) -> Task:
    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "evidence", "surface": "feed"},
            "signals": {"p_click": {}},
            "stages": {
                "ranking": {
                    "keep": 10,
                    "score": "w * p_click",
                    "params": {"w": {"production": 1.0, "low": 0.5, "high": 2.0}},
                }
            },
            "metrics": metrics,
            "guardrails": guardrails,
            "experiment": {
                "rounds": rounds,
                "arms": arms,
                "users_per_arm": EXPLORE_USERS,
                "days": EXPLORE_DAYS,
                "alpha": ALPHA,
            },
            "confirm": {"users_per_arm": CONFIRM_USERS, "days": CONFIRM_DAYS},
        }
    )


def confirmation(*arms: str) -> ExperimentSpec:
    """A confirmation of `arms`, by default control and one treatment."""
    config = Config({"w": 1.0})
    named = tuple(Arm(name, config) for name in arms or (CONTROL, TREATED))
    return ExperimentSpec("key", "confirm", "feed", named, CONFIRM_USERS, CONFIRM_DAYS, START, "salt")


def moments(columns: tuple[str, ...], *arms: ArmMoments) -> Moments:
    """An observation after all days of a confirmation."""
    return Moments(START + timedelta(days=CONFIRM_DAYS), columns, arms)
