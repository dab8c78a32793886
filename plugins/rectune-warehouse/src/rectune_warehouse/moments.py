"""From users to sufficient statistics: what is summed per arm, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from rectune_dsl.hooks.api import USER, ArmMoments, Histogram
from rectune_warehouse.source import Database

BITS = 11
"""Significant bits that a histogram keeps of a value: whole numbers up to 2,048 stay what they are."""


def summed(users: Any, columns: Sequence[str], caps: Mapping[str, float], unit: str) -> Any:
    """One row per arm: `arm`, `assigned`, `n`, `crossed`, `sum0`, ... and `product0_0`, `product0_1`, ...

    `users` has `arm`, `unit`, `crossed`, `counted` (0 for bots), and the columns as `x0`, `x1`, ... of which
    those in `caps` are capped. Of who is not counted nothing is summed.
    """
    names = [f"x{i}" for i in range(len(columns))]
    capped = {
        name: _capped(users[name], caps.get(column)) for name, column in zip(names, columns, strict=True)
    }
    rows = users.mutate(**{name: (users.counted == 1).ifelse(value, 0.0) for name, value in capped.items()})
    if unit != USER:
        sums = {name: rows[name].sum() for name in names}
        rows = rows.group_by("arm", "unit").aggregate(
            crossed=rows.crossed.max(), counted=rows.counted.max(), **sums
        )
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    return rows.group_by("arm").aggregate(
        assigned=rows.count(),
        n=rows.counted.sum(),
        crossed=rows.crossed.sum(),
        **{f"sum{i}": rows[name].sum() for i, name in enumerate(names)},
        **{f"product{i}_{j}": (rows[names[i]] * rows[names[j]]).sum() for i, j in pairs},
    )


def arm_moments(arm: str, row: Mapping[str, Any] | None, size: int) -> ArmMoments:
    """Of a row of `summed`; of nobody, where there is none."""
    if row is None:
        return ArmMoments(arm, 0, 0, (0.0,) * size, ((0.0,) * size,) * size)
    products = tuple(
        tuple(float(row[f"product{min(i, j)}_{max(i, j)}"]) for j in range(size)) for i in range(size)
    )
    sums = tuple(float(row[f"sum{i}"]) for i in range(size))
    return ArmMoments(arm, int(row["assigned"]), int(row["n"]), sums, products)


def histograms(
    database: Database, users: Any, columns: Sequence[str], caps: Mapping[str, float], wanted: Sequence[str]
) -> dict[int, dict[str, Histogram]]:
    """Arm's place -> column -> how many of its counted users have which value, rounded to 11 bits."""
    found: dict[int, dict[str, dict[float, int]]] = {}
    for column in wanted:
        value = _rounded(_capped(users[f"x{columns.index(column)}"], caps.get(column)))
        rows = users.filter(users.counted == 1).group_by("arm", value=value).aggregate(users=ibis._.count())
        for row in database.rows(rows):
            counts = found.setdefault(row["arm"], {}).setdefault(column, {})
            counts[row["value"] + 0.0] = counts.get(row["value"] + 0.0, 0) + row["users"]
    return {arm: {c: _histogram(counts) for c, counts in of.items()} for arm, of in found.items()}


def quantile(histogram: Histogram, share: float) -> float:
    """The smallest value that at least this share of the users do not exceed. Of one user at least."""
    needed, seen = sum(histogram.counts) * share * (1 - 1e-12), 0  # a share of users may be a whole number
    for value, count in zip(histogram.values, histogram.counts, strict=True):
        seen += count
        if seen >= needed:
            return value
    raise ValueError("a histogram of nobody has no quantile")


def _histogram(counts: Mapping[float, int]) -> Histogram:
    return Histogram(tuple(sorted(counts)), tuple(counts[value] for value in sorted(counts)), 2.0**-BITS)


def _capped(value: Any, cap: float | None) -> Any:
    return value if cap is None else (value > cap).ifelse(float(cap), value)


def _rounded(value: Any) -> Any:
    """To a multiple of the power of 2 that lies 2^10 below it; a logarithm that is off near a power of 2
    changes nothing of how close it is."""
    size = (value == 0).ifelse(1.0, value.abs())
    step = ibis.literal(2.0) ** (size.log2().floor() - (BITS - 1)).cast("float64")
    return (value / step).round() * step
