"""Intervals, many at once, that hold whatever rounding makes of a value: in float32, in float64, and mixed.

Bounds lie on the float32 grid. Rounding is monotone and every float32 is a float64, so what is rounded, in
either precision, cannot pass a bound on that grid (IEEE 754, section 4.3): a bound found in float64 and then
moved outwards to the grid holds both. 0 and 1 stay what they are, and what underflows reaches 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LARGEST = float(np.finfo(np.float32).max)
"""What is larger overflows in float32."""
_LIBRARY_ERROR = 2.0**-20
"""Relative error of a library's exp, log or power: 8 units in the last place of float32. NumPy documents
fewer than 4."""
_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
_DOWN, _UP = np.float32(-np.inf), np.float32(np.inf)


@dataclass(frozen=True, slots=True)
class Interval:
    """[low, high] of each box, (boxes,) each. What may not be finite is [-inf, inf]."""

    low: Floats
    high: Floats

    @property
    def unbounded(self) -> Booleans:
        return np.isinf(self.low) | np.isinf(self.high)

    @property
    def is_thin(self) -> Booleans:
        thin: Booleans = self.low == self.high
        return thin


def interval(low: Any, high: Any) -> Interval:
    """The interval on the float32 grid around [low, high]."""
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which says so
        return Interval(_down(np.asarray(low, np.float64)), _up(np.asarray(high, np.float64)))


def library(low: Floats, high: Floats) -> Interval:
    """What a library function may give whose exact values lie in [low, high]. Its error never takes it past
    0 or 1, nor off them where it is exactly there; below the normal numbers it may give 0."""
    least = np.where(low == 1, 1.0, low - np.abs(low) * _LIBRARY_ERROR)
    most = np.where(high == 1, 1.0, high + np.abs(high) * _LIBRARY_ERROR)
    least = np.where(low > 1, np.maximum(least, 1.0), least)
    most = np.where(high < 1, np.minimum(most, 1.0), most)
    least = np.where((low > 0) & (low < _SMALLEST_NORMAL), 0.0, least)
    most = np.where((high < 0) & (high > -_SMALLEST_NORMAL), 0.0, most)
    return interval(least, most)


def hull(*parts: Interval) -> Interval:
    low, high = parts[0].low, parts[0].high
    for part in parts[1:]:
        low, high = np.minimum(low, part.low), np.maximum(high, part.high)
    return Interval(low, high)


def choose(which: Booleans, yes: Interval, no: Interval) -> Interval:
    return Interval(np.where(which, yes.low, no.low), np.where(which, yes.high, no.high))


def meet(one: Interval, other: Interval) -> Interval:
    """What both hold; `one` where they have nothing in common, which no value then can have."""
    low, high = np.maximum(one.low, other.low), np.minimum(one.high, other.high)
    empty = low > high
    return Interval(np.where(empty, one.low, low), np.where(empty, one.high, high))


def _down(values: Floats) -> Floats:
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, _DOWN), near).astype(np.float64)


def _up(values: Floats) -> Floats:
    near = values.astype(np.float32)
    return np.where(near < values, np.nextafter(near, _UP), near).astype(np.float64)
