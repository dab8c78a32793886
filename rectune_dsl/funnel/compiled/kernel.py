"""The kernels that stages call: all requests of a chunk, one after the other.

Arguments are those of a Program, and arrays: `columns` of signals, one line each as `request` describes them;
`scalars` (requests, scalars); `alive` (requests, width), who of all candidates it is, and `valid`
(requests, width), either of them (requests, 0) for all. Requests are as many as `scalars` has rows; of every
other array that is shorter they take the rows over and over, so that several configs share what they have in
common.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled.jit import kernel
from rectune_dsl.funnel.compiled.request import choose, compute, filter_out, load, row_at

_BYTES = 4
"""Of a float32."""
_LINE = 16
"""Floats of a cache line."""

Code = NDArray[np.int32]
Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]

_PROGRAM = "int32[:,::1], int64, int64, int32[::1], int64"
_INPUT = "int64[:,::1], float32[:,::1], int64[:,::1], bool_[:,::1], int64"


@kernel("float32[:,::1](int64, int64)")
def _space(rows: int, width: int) -> Floats:
    """Rows that start on cache lines of their own."""
    return np.empty((rows, (width + 2 * _LINE - 1) // _LINE * _LINE), np.float32)


@kernel("int64[::1](float32[:,::1])")
def _addresses(space: Floats) -> Integers:
    addresses = np.empty(space.shape[0], np.int64)
    for row in range(addresses.size):
        addresses[row] = space.ctypes.data + row * space.shape[1] * _BYTES
    return addresses


@kernel(f"void({_PROGRAM}, {_INPUT}, float32[:,::1], bool_[:,::1])")
def score(
    code: Code,
    registers: int,
    score_row: int,
    filters: Code,
    penalty_row: int,
    columns: Integers,
    scalars: Floats,
    alive: Integers,
    valid: Booleans,
    width: int,
    to_scores: Floats,
    to_passing: Booleans,
) -> None:
    """Every candidate's score, and whether it is there and passes the filters: (requests, width)."""
    space = _space(columns.shape[0] + registers, width)
    addresses = _addresses(space)
    keys, places = np.empty(width, np.int32), np.empty((2, width + 1), np.int64)
    for request in range(scalars.shape[0]):
        load(request, columns, alive, space, addresses)
        there = valid[request % valid.shape[0]]
        compute(code, addresses, scalars[request], there, width, keys, places)
        scores = row_at(addresses[score_row], width)
        for i in range(width):
            to_scores[request, i] = scores[i]
        filter_out(filters, addresses, there, to_passing[request])


@kernel(
    f"int64({_PROGRAM}, {_INPUT}, int64, int64, int64, int32[:,::1], "
    "int64[:,::1], float32[:,::1], bool_[:,::1])"
)
def run(
    code: Code,
    registers: int,
    score_row: int,
    filters: Code,
    penalty_row: int,
    columns: Integers,
    scalars: Floats,
    alive: Integers,
    valid: Booleans,
    width: int,
    how: int,
    keep: int,
    most: int,
    sharing: Code,
    to_alive: Integers,
    to_scores: Floats,
    to_valid: Booleans,
) -> int:
    """Score, filter and choose: the chosen, their scores, and where there is somebody: (requests, kept).

    `sharing` (requests, width) are a diversity rule's keys, of which at most `most` are equal. Returns how
    many of the chosen are nobody.
    """
    space = _space(columns.shape[0] + registers, width)
    addresses = _addresses(space)
    keys, places = np.empty(width, np.int32), np.empty((2, width + 1), np.int64)
    passing, worth = np.empty(width, np.bool_), np.empty(width, np.float32)
    nobody = 0
    for request in range(scalars.shape[0]):
        load(request, columns, alive, space, addresses)
        there = valid[request % valid.shape[0]]
        compute(code, addresses, scalars[request], there, width, keys, places)
        scores = row_at(addresses[score_row], width)
        penalties = row_at(addresses[penalty_row], width)
        if filters.size:
            filter_out(filters, addresses, there, passing)
            there = passing
        shared = sharing[request % sharing.shape[0]]
        count = choose(how, keep, scores, there, shared, penalties, most, keys, worth, places)
        candidates = alive[request % alive.shape[0]]
        for place in range(to_alive.shape[1]):
            position = places[0, place] if place < count else 0
            somebody = place < count and (there.size == 0 or there[position])
            to_alive[request, place] = candidates[position] if candidates.size else position
            to_scores[request, place] = scores[position]
            to_valid[request, place] = somebody
            nobody += 0 if somebody else 1
    return nobody
