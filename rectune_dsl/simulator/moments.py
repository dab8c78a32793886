"""Per-user columns to sufficient statistics, in an order that no thread and no chunk can change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import ArmMoments
from rectune_dsl.simulator.counts import NOBODY, Counts
from rectune_dsl.simulator.keyed import Ids

Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DailyMoments:
    """What is known of some units after each day, the first entry being that after none.

    `assigned` are the units; `users` (days,) those who came so far; `sums` (days, columns) is Σ x and
    `products` (days, columns, columns) Σ x xᵀ over them. `counts` (days, counted columns) are users by value.
    """

    assigned: int
    users: NDArray[np.int64]
    sums: NDArray[np.float64]
    products: NDArray[np.float64]
    counts: tuple[tuple[Counts, ...], ...]

    def __add__(self, other: DailyMoments) -> DailyMoments:
        """Those of both; sums of floats, so the order in which many are added decides their last digits."""
        days = zip(self.counts, other.counts, strict=True)
        return DailyMoments(
            self.assigned + other.assigned,
            self.users + other.users,
            self.sums + other.sums,
            self.products + other.products,
            tuple(tuple(a + b for a, b in zip(mine, theirs, strict=True)) for mine, theirs in days),
        )

    def after(self, days: int) -> DailyMoments:
        """Only those after `days` days."""
        at = slice(days, days + 1)
        return DailyMoments(self.assigned, self.users[at], self.sums[at], self.products[at], self.counts[at])

    def of_arm(self, arm: str, days: int, counted: Sequence[str] = ()) -> ArmMoments:
        """An arm's moments after `days` days; `counted` names the columns of `counts`."""
        products = tuple(tuple(row) for row in self.products[days].tolist())
        return ArmMoments(
            arm,
            self.assigned,
            int(self.users[days]),
            tuple(self.sums[days].tolist()),
            products,
            {name: c.histogram() for name, c in zip(counted, self.counts[days], strict=True)},
        )


def no_moments(days: int, columns: int, counted: int = 0) -> DailyMoments:
    """Nobody's, after each of `days` days."""
    return DailyMoments(
        0,
        np.zeros(days + 1, np.int64),
        np.zeros((days + 1, columns)),
        np.zeros((days + 1, columns, columns)),
        ((NOBODY,) * counted,) * (days + 1),
    )


def daily_moments(
    ids: Ids,
    after: Iterable[Rows],
    nobody: DailyMoments,
    counted: Sequence[int] = (),
    unit: int | None = None,
) -> DailyMoments:
    """Of the rows that `Block.columns` gives after each day, the last of which tells who came; `nobody` has
    their shape. `counted` are the rows whose users are counted by value. Where a unit is a group of users,
    `unit` tells how many neighbouring ids are one, and none is parted.

    Sums go pairwise over a block's users; matrix products would leave their order to the BLAS.
    """
    users, sums, products = nobody.users.copy(), nobody.sums.copy(), nobody.products.copy()
    counts = list(nobody.counts)
    for day, of_users in enumerate(after, start=1):
        counts[day] = tuple(Counts.of(of_users[at, of_users[-1] > 0]) for at in counted)
        columns = of_users if unit is None else _of_units(of_users, ids, unit)
        rows, came = columns[:-1], columns[-1]
        users[day] = int(came.sum())
        sums[day] = rows.sum(axis=1)
        for i, row in enumerate(rows):
            products[day, i] = (rows * row).sum(axis=1)
    assigned = ids.size if unit is None else np.unique(ids // unit).size
    return DailyMoments(int(assigned), users, sums, products, tuple(counts))


def _of_units(rows: Rows, ids: Ids, unit: int) -> Rows:
    """Rows of users, summed over their units, (columns + 2, units): the last but one is how many users of a
    unit came, the last whether any did."""
    _, starts = np.unique(ids // unit, return_index=True)
    summed = np.add.reduceat(rows, starts, axis=1) if starts.size else np.zeros((len(rows), 0))
    return np.concatenate([summed, summed[-1:] > 0])
