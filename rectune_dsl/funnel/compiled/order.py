"""Who is best: positions by score, ties by position, in the order of `funnel.select`.

A score's key is an int32 that is larger for the better: the score's bits in an order-preserving form, NaN
below minus infinity, what is not there below NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled.jit import bits32_of, kernel
from rectune_dsl.funnel.compiled.rows import Row

Keys = NDArray[np.int32]
Positions = NDArray[np.int64]
There = NDArray[np.bool_]
"""(candidates,), or empty where all are there."""

_FLIP = np.int32(0x7FFFFFFF)
_ABSENT = np.int32(-0x80000000)
_NAN = np.int32(-0x7FFFFFF0)
_SIGN = np.int32(31)
_ONE, _NONE = np.int32(1), np.int32(0)
_ZERO = np.float32(0.0)


@kernel("void(float32[::1], bool_[::1], int32[::1])")
def keys_of(scores: Row, there: There, keys: Keys) -> None:
    for i in range(scores.size):
        bits = np.int32(bits32_of(scores[i] + _ZERO))  # + 0 makes -0 equal to 0
        ordered = np.int32(bits ^ np.int32(np.int32(bits >> _SIGN) & _FLIP))
        keys[i] = ordered if scores[i] == scores[i] else _NAN
    if there.size:
        for i in range(scores.size):
            keys[i] = keys[i] if there[i] else _ABSENT


@kernel("int64(int32[::1], int32)")
def _at_least(keys: Keys, limit: np.int32) -> int:
    count = _NONE
    for i in range(keys.size):
        count = np.int32(count + (_ONE if keys[i] >= limit else _NONE))
    return int(count)


@kernel("UniTuple(int64, 2)(int32[::1])")
def _span(keys: Keys) -> tuple[int, int]:
    """The smallest and the largest key."""
    low, high = keys[0], keys[0]
    for i in range(keys.size):
        low = keys[i] if keys[i] < low else low
        high = keys[i] if keys[i] > high else high
    return int(low), int(high)


@kernel("int64(int32[::1], int32, int64, int64, int64[::1])")
def _collect(keys: Keys, limit: np.int32, keep: int, above: int, kept: Positions) -> int:
    """Positions with keys above `limit`, and the first that equal it as far as there is room."""
    count = 0
    if above == keep:
        for i in range(keys.size):
            kept[count] = i
            count += 1 if keys[i] >= limit else 0
        return count
    equal = keep - above
    for i in range(keys.size):
        kept[count] = i
        if keys[i] > limit:
            count += 1
        elif keys[i] == limit and equal > 0:
            count += 1
            equal -= 1
    return count


@kernel("int64(int32[::1], int64, int64[::1])")
def keep_best(keys: Keys, keep: int, kept: Positions) -> int:
    """The positions of the `keep` best in ascending order, at the start of `kept`, which has room for one
    more than there are keys; how many they are.

    The least key that is kept is found by counting what lies above a guess, a fraction of the work of moving
    anything. Every other guess interpolates, every other halves what is left.
    """
    width = keys.size
    if keep >= width:
        for i in range(width):
            kept[i] = i
        return width
    low, high = _span(keys)
    least, above = width, 0  # keys from `low` on, and keys beyond `high`
    halve = False
    while low < high:
        share = 0.5 if halve else (least - keep + 0.5) / (least - above)
        middle = low + 1 + int(share * (high - low - 1))
        halve = not halve
        count = _at_least(keys, np.int32(middle))
        if count >= keep:
            low, least = middle, count
            if count == keep:
                break
        else:
            high, above = middle - 1, count
    return _collect(keys, np.int32(low), keep, above if low == high else keep, kept)


@kernel("void(int32[::1], int64[::1], int64, int64, int64, int64[::1])")
def _merge(keys: Keys, positions: Positions, start: int, middle: int, stop: int, to: Positions) -> None:
    left, right = start, middle
    for i in range(start, stop):
        if left < middle and (right >= stop or keys[positions[left]] >= keys[positions[right]]):
            to[i] = positions[left]
            left += 1
        else:
            to[i] = positions[right]
            right += 1


@kernel("void(int32[::1], int64[::1], int64, int64[::1])")
def sort_best(keys: Keys, positions: Positions, count: int, other: Positions) -> None:
    """Sort the first `count` positions by key, best first, equal keys in the order they come in. A merge sort
    from the bottom up; `other` is as long as `positions`."""
    run = 1
    while run < count:
        for start in range(0, count, 2 * run):
            _merge(keys, positions, start, min(start + run, count), min(start + 2 * run, count), other)
        for i in range(count):
            positions[i] = other[i]
        run *= 2


@kernel("void(int32[::1], float32[::1], int64[::1], int64[::1])")
def rank(keys: Keys, to: Row, positions: Positions, other: Positions) -> None:
    """1 for the largest score; ties share the mean of their places; every NaN has a place of its own."""
    width = keys.size
    for i in range(width):
        positions[i] = i
    sort_best(keys, positions, width, other)
    first = 0
    while first < width:
        last = first
        key = keys[positions[first]]
        while last + 1 < width and keys[positions[last + 1]] == key and key != _NAN:
            last += 1
        for place in range(first, last + 1):
            to[positions[place]] = (first + last) / 2 + 1
        first = last + 1
