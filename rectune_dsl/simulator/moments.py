"""Per-user columns to sufficient statistics, in an order that no thread and no chunk can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.api import ArmMoments


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """Of one block of users: how many came, Σ x (columns,), Σ x xᵀ (columns, columns)."""

    users: int
    sums: NDArray[np.float64]
    products: NDArray[np.float64]


def block_moments(columns: NDArray[np.float64]) -> BlockMoments:
    """Of the rows that `Block.columns` gives, the last of which tells who came.

    Sums go pairwise over a block's users; matrix products would leave their order to the BLAS.
    """
    rows, came = columns[:-1], columns[-1]
    products = np.array([(rows * row).sum(axis=1) for row in rows])
    return BlockMoments(int(came.sum()), rows.sum(axis=1), products)


def arm_moments(arm: str, assigned: int, blocks: Sequence[BlockMoments], columns: int) -> ArmMoments:
    """An arm's moments: its blocks', added in their order."""
    users, sums, products = 0, np.zeros(columns), np.zeros((columns, columns))
    for block in blocks:
        users += block.users
        sums += block.sums
        products += block.products
    rows = tuple(tuple(row) for row in products.tolist())
    return ArmMoments(arm, assigned, users, tuple(sums.tolist()), rows)
