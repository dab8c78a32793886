"""One request: its signals, its program, who passes, who is chosen."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled import opcodes as op
from rectune_dsl.funnel.compiled import rows, wide
from rectune_dsl.funnel.compiled.greedy import pick_diverse
from rectune_dsl.funnel.compiled.jit import kernel, pointer, prefetch
from rectune_dsl.funnel.compiled.order import keep_best, keys_of, rank, sort_best

KEEP, SORT, PICK, PICK_IN_PLACE = 0, 1, 2, 3
"""How candidates are chosen: the best, in their order; best first; under a diversity rule, in the order they
were picked, or in their own."""
ADDRESS, STRIDE, GATHERED, ROWS = 0, 1, 2, 3
"""A column of signals: where its first row starts, elements from one row to the next, whether a row has
all candidates of the request instead of those that are alive, and how many rows there are. Where there are
more requests than rows, they begin again."""

_FLOAT = 4
_LINE = 16
"""Floats of a cache line."""
_ZERO = np.float32(0.0)
_LOWEST_SCORE = np.int32(-0x7F800001)
"""The key of minus infinity."""


@numba.njit(forceinline=True)
def row_at(address: int, width: int) -> rows.Row:
    row: rows.Row = numba.carray(pointer(address), (width,))
    return row


@numba.njit(forceinline=True)
def _gather(stored: rows.Row, alive: NDArray[np.int64], to: rows.Row) -> None:
    for i in range(alive.size):
        to[i] = stored[alive[i]]


@numba.njit(forceinline=True)
def _prepare(address: int, width: int) -> None:
    """Have memory bring the next request's row while this one's is worked on."""
    for i in range(0, width, _LINE):
        prefetch(address + i * _FLOAT)


@kernel("void(int64, int64[:,::1], int64[:,::1], float32[:,::1], int64[::1])")
def load(
    request: int,
    columns: NDArray[np.int64],
    alive: NDArray[np.int64],
    space: NDArray[np.float32],
    addresses: NDArray[np.int64],
) -> None:
    """Set the addresses of a request's columns; gather what is stored for more than who is alive."""
    for c in range(columns.shape[0]):
        row = request % columns[c, ROWS]
        address = columns[c, ADDRESS] + row * columns[c, STRIDE] * _FLOAT
        if columns[c, GATHERED]:
            _gather(row_at(address, columns[c, STRIDE]), alive[request % alive.shape[0]], space[c])
            _prepare(address + columns[c, STRIDE] * _FLOAT, columns[c, STRIDE])
        else:
            addresses[c] = address


@kernel("void(int32[:,::1], int64[::1], float32[::1], bool_[::1], int64, int32[::1], int64[:,::1])")
def compute(
    code: NDArray[np.int32],
    addresses: NDArray[np.int64],
    scalars: rows.Row,
    there: NDArray[np.bool_],
    width: int,
    keys: NDArray[np.int32],
    places: NDArray[np.int64],
) -> None:
    """Run a program for one request."""
    for step in range(code.shape[0]):
        operation = np.int64(code[step, op.OPERATION])
        to = row_at(addresses[code[step, op.TARGET]], width)
        a = row_at(addresses[code[step, op.A]], width)
        b = row_at(addresses[code[step, op.B]], width)
        c = code[step, op.C]
        if operation < op.FIRST_WITH_SCALAR:
            rows.with_row(operation, to, a, b)
        elif operation < op.FIRST_PLAIN:
            rows.with_scalar(operation, to, a, scalars[c])
        elif operation < op.FIRST_TRANSCENDENTAL:
            rows.plain(operation, to, a, b, row_at(addresses[c], width))
        elif operation < op.FIRST_REQUEST_WIDE:
            rows.transcendental(operation, to, a, b, scalars[c])
        elif operation == op.RANK:
            keys_of(a, there[:0], keys)
            for i in range(there.size):  # as in NumPy's reader
                keys[i] = keys[i] if there[i] else _LOWEST_SCORE
            rank(keys, to, places[0], places[1])
        else:
            wide.zscore(a, there, to)


@kernel("void(int64[::1], int64)")
def _ascending(positions: NDArray[np.int64], count: int) -> None:
    for i in range(1, count):
        position, place = positions[i], i
        while place > 0 and positions[place - 1] > position:
            positions[place] = positions[place - 1]
            place -= 1
        positions[place] = position


@kernel("void(int32[::1], int64[::1], bool_[::1], bool_[::1])")
def filter_out(
    filters: NDArray[np.int32],
    addresses: NDArray[np.int64],
    there: NDArray[np.bool_],
    passing: NDArray[np.bool_],
) -> None:
    """Who is there and passes every filter: where it is neither 0 nor NaN."""
    width = passing.size
    for i in range(width):
        passing[i] = there[i] if there.size else True
    for number in range(filters.size):
        held = row_at(addresses[filters[number]], width)
        for i in range(width):
            passing[i] = passing[i] & (held[i] != _ZERO) & (held[i] == held[i])


@kernel(
    "int64(int64, int64, float32[::1], bool_[::1], int32[::1], float32[::1], int64, int32[::1],"
    "float32[::1], int64[:,::1])"
)
def choose(
    how: int,
    keep: int,
    scores: rows.Row,
    passing: NDArray[np.bool_],
    sharing: NDArray[np.int32],
    penalties: rows.Row,
    most: int,
    keys: NDArray[np.int32],
    worth: rows.Row,
    places: NDArray[np.int64],
) -> int:
    """Positions of one request's chosen at the start of `places[0]`; how many they are."""
    if how >= PICK:
        count = pick_diverse(scores, passing, sharing, penalties, most, keep, worth, places[0])
        if how == PICK_IN_PLACE:
            _ascending(places[0], count)
        return count
    keys_of(scores, passing, keys)
    count = keep_best(keys, keep, places[0])
    if how == SORT:
        sort_best(keys, places[0], count, places[1])
    return count
