"""What slates add up to: weighted sums of columns, and how often keys repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.choice import compiled

Candidates = NDArray[np.int32]
"""(configs, requests, slate): indices of candidates, -1 where nothing is shown."""
Sums = NDArray[np.float64]
"""(configs, sums)"""


@dataclass(frozen=True, eq=False)
class Board:
    """What a tally reads of a panel's candidates.

    `columns` (requests, candidates, columns) are summed over what is shown, the first `weighted` of them with
    a position's weight. `keys` (keys, requests, candidates) are compared between the items of a slate.
    """

    columns: NDArray[np.float32]
    weighted: int
    keys: NDArray[np.int32]


Tally = Callable[[Board, Candidates], Sums]
"""Adds up the slates of each config: the sum of weights, the number of items shown, each column's sum, and
for every key two numbers, the pairs of items of a slate that share it and the items that are the first with
theirs."""


def tally() -> Tally:
    """The kernel's where numba runs, else NumPy's. Their sums are the same but for rounding; counts are
    equal."""
    if not compiled():
        return tally_by_numpy
    from rectune_dsl.funnel.compiled.tally import tally_by_kernel  # numba takes a while to import

    return tally_by_kernel


def position_weights(width: int) -> NDArray[np.float64]:
    """1 / log2(1 + position) for positions from 1, as in nDCG (Järvelin and Kekäläinen 2002): (width,)."""
    weights: NDArray[np.float64] = 1.0 / np.log2(np.arange(width) + 2.0)
    return weights


def tally_by_numpy(board: Board, candidates: Candidates) -> Sums:
    """One config after the other, all its slates at once."""
    return np.array([_sums(board, slates) for slates in candidates])


def _sums(board: Board, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
    shown = candidates >= 0
    there = np.where(shown, candidates, 0)
    rows = np.arange(len(there))[:, None]
    weights = shown * position_weights(shown.shape[1])
    columns = board.columns[rows, there].astype(np.float64)
    pairs = [_pairs_and_firsts(keys[rows, there], shown) for keys in board.keys]
    return np.array(
        [
            weights.sum(),
            shown.sum(),
            *np.einsum("rp,rpc->c", weights, columns[:, :, : board.weighted]),
            *columns[shown][:, board.weighted :].sum(axis=0),
            *(number for pair in pairs for number in pair),
        ],
        np.float64,
    )


def _pairs_and_firsts(keys: NDArray[np.int32], shown: NDArray[np.bool_]) -> tuple[int, int]:
    earlier = np.tri(keys.shape[1], k=-1, dtype=np.bool_)
    same = (keys[:, :, None] == keys[:, None, :]) & shown[:, None, :] & earlier
    repeats = same.sum(axis=2)[shown]
    return int(repeats.sum()), int((repeats == 0).sum())
