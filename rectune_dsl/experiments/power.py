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
from rectune_dsl.experiments.designs import LEVEL, Design
from rectune_dsl.experiments.intervals import quantile
from rectune_dsl.experiments.linear import Array
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.experiments.requirements import MOST_USERS
from rectune_dsl.experiments.verdicts import OBJECTIVE, confirmation_alpha

DRAWS = 20_000
"""Common random numbers of the Monte Carlo: its standard error is below 0.004."""
_STEPS = 200
"""Of a fixed point; it contracts by about the relative error of control."""


def minimum_detectable_lift(
    task: Task, planned: Design, name: str = OBJECTIVE, *, alpha: float | None = None
) -> float | None:
    """The smallest lift of a metric, or of U, that is shown to lie beyond 0 with `experiment.power`.

    For a level (`=NAME`), the distance from its limit that is needed. One-sided at `alpha`, by default that
    of the surface's first confirmation. None where nothing can be planned about it.
    """
    error = _objective_error(task, planned) if name == OBJECTIVE else planned.error(name)
    if error is None:
        return None
    level = confirmation_alpha(task.experiment.alpha, 1) if alpha is None else alpha
    return (quantile(level, planned.degrees) + float(ndtri(task.experiment.power))) * error


def detectable_margins(task: Task, planned: Design, *, alpha: float | None = None) -> dict[str, float | None]:
    """Per guardrail the tightest limit that production's own behaviour would be shown to keep.

    In the guardrail's unit: -0.008 says that `>= -0.8%` could be shown and nothing tighter. None where no
    limit could be shown, or nothing can be planned about it.
    """
    level = confirmation_alpha(task.experiment.alpha, 1) if alpha is None else alpha
    return {metric: _tightest(task, planned, metric, level) for metric in task.guarded}


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


def chance_of_each(
    task: Task, planned: Design, lifts: Mapping[str, float], *, confirmation: int = 1
) -> dict[str, float]:
    """P(shown) of each requirement by itself, U as OBJECTIVE. Empty where one cannot be measured."""
    region = ship_region(task, planned, confirmation=confirmation)
    if region is None:
        return {}
    lack = region.needs - region.room(lifts)
    certain = np.where(lack <= 0, np.inf, -np.inf)
    beyond = np.divide(-lack, region.errors, out=certain, where=region.errors > 0)
    names = (_name(test) for test in _tests(task, planned))
    return {name: float(ndtr(z)) for name, z in zip(names, beyond, strict=True)}


def users_per_requirement(
    task: Task, planned: Design, lifts: Mapping[str, float], *, confirmation: int = 1
) -> dict[str, float | None]:
    """Users per arm at which each requirement alone is shown with power 1 - beta / (G + 1), beta being
    1 - `experiment.power` and G the number of guardrails, those against a holdout counted.

    As many as the largest of them give the whole verdict its power at least, however the requirements covary
    (Bonferroni over their failures; Schultzberg, Ankargren and Frånberg 2024, "Risk-aware product decisions
    in A/B tests with multiple metrics"). U is OBJECTIVE. None where no traffic suffices. Empty where
    something needed cannot be measured.
    """
    tests, region = _tests(task, planned), ship_region(task, planned, confirmation=confirmation)
    if region is None:
        return {}
    beta = (1 - task.experiment.power) / len(tests)
    needs = region.needs - float(ndtri(beta)) * region.errors
    found: dict[str, float | None] = {}
    for test, room, need in zip(tests, region.room(lifts), needs, strict=True):
        # errors shrink with the root of users
        users = planned.users_per_arm * (need / room) ** 2 if room > 0 else np.inf
        found[_name(test)] = float(users) if users <= MOST_USERS else None
    return found


@dataclass(frozen=True, eq=False)
class ShipRegion:
    """A verdict's requirements, U first, as Gaussian statistics: make it once to ask for many chances.

    `weights` (tests, rows) turn rows of the design into tests, such that each must come out large:
    `weights @ truth - offset` is a test's distance from its limit. What is seen of it varies by `errors` and
    must come to `needs`: `quantile` errors, or a little more for a proportion's level, which is judged with
    the error at its limit. `root` (tests, tests) is the symmetric root of the tests' correlation.
    """

    rows: tuple[str, ...]
    levels: Mapping[str, float]
    weights: Array
    offsets: Array
    errors: Array
    needs: Array
    quantile: float
    root: Array

    def chance(self, lifts: Mapping[str, float]) -> float:
        """P(ship) if the truth is `lifts`, as in `chance_to_ship`."""
        room = self.room(lifts)
        certain = self.errors == 0
        # U must exceed its limit, a guardrail may touch it
        if np.any(room[certain] < self.needs[certain]) or (certain[0] and room[0] == 0):
            return 0.0
        if np.all(certain):
            return 1.0
        need = (self.needs - room)[~certain] / self.errors[~certain]
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
    if not task.north_stars or any(row not in planned.rows for test in tests for row in test.weights):
        return None
    matrix = np.zeros((len(tests), len(planned.rows)))
    for i, test in enumerate(tests):
        for row, weight in test.weights.items():
            matrix[i, planned.rows.index(row)] += weight
    covariance = matrix @ planned.covariance @ matrix.T
    deviations = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    uncertain = deviations > 0
    scale = np.outer(deviations[uncertain], deviations[uncertain])
    root = _root(covariance[np.ix_(uncertain, uncertain)] / scale)
    factor = quantile(confirmation_alpha(task.experiment.alpha, confirmation), planned.degrees)
    errors, yardsticks = deviations.copy(), deviations.copy()
    for i, test in enumerate(tests[1:], 1):
        errors[i] = planned.spread(test.row, test.bound) or 0.0
        yardsticks[i] = planned.yardstick(test.row, test.bound) or 0.0
    offsets = np.array([test.offset for test in tests])
    needs = factor * yardsticks
    return ShipRegion(planned.rows, planned.levels, matrix, offsets, errors, needs, factor, root)


@dataclass(frozen=True)
class _Test:
    """One requirement: the `weights` of rows whose sum must exceed `offset`. A guardrail's is `row`, with
    the limit at `bound`."""

    weights: Mapping[str, float]
    offset: float = 0.0
    row: str = ""
    bound: float = 0.0


def _tests(task: Task, planned: Design) -> list[_Test]:
    with_holdout = any(row.endswith(AGAINST_HOLDOUT) for row in planned.rows)
    found = [_Test(task.objective_weights)]
    for metric, limit in task.guarded.items():
        found.append(_test(metric if limit.relative else LEVEL + metric, limit))
        if with_holdout and limit.relative:
            found.append(_test(metric + AGAINST_HOLDOUT, limit))
    return found


def _name(test: _Test) -> str:
    return test.row.removeprefix(LEVEL) or OBJECTIVE


def _test(row: str, limit: Limit) -> _Test:
    sign = 1.0 if limit.direction == ">=" else -1.0
    return _Test({row: sign}, sign * limit.bound, row, limit.bound)


def _tightest(task: Task, planned: Design, metric: str, alpha: float) -> float | None:
    """The limit at which the distance from production is just what is needed: a fixed point, since the
    errors depend on the limit. It is reached unless control itself is too uncertain for any limit."""
    limit = task.guarded[metric]
    row = metric if limit.relative else LEVEL + metric
    if row not in planned.rows:
        return None
    start = 0.0 if limit.relative else planned.levels[metric]
    sign = -1 if limit.direction == ">=" else 1
    factor, power = quantile(alpha, planned.degrees), float(ndtri(task.experiment.power))
    distance = 0.0
    for _ in range(_STEPS):
        bound = start + sign * distance
        spread, yardstick = planned.spread(row, bound) or 0.0, planned.yardstick(row, bound) or 0.0
        before, distance = distance, factor * yardstick + power * spread
        if abs(distance - before) <= 1e-9 * distance:
            return start + sign * distance
    return None


def _objective_error(task: Task, planned: Design) -> float | None:
    stars = task.objective_weights
    if not stars or any(name not in planned.rows for name in stars):
        return None
    at = [planned.rows.index(name) for name in stars]
    weights = np.array(list(stars.values()))
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
