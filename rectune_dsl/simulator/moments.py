"""Per-user columns to sufficient statistics, in an order that no thread and no chunk can change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import ArmMoments


@dataclass(frozen=True, eq=False)
class DailyMoments:
    """What is known of some users after each day, the first entry being that after none.

    `assigned` are the users; `users` (days,) those who came so far; `sums` (days, columns) is Σ x and
    `products` (days, columns, columns) Σ x xᵀ over them.
    """

    assigned: int
    users: NDArray[np.int64]
    sums: NDArray[np.float64]
    products: NDArray[np.float64]

    def __add__(self, other: DailyMoments) -> DailyMoments:
        """Those of both; sums of floats, so the order in which many are added decides their last digits."""
        return DailyMoments(
            self.assigned + other.assigned,
            self.users + other.users,
            self.sums + other.sums,
            self.products + other.products,
        )

    def after(self, days: int) -> DailyMoments:
        """Only those after `days` days."""
        at = slice(days, days + 1)
        return DailyMoments(self.assigned, self.users[at], self.sums[at], self.products[at])

    def of_arm(self, arm: str, days: int) -> ArmMoments:
        """An arm's moments after `days` days."""
        products = tuple(tuple(row) for row in self.products[days].tolist())
        return ArmMoments(
            arm, self.assigned, int(self.users[days]), tuple(self.sums[days].tolist()), products
        )


def no_moments(days: int, columns: int) -> DailyMoments:
    """Nobody's, after each of `days` days."""
    return DailyMoments(
        0,
        np.zeros(days + 1, np.int64),
        np.zeros((days + 1, columns)),
        np.zeros((days + 1, columns, columns)),
    )


def daily_moments(assigned: int, after: Iterable[NDArray[np.float64]], nobody: DailyMoments) -> DailyMoments:
    """Of the rows that `Block.columns` gives after each day, the last of which tells who came; `nobody` has
    their shape.

    Sums go pairwise over a block's users; matrix products would leave their order to the BLAS.
    """
    users, sums, products = nobody.users.copy(), nobody.sums.copy(), nobody.products.copy()
    for day, columns in enumerate(after, start=1):
        rows, came = columns[:-1], columns[-1]
        users[day] = int(came.sum())
        sums[day] = rows.sum(axis=1)
        for i, row in enumerate(rows):
            products[day, i] = (rows * row).sum(axis=1)
    return DailyMoments(assigned, users, sums, products)
