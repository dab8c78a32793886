"""How often a run stops an arm that breaks no guardrail, though it is looked at every day.

A run is a whole campaign: every round's arms and the confirmation's. In truth every arm is exactly at every
margin, where harm begins, or does nothing. Beside the monitors stands what would happen if fixed-horizon
tests at the same level were read daily.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.evidence import Evidence, Unknown, evidence
from rectune_dsl.experiments.intervals import broken_by, quantile
from rectune_dsl.experiments.monitors import harm, stop_alpha
from study.daily import Daily, observed
from study.figures import Figure, Share, total
from study.tasks import (
    ALPHA,
    ARMS,
    CONFIRM_DAYS,
    CONFIRM_USERS,
    EXPLORE_DAYS,
    EXPLORE_USERS,
    ROUNDS,
    STAR,
    TREATED,
    task,
)
from study.users import Array, correlated
from study.work import Chunk, Plan

RUNS, QUICK_RUNS, CHUNK = 1_000, 40, 10
"""Per seed and setting."""
PERSISTENCE = 0.3
COLUMNS = ("watch", "return", "hates", "latency")
PRODUCTION = np.array([1.0, 0.5, 0.02, 110.0])
AT_MARGINS = np.array([1.1, 0.5 * 0.985, 0.02 * 1.25, 120.0])
COVARIANCE = correlated(np.array([1.5, 0.5, 0.1, 30.0]), 0.3)
LIMITS = {"return": ">= -1.5%", "hates": "<= +25%", "latency": "<= 120"}


@dataclass(frozen=True, eq=False)
class Setting:
    """`treated` (columns,) are the true means of every treatment."""

    name: str
    task: Task
    days: int
    treated: Array


@dataclass(frozen=True)
class Look:
    """What is known of a run's arms at one time, and the share of the planned days that have passed."""

    known: Evidence
    fraction: float


@dataclass(frozen=True)
class Stops:
    """Runs with a false stop, by the monitors and by `naive` reading of fixed-horizon tests."""

    monitors: Share
    naive: Share


def figures(plan: Plan) -> list[Figure]:
    chunks = plan.chunks(RUNS, QUICK_RUNS, CHUNK)
    found = []
    for setting in settings():
        stops = plan.map(partial(false_stops, setting), chunks)
        name = f"runs that stop an arm falsely: {setting.name}"
        found += [
            total(s.monitors for s in stops).at_most(name, ALPHA),
            total(s.naive for s in stops).shown(f"{name}, were fixed-horizon tests read daily"),
        ]
    return found


def settings() -> list[Setting]:
    whole = task({"watch": STAR}, LIMITS)
    long = task({"watch": STAR}, LIMITS, rounds=4, arms=2)
    shape = f"{ROUNDS} rounds of {ARMS} arms and {EXPLORE_DAYS} days"
    return [
        Setting(f"{shape}, at every margin", whole, EXPLORE_DAYS, AT_MARGINS),
        Setting(f"{shape}, no effect", whole, EXPLORE_DAYS, PRODUCTION),
        Setting("4 rounds of 2 arms and 14 days, at every margin", long, 14, AT_MARGINS),
    ]


def false_stops(setting: Setting, chunk: Chunk) -> Stops:
    rng, limits = chunk.generator("peeking", setting.name), setting.task.guarded
    alpha = stop_alpha(setting.task)
    monitors = naive = 0
    for _ in range(chunk.count):
        stopped = misread = False
        for look in _looks(setting, rng):
            stopped = stopped or bool(harm(look.known, limits, alpha=alpha, fraction=look.fraction))
            misread = misread or _breaks(look.known, setting.task, alpha)
        monitors, naive = monitors + stopped, naive + misread
    return Stops(Share(monitors, chunk.count), Share(naive, chunk.count))


def _looks(setting: Setting, rng: np.random.Generator) -> Iterator[Look]:
    """Every day of every experiment of one run."""
    planned = setting.task.experiment
    for _ in range(planned.rounds):
        yield from _experiment(setting, rng, planned.arms, EXPLORE_USERS, setting.days)
    yield from _experiment(setting, rng, 1, CONFIRM_USERS, CONFIRM_DAYS)


def _experiment(
    setting: Setting, rng: np.random.Generator, arms: int, users: int, days: int
) -> Iterator[Look]:
    means = np.array([PRODUCTION, *[setting.treated] * arms])
    names = [f"{TREATED} {i}" for i in range(arms)]
    for day, sums in enumerate(Daily(COVARIANCE, days, PERSISTENCE).draw(rng, means, users), 1):
        seen = observed(COLUMNS, names, sums, (), day)
        yield Look(evidence(seen, setting.task.judged), day / days)


def _breaks(known: Evidence, judged_by: Task, alpha: float) -> bool:
    """Whether a one-sided test at this level, which is meant for one look, finds any limit broken."""
    for arm in known.arms:
        for metric, limit in judged_by.guarded.items():
            seen = known.limited(arm, metric, limit)
            if isinstance(seen, Unknown):
                continue
            if broken_by(seen, limit, quantile(alpha, seen.degrees)) is not None:
                return True
    return False
