"""After how many days an arm is stopped that does harm of 0.08 standard deviations.

The deviation is that of one user's mean over the experiment's days, of a guarded metric whose level it equals
(as for a metric of half of the users), so that the harm is a lift of -8 %, and the margin 1.5 %. Three
guardrails share the run's alpha; the others are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rectune_dsl.experiments.evidence import evidence
from rectune_dsl.experiments.monitors import harm, stop_alpha
from study.daily import Daily, observed
from study.figures import Figure, Share
from study.tasks import (
    CONFIRM_DAYS,
    CONFIRM_USERS,
    EXPLORE_DAYS,
    EXPLORE_USERS,
    STAR,
    TREATED,
    task,
)
from study.users import correlated
from study.work import Chunk, Plan

EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK = 1_000, 100, 50
"""Per seed and setting."""
HARM, MEDIAN_DAY = 0.08, 3
COLUMNS = ("watch", "return", "likes", "hates")
PRODUCTION = np.ones(4)
TREATMENT = np.array([1.1, 1 - HARM, 1.0, 1.0])
COVARIANCE = correlated(np.array([1.5, 1.0, 2.0, 5.0]), 0.3)

_TASK = task({"watch": STAR}, {"return": ">= -1.5%", "likes": ">= -5%", "hates": "<= +25%"})


@dataclass(frozen=True)
class Setting:
    """`persistence` is how much two days of a user correlate: at 0 no day tells more than another."""

    users: int
    days: int
    persistence: float
    goal: bool = True

    def __str__(self) -> str:
        return f"{self.users:,} users, {self.days} days that correlate by {self.persistence:g}"


SETTINGS = (
    Setting(EXPLORE_USERS, EXPLORE_DAYS, 0.0),
    Setting(EXPLORE_USERS, EXPLORE_DAYS, 0.5),
    Setting(EXPLORE_USERS, CONFIRM_DAYS, 0.0, goal=False),
    Setting(EXPLORE_USERS, CONFIRM_DAYS, 0.5),
    Setting(CONFIRM_USERS, CONFIRM_DAYS, 0.0),
)
"""The example tasks' traffic per arm, and, which they do not have, an exploration's spread over a week."""


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(EXPERIMENTS, QUICK_EXPERIMENTS, CHUNK)
    found: list[Figure] = []
    for setting in SETTINGS:
        days = plan.cases(partial(stopping_days, setting), chunks)
        found += [_median(setting, days), *_distribution(setting, days)]
    return found


def stopping_days(setting: Setting, chunk: Chunk) -> list[float]:
    """Per experiment the day after which the arm is stopped; infinite where it never is."""
    rng = chunk.generator("stopping", str(setting))
    means = np.broadcast_to(np.array([PRODUCTION, TREATMENT]), (chunk.count, 2, len(COLUMNS)))
    so_far = Daily(COVARIANCE, setting.days, setting.persistence).draw(rng, means, setting.users)
    alpha = stop_alpha(_TASK)

    def stops(experiment: int, day: int) -> bool:
        seen = observed(COLUMNS, [TREATED], so_far[day - 1], (experiment,), day)
        known = evidence(seen, _TASK.judged)
        return bool(harm(known, _TASK.guarded, alpha=alpha, fraction=day / setting.days))

    return [_first(day for day in range(1, setting.days + 1) if stops(i, day)) for i in range(chunk.count)]


def _first(days: Iterable[int]) -> float:
    return float(next(iter(days), math.inf))


def _median(setting: Setting, days: Sequence[float]) -> Figure:
    """The day by which at least half were stopped."""
    median = float(np.quantile(days, 0.5, method="inverted_cdf"))
    goal = f"<= {MEDIAN_DAY}" if setting.goal else "none"
    value, ok = (median, median <= MEDIAN_DAY) if math.isfinite(median) else (None, False)
    return Figure(f"median day of stopping harm: {setting}", value, "day", goal, ok or not setting.goal)


def _distribution(setting: Setting, days: Sequence[float]) -> list[Figure]:
    """Up to the day by which all are stopped, or the last one."""
    last = int(min(max(days), setting.days))
    return [
        Share(sum(d <= day for d in days), len(days)).shown(f"stopped by day {day}: {setting}")
        for day in range(1, last + 1)
    ]
