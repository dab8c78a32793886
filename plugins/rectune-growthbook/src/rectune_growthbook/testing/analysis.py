"""What GrowthBook computes: per metric and variation the users, the mean and the deviation between users."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2

from rectune_growthbook.testing.hashing import Floats, Ints
from rectune_growthbook.testing.people import People


@dataclass(frozen=True)
class Metric:
    """A fact metric: a column of visits summed per user, whether there is any of it, or a ratio of sums."""

    id: str
    kind: Literal["mean", "proportion", "ratio"]
    column: str
    denominator: str = ""
    inverse: bool = False


@dataclass(frozen=True)
class Stats:
    users: int
    numerator: float
    denominator: float
    mean: float
    deviation: float


def results(
    people: People, key: str, variations: Sequence[str], metrics: Sequence[Metric], start: float, end: float
) -> dict[str, Any]:
    """The one row of an analysis without dimension. Users count from their first exposure on, and not at all
    where they were exposed to two variations."""
    arms = [counted(people, key, number, start, end) for number in range(len(variations))]
    sums = {column: _sums(people, key, column, end) for column in people.product.columns}
    counts = [arm.size for arm in arms]
    rows = []
    for metric in metrics:
        stats = [_stats(metric, sums, arm) for arm in arms]
        rows.append(
            {
                "metricId": metric.id,
                "variations": [
                    {"variationId": name, "users": one.users, "analyses": [_analysis(one, stats[0])]}
                    for name, one in zip(variations, stats, strict=True)
                ],
            }
        )
    return {
        "dimension": "All",
        "totalUsers": sum(counts),
        "checks": {"srm": _srm(counts)},
        "metrics": rows,
    }


def counted(people: People, key: str, variation: int, start: float, end: float) -> Ints:
    """The users of a variation."""
    known = people.exposures.get(key)
    if known is None:
        return np.empty(0, np.int64)
    within = (known.first >= start) & (known.first < end) & (known.crossed >= end)
    return np.flatnonzero(within & (known.variation == variation))


def _sums(people: People, key: str, column: str, end: float) -> Floats:
    """Every user's total of a column, since the first exposure."""
    total = np.zeros(people.count)
    known = people.exposures.get(key)
    for visits in people.visits if known is not None else []:
        counts = (visits.times >= known.first[visits.users]) & (visits.times < end)  # type: ignore[union-attr]
        total += np.bincount(
            visits.users[counts], weights=visits.values[column][counts], minlength=people.count
        )
    return total


def _stats(metric: Metric, sums: Mapping[str, Floats], users: Ints) -> Stats:
    n, x = users.size, sums[metric.column][users]
    if n < 2:
        return Stats(n, float(x.sum()), float(n), 0.0, 0.0)
    if metric.kind == "ratio":
        below = sums[metric.denominator][users]
        ratio = x.sum() / below.sum()
        deviation = np.std(x - ratio * below, ddof=1) / below.mean()
        return Stats(n, float(x.sum()), float(below.sum()), float(ratio), float(deviation))
    if metric.kind == "proportion":
        x = (x > 0).astype(float)
        share = float(x.mean())
        return Stats(n, float(x.sum()), float(n), share, math.sqrt(share * (1 - share)))
    return Stats(n, float(x.sum()), float(n), float(x.mean()), float(np.std(x, ddof=1)))


def _analysis(one: Stats, control: Stats) -> dict[str, Any]:
    change = one.mean / control.mean - 1 if control.mean else 0.0
    error = 0.0
    if control.mean and one.users and control.users:
        own, shared = one.deviation**2 / one.users, control.deviation**2 / control.users
        error = math.sqrt(own + (one.mean / control.mean) ** 2 * shared) / abs(control.mean)
    return {
        "engine": "frequentist",
        "numerator": one.numerator,
        "denominator": one.denominator,
        "mean": one.mean,
        "stddev": one.deviation,
        "percentChange": change,
        "ciLow": change - 1.96 * error,
        "ciHigh": change + 1.96 * error,
        "pValue": 0.5,
        "risk": 0.0,
        "chanceToBeatControl": 0.0,
    }


def _srm(counts: Sequence[int]) -> float:
    users = sum(counts)
    if not users:
        return 1.0
    wanted = users / len(counts)
    return float(chi2.sf(sum((n - wanted) ** 2 / wanted for n in counts), len(counts) - 1))
