"""From users to sufficient statistics: what is summed per arm, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis

from rectune_dsl.hooks.api import USER, ArmMoments, Histogram
from rectune_warehouse.source import Database

BITS = 11
"""Significant bits that a histogram keeps of a value: whole numbers up to 2,048 stay what they are."""
Users = Sequence[Any]
"""Tables of users, part by part: each has `arm` (its place), `unit`, `crossed`, `counted` (0 for bots), and
the columns as `x0`, `x1`, ..."""


@dataclass(frozen=True)
class Summing:
    """What is summed: columns, of which those in `caps` are capped, over units."""

    columns: Sequence[str]
    caps: Mapping[str, float]
    unit: str

    def moments(
        self, database: Database, users: Users, arms: Sequence[str]
    ) -> tuple[tuple[ArmMoments, ...], int]:
        """Of each arm; and how many units were seen in several of them."""
        found: dict[int, dict[str, Any]] = {}
        for part in users:
            for row in database.rows(self.query(part)):
                before = found.setdefault(row["arm"], dict.fromkeys(row, 0))
                found[row["arm"]] = {name: before[name] + value for name, value in row.items()}
        moments = tuple(self._of_arm(arm, found.get(i)) for i, arm in enumerate(arms))
        return moments, sum(int(row["crossed"]) for row in found.values())

    def query(self, users: Any) -> Any:
        """One row per arm: `arm`, `assigned`, `n`, `crossed`, `sum0`, ... and `product0_0`, `product0_1`, ...
        Of users who are not counted nothing is summed."""
        names = [f"x{i}" for i in range(len(self.columns))]
        rows = users.mutate(
            **{name: (users.counted == 1).ifelse(self._capped(users, i), 0.0) for i, name in enumerate(names)}
        )
        if self.unit != USER:
            rows = rows.group_by("arm", "unit").aggregate(
                crossed=rows.crossed.max(),
                counted=rows.counted.max(),
                **{name: rows[name].sum() for name in names},
            )
        return rows.group_by("arm").aggregate(
            assigned=rows.count(),
            n=rows.counted.sum(),
            crossed=rows.crossed.sum(),
            **{f"sum{i}": rows[name].sum() for i, name in enumerate(names)},
            **{f"product{i}_{j}": (rows[names[i]] * rows[names[j]]).sum() for i, j in self._pairs},
        )

    def histograms(
        self, database: Database, users: Users, wanted: Iterable[str]
    ) -> dict[int, dict[str, Histogram]]:
        """Arm's place -> column -> how many of its counted users have which value, rounded to 11 bits."""
        found: dict[int, dict[str, dict[float, int]]] = {}
        for column in wanted:
            for part in users:
                value = _rounded(self._capped(part, self.columns.index(column)))
                rows = part.filter(part.counted == 1).group_by("arm", value=value)
                for row in database.rows(rows.aggregate(users=ibis._.count())):
                    counts = found.setdefault(row["arm"], {}).setdefault(column, {})
                    counts[row["value"] + 0.0] = counts.get(row["value"] + 0.0, 0) + row["users"]
        return {arm: {name: _histogram(c) for name, c in own.items()} for arm, own in found.items()}

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        size = len(self.columns)
        return [(i, j) for i in range(size) for j in range(i, size)]

    def _capped(self, users: Any, place: int) -> Any:
        value, cap = users[f"x{place}"], self.caps.get(self.columns[place])
        return value if cap is None else (value > cap).ifelse(float(cap), value)

    def _of_arm(self, arm: str, row: Mapping[str, Any] | None) -> ArmMoments:
        """Of a row of `query`; of nobody, where there is none."""
        places = range(len(self.columns))
        if row is None:
            row = {"assigned": 0, "n": 0, **{f"sum{i}": 0.0 for i in places}}
            row |= {f"product{i}_{j}": 0.0 for i, j in self._pairs}
        sums = tuple(float(row[f"sum{i}"]) for i in places)
        products = tuple(tuple(float(row[f"product{min(i, j)}_{max(i, j)}"]) for j in places) for i in places)
        return ArmMoments(arm, int(row["assigned"]), int(row["n"]), sums, products)


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


def _rounded(value: Any) -> Any:
    """To a multiple of the power of 2 that lies 2^10 below it; a logarithm that is off near a power of 2
    changes nothing of how close it is."""
    size = (value == 0).ifelse(1.0, value.abs())
    step = ibis.literal(2.0) ** (size.log2().floor() - (BITS - 1)).cast("float64")
    return (value / step).round() * step
