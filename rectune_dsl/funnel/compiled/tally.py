"""The sums of `funnel.tally` in one pass over the slates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled.jit import kernel
from rectune_dsl.funnel.tally import Board, Candidates, Sums, position_weights

_FIRST_COLUMN = 2
"""Of the sums; before it stand the sum of weights and the number of items."""


@kernel("void(int32[::1], int32[::1], float64[::1])")
def _repeats(slate: NDArray[np.int32], keys: NDArray[np.int32], sums: Sums) -> None:
    """Adds to the first two sums a slate's pairs that share a key, and the first items with theirs."""
    for place in range(slate.size):
        if slate[place] < 0:
            continue
        same = 0
        for earlier in range(place):
            if slate[earlier] >= 0 and keys[slate[earlier]] == keys[slate[place]]:
                same += 1
        sums[0] += same
        sums[1] += 1.0 if same == 0 else 0.0


@kernel("void(int32[:,::1], float64[::1], float32[:,:,::1], int64, int32[:,:,::1], float64[::1])")
def _add(
    candidates: NDArray[np.int32],
    weights: Sums,
    columns: NDArray[np.float32],
    weighted: int,
    keys: NDArray[np.int32],
    sums: Sums,
) -> None:
    """One config's slates, (requests, slate)."""
    count = columns.shape[2]
    of_columns = sums[_FIRST_COLUMN : _FIRST_COLUMN + count]
    for request in range(candidates.shape[0]):
        slate = candidates[request]
        for place in range(slate.size):
            if slate[place] < 0:
                continue
            weight, row = weights[place], columns[request, slate[place]]
            sums[0] += weight
            sums[1] += 1.0
            for c in range(weighted):
                of_columns[c] += weight * row[c]
            for c in range(weighted, count):
                of_columns[c] += row[c]
        for k in range(keys.shape[0]):
            _repeats(slate, keys[k, request], sums[_FIRST_COLUMN + count + 2 * k :])


@kernel("void(int32[:,:,::1], float64[::1], float32[:,:,::1], int64, int32[:,:,::1], float64[:,::1])")
def _add_all(
    candidates: Candidates,
    weights: Sums,
    columns: NDArray[np.float32],
    weighted: int,
    keys: NDArray[np.int32],
    sums: Sums,
) -> None:
    for config in range(candidates.shape[0]):
        _add(candidates[config], weights, columns, weighted, keys, sums[config])


def tally_by_kernel(board: Board, candidates: Candidates) -> Sums:
    """As `funnel.tally.tally_by_numpy` does it."""
    sums = np.zeros((len(candidates), _FIRST_COLUMN + board.columns.shape[2] + 2 * len(board.keys)))
    weights = position_weights(candidates.shape[2])
    own = np.require(candidates, np.int32, ["C", "W"])
    _add_all(own, weights, board.columns, board.weighted, board.keys, sums)
    return sums
