"""Users that a task's metrics could be of: kinds of users, each with its own habits.

A population is KINDS kinds of users, equally many of each. A mean or a part of a ratio is a number that a
kind always has, skewed as watch times are; a proportion is a chance that each user takes. An arm draws its
users at random, so its moments are exactly those of that many independent users, and cost no more than few.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USERS, ArmMoments, Histogram

Floats = NDArray[np.float64]

KINDS = 256
LEVEL = 10.0
"""The mean of a column that nothing else is said of."""
CHANCE = 0.3
"""The same for a proportion."""
_SEGMENT_SHARE = 0.5
_MOST_SPREAD = 0.5


@dataclass(frozen=True)
class Column:
    """What kinds of users have in one column, (KINDS,): numbers, or chances where it `is_chance`."""

    values: Floats
    is_chance: bool = False

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    def moved_to(self, mean: float) -> Column:
        """The same users with another mean: numbers are all multiplied, or shifted where the mean is 0 or
        changes its sign; chances stay between 0 and 1."""
        if self.is_chance:
            inside = np.clip(mean, 0.0, 1.0)
            members = self.values > 0 if self.mean > 0 else np.ones(KINDS, bool)
            return Column(_chances(inside, members), True)
        ratio = mean / self.mean if self.mean else 0.0
        return Column(self.values * ratio if ratio > 0 else self.values + (mean - self.mean))


Population = Mapping[str, Column]


def population(task: Task) -> dict[str, Column]:
    """Every column that the task's judged metrics are computed from, the same at every call."""
    found: dict[str, Column] = {}
    for name, metric in task.judged.items():
        segment = name.partition(".")[0] if name not in task.metrics and "." in name else None
        for column in metric.columns(name):
            found.setdefault(column, _column(task, column, segment))
    return found


def draw(
    columns: Population,
    arm: str,
    users: int,
    generator: np.random.Generator,
    counted: Collection[str] = (),
) -> ArmMoments:
    """The moments of `users` independent users, who are `counted` by their values of some columns."""
    counts = generator.multinomial(users, np.full(KINDS, 1 / KINDS)).astype(np.float64)
    # totals[column, kind]: the sum over the users of that kind
    totals = np.array([_totals(column, counts, generator) for column in columns.values()])
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, totals / counts, 0.0)
    products = (means * counts) @ means.T
    for i, column in enumerate(columns.values()):
        if column.is_chance:
            products[i, i] = totals[i].sum()  # an event's square is the event
    sums = totals.sum(axis=1)
    rows = tuple(tuple(row) for row in products.tolist())
    histograms = {name: _histogram(columns[name].values, counts) for name in counted}
    return ArmMoments(arm, users, users, tuple(sums.tolist()), rows, histograms)


def level(columns: Population, metric: Metric, name: str) -> float:
    """A metric's true level among these users."""
    if metric.quantile is not None:
        values = columns[metric.column or name].values
        return float(np.quantile(values, metric.quantile, method="inverted_cdf"))
    if metric.kind != "ratio":
        return columns[name].mean
    return columns[str(metric.numerator)].mean / columns[str(metric.denominator)].mean


def set_level(
    columns: dict[str, Column], metric: Metric, name: str, wanted: float, fixed: Collection[str] = ()
) -> None:
    """Give a metric this level: its own column changes, or a ratio's numerator; its denominator where the
    numerator is `fixed`, being a metric itself."""
    column, mean = metric.column or name, wanted
    if metric.quantile is not None and (before := level(columns, metric, name)):
        mean = columns[column].mean * wanted / before
    if metric.kind == "ratio":
        above, below = str(metric.numerator), str(metric.denominator)
        column, mean = above, wanted * columns[below].mean
        if above in fixed and below not in fixed and wanted:
            column, mean = below, columns[above].mean / wanted
    columns[column] = columns[column].moved_to(mean)


def _histogram(values: Floats, counts: Floats) -> Histogram:
    found, places = np.unique(values, return_inverse=True)
    users = np.bincount(places, counts).astype(np.int64)
    return Histogram(tuple(found.tolist()), tuple(users.tolist()))


def _totals(column: Column, counts: Floats, generator: np.random.Generator) -> Floats:
    if column.is_chance:
        return generator.binomial(counts.astype(np.int64), column.values).astype(np.float64)
    return column.values * counts


def _column(task: Task, name: str, segment: str | None) -> Column:
    """A column of the whole surface, or one that is 0 for everybody outside a segment."""
    base = name.removesuffix(f"@{segment}") if segment else name
    if name == USERS:  # of a unit, which has one user here
        return Column(np.ones(KINDS))
    members = _members(segment)
    if segment and base == "users":
        return Column(members.astype(np.float64))
    metric = task.metrics.get(base)
    if metric is not None and metric.kind == "proportion":
        return Column(_chances(CHANCE * float(members.mean()), members), True)
    return Column(LEVEL * _habits(base) * members)


def _members(segment: str | None) -> NDArray[np.bool_]:
    if segment is None:
        return np.ones(KINDS, bool)
    return _generator(f"segment {segment}").permutation(KINDS) < KINDS * _SEGMENT_SHARE


def _habits(name: str) -> Floats:
    """How much of a column each kind has, 1 on average. Columns have activity in common, so that covariates
    help, and ratios are of what belongs together."""
    activity, own = _generator("activity").normal(size=KINDS), _generator(name).normal(size=KINDS)
    drawn = np.exp(0.6 * activity + 0.4 * own)
    habits: Floats = drawn / drawn.mean()
    return habits


def _chances(mean: float, members: NDArray[np.bool_]) -> Floats:
    """Chances of the kinds that are members, 0 for others, with this mean over all kinds."""
    within = min(mean / float(members.mean()), 1.0)
    room = _MOST_SPREAD * min(within, 1 - within)
    places = np.linspace(-1, 1, int(members.sum()))
    chances = np.zeros(KINDS)
    chances[members] = np.clip(within + room * places, 0.0, 1.0)
    return chances


def _generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))
