"""What traffic can show: detectable effects, and the chance that a confirmation ends in `ship`.

Everything here is about a `Design`: make one from production's moments with `designs.design`, or from an arm
that was measured with `designs.from_estimates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.designs import LEVEL, Design, design
from rectune_dsl.experiments.intervals import quantile
from rectune_dsl.experiments.linear import Array
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.experiments.requirements import MOST_USERS
from rectune_dsl.experiments.verdicts import OBJECTIVE, confirmation_alpha
from rectune_dsl.hooks.records import Observation

DRAWS = 20_000
"""Common random numbers of the Monte Carlo: its standard error is below 0.004."""


def planned_errors(baseline: Observation, task: Task, users_per_arm: float) -> dict[str, float]:
    """Standard errors of U, of every metric's lift, and of every level (`=NAME`), of one arm against control.

    `baseline` is production observed for as many days as the experiment will have.
    """
    planned = design(baseline, task, users_per_arm)
    found = {row: planned.error(row) or 0.0 for row in planned.rows}
    u = _objective_error(task, planned)
    return found if u is None else {OBJECTIVE: u, **found}


def minimum_detectable_lift(
    task: Task, planned: Design, name: str = OBJECTIVE, *, alpha: float | None = None
) -> float | None:
    """The smallest lift of a metric, or of U, that is shown to lie beyond 0 with `experiment.power`.

    Also the smallest margin at which a relative guardrail is shown to be kept where nothing changes; for a
    level (`=NAME`), the distance from its limit that is needed. One-sided at `alpha`, by default that of the
    surface's first confirmation. None where nothing can be planned about it.
    """
    error = _objective_error(task, planned) if name == OBJECTIVE else planned.error(name)
    if error is None:
        return None
    level = confirmation_alpha(task.experiment.alpha, 1) if alpha is None else alpha
    return (quantile(level, planned.degrees) + float(ndtri(task.experiment.power))) * error


def detectable_margins(task: Task, planned: Design, *, alpha: float | None = None) -> dict[str, float | None]:
    """Per guardrail the tightest limit that production's own behaviour would be shown to keep.

    In the guardrail's unit: -0.008 says that `>= -0.8%` could be shown and nothing tighter. None where
    nothing can be planned about it.
    """
    found: dict[str, float | None] = {}
    for metric, limit in task.guardrails.items():
        row = metric if limit.relative else LEVEL + metric
        distance = minimum_detectable_lift(task, planned, row, alpha=alpha)
        start = 0.0 if limit.relative else planned.levels.get(metric, 0.0)
        sign = -1 if limit.direction == ">=" else 1
        found[metric] = None if distance is None else start + sign * distance
    return found


def chance_to_ship(
    task: Task, planned: Design, lifts: Mapping[str, float], *, confirmation: int = 1
) -> float:
    """P(U is shown above 0 and every guardrail is shown to be kept), if the truth is `lifts`.

    `lifts` are over production; a metric not in it does not change. Levels may be given as `=NAME`, and
    lifts over the holdout under the metric's name + AGAINST_HOLDOUT; by default a level follows its metric's
    lift, and the holdout is taken to equal production. 0 where something needed cannot be measured.
    Deterministic, and smooth in `lifts`: all calls share their random numbers.
    """
    region = ship_region(task, planned, confirmation=confirmation)
    return 0.0 if region is None else region.chance(lifts)


def users_needed(
    task: Task, planned: Design, lifts: Mapping[str, float], *, confirmation: int = 1
) -> float | None:
    """Users per arm at which the chance to ship reaches `experiment.power`; None if no traffic suffices.

    A holdout is taken to grow along.
    """

    def enough(log_users: float) -> bool:
        scaled = planned.with_users(float(np.exp(log_users)))
        return chance_to_ship(task, scaled, lifts, confirmation=confirmation) >= task.experiment.power

    few, many = float(np.log(2.0)), float(np.log(MOST_USERS))
    if not enough(many):
        return None
    while many - few > 1e-3:
        middle = (few + many) / 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return float(np.exp(many))


@dataclass(frozen=True, eq=False)
class ShipRegion:
    """A verdict's requirements, U first, as Gaussian statistics: make it once to ask for many chances.

    `weights` (tests, rows) turn rows of the design into tests, such that each must come out large:
    `weights @ truth - offset` is a test's distance from its limit, `quantiles` is how many `errors` the
    distance must have, and `root` (tests, tests) is the symmetric root of the tests' correlation.
    """

    rows: tuple[str, ...]
    levels: Mapping[str, float]
    weights: Array
    offsets: Array
    errors: Array
    quantile: float
    root: Array

    def chance(self, lifts: Mapping[str, float]) -> float:
        """P(ship) if the truth is `lifts`, as in `chance_to_ship`."""
        room = self.room(lifts)
        certain = self.errors == 0
        # U must exceed its limit, a guardrail may touch it
        if np.any(room[certain] < 0) or (certain[0] and room[0] == 0):
            return 0.0
        if np.all(certain):
            return 1.0
        need = self.quantile - room[~certain] / self.errors[~certain]
        if len(need) == 1:
            return float(ndtr(-need[0]))
        return float(np.mean(np.all(_draws(len(need)) @ self.root >= need, axis=1)))

    def room(self, lifts: Mapping[str, float]) -> Array:
        """(tests,): how far the truth lies beyond each limit."""
        truth = np.array([self._truth(row, lifts) for row in self.rows])
        room: Array = self.weights @ truth - self.offsets
        return room

    def _truth(self, row: str, lifts: Mapping[str, float]) -> float:
        if row in lifts:
            return lifts[row]
        if row.startswith(LEVEL):
            metric = row.removeprefix(LEVEL)
            return self.levels[metric] * (1 + lifts.get(metric, 0.0))
        return lifts.get(row.removesuffix(AGAINST_HOLDOUT), 0.0)


def ship_region(task: Task, planned: Design, *, confirmation: int = 1) -> ShipRegion | None:
    """All that must be shown to ship, under a design; None where a needed metric is missing from it."""
    tests = _tests(task, planned)
    if not task.north_stars or any(row not in planned.rows for weights, _ in tests for row in weights):
        return None
    matrix = np.zeros((len(tests), len(planned.rows)))
    offsets = np.zeros(len(tests))
    for i, (weights, offset) in enumerate(tests):
        offsets[i] = offset
        for row, weight in weights.items():
            matrix[i, planned.rows.index(row)] += weight
    covariance = matrix @ planned.covariance @ matrix.T
    errors = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    alpha = confirmation_alpha(task.experiment.alpha, confirmation)
    uncertain = errors > 0
    scale = np.outer(errors[uncertain], errors[uncertain])
    root = _root(covariance[np.ix_(uncertain, uncertain)] / scale)
    return ShipRegion(
        planned.rows, planned.levels, matrix, offsets, errors, quantile(alpha, planned.degrees), root
    )


def _tests(task: Task, planned: Design) -> list[tuple[dict[str, float], float]]:
    """Per requirement the weights of rows, and what their sum must exceed."""
    with_holdout = any(row.endswith(AGAINST_HOLDOUT) for row in planned.rows)
    stars = {name: metric.sign * metric.weight for name, metric in task.north_stars.items()}
    found = [(stars, 0.0)]
    for metric, limit in task.guardrails.items():
        found.append(_test(metric if limit.relative else LEVEL + metric, limit))
        if with_holdout and limit.relative:
            found.append(_test(metric + AGAINST_HOLDOUT, limit))
    return found


def _test(row: str, limit: Limit) -> tuple[dict[str, float], float]:
    sign = 1.0 if limit.direction == ">=" else -1.0
    return {row: sign}, sign * limit.bound


def _objective_error(task: Task, planned: Design) -> float | None:
    stars = task.north_stars
    if not stars or any(name not in planned.rows for name in stars):
        return None
    at = [planned.rows.index(name) for name in stars]
    weights = np.array([metric.sign * metric.weight for metric in stars.values()])
    return float(np.sqrt(max(float(weights @ planned.covariance[np.ix_(at, at)] @ weights), 0.0)))


def _root(correlation: Array) -> Array:
    """The symmetric root: unique, so that no sign or order of eigenvectors can change a result."""
    values, vectors = np.linalg.eigh(correlation)
    root: Array = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


@lru_cache(maxsize=8)
def _draws(tests: int) -> Array:
    """Standard normal draws (DRAWS, tests), keyed by what they are for."""
    generator = np.random.Generator(np.random.Philox(key=[0x73686970, tests]))
    draws = generator.standard_normal((DRAWS // 2, tests))
    return np.concatenate([draws, -draws])
