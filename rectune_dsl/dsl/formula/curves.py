"""Enclosures of `curve`: of its values and of its slopes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rectune_dsl.dsl.formula.arithmetic import ANYTHING, ZERO, divide, negative, subtract
from rectune_dsl.dsl.formula.rounding import Booleans, Floats, Interval, choose, hull, interval, meet
from rectune_dsl.dsl.formula.tree import Order

_UNIT = 2.0**-23
_LEAST = 2.0**-148
_NARROWEST = 1e-30
"""Knots nearer than this could be one in float32."""
_NOTHING = Interval(np.full(1, np.inf), np.full(1, -np.inf))


def in_order(heights: Sequence[Interval], order: Order | None) -> list[Interval]:
    """Heights narrowed by what their order says: none lies below what those before it must reach."""
    if order is None or not heights:
        return list(heights)
    if order == "nonincreasing":
        return in_order(heights[::-1], "nondecreasing")[::-1]
    lows = np.maximum.accumulate(np.stack(np.broadcast_arrays(*(h.low for h in heights))))
    highs = np.stack(np.broadcast_arrays(*(h.high for h in heights)))
    highs = np.minimum.accumulate(highs[::-1])[::-1]
    return [Interval(low, np.maximum(low, high)) for low, high in zip(lows, highs, strict=True)]


def values(x: Interval, knots: Sequence[float], heights: Sequence[Interval], order: Order | None) -> Interval:
    """What the curve may be: what it is at the ends of x and at the knots between them, and how far rounding
    may take it from there. Rounding cannot take a rising curve below its first height."""
    if np.diff(knots, prepend=-np.inf).min() < _NARROWEST:
        return ANYTHING
    heights = in_order(heights, order)
    inside = [
        choose((x.low < k) & (k < x.high), h, _at(x.low, knots, heights))
        for k, h in zip(knots, heights, strict=True)
    ]
    exact = hull(_at(x.low, knots, heights), _at(x.high, knots, heights), *inside)
    error = _rounding(knots, heights)
    loose = interval(exact.low - error, exact.high + error)
    rising, falling = _directions(heights, order)
    low = np.where(rising, np.maximum(loose.low, heights[0].low), loose.low)
    high = np.where(falling, np.minimum(loose.high, heights[0].high), loose.high)
    return Interval(low, high)


def slopes(x: Interval, knots: Sequence[float], heights: Sequence[Interval], order: Order | None) -> Interval:
    """Slopes of the pieces that x may lie on."""
    heights = in_order(heights, order)
    beyond = (x.low < knots[0]) | (x.high > knots[-1])
    found = choose(beyond, ZERO, _NOTHING)
    for left, right, start, end in zip(knots, knots[1:], heights, heights[1:], strict=False):
        rise = subtract(end, start)
        if order is not None:
            rise = _signed(rise, order)
        piece = divide(rise, interval([right - left], [right - left]))
        found = choose((x.low < right) & (x.high > left), hull(found, piece), found)
    return choose(found.low > found.high, ZERO, found)


def _signed(rise: Interval, order: Order) -> Interval:
    if order == "nonincreasing":
        return negative(_signed(negative(rise), "nondecreasing"))
    return meet(rise, Interval(np.zeros(1), np.full(1, np.inf)))


def _at(x: Floats, knots: Sequence[float], heights: Sequence[Interval]) -> Interval:
    """The curve at one x, whatever the heights within their intervals."""
    low, high = heights[0].low, heights[0].high
    for left, right, start, end in zip(knots, knots[1:], heights, heights[1:], strict=False):
        share = np.clip((x - left) / (right - left), 0.0, 1.0)
        beyond = x >= left
        low = np.where(beyond, start.low + share * (end.low - start.low), low)
        high = np.where(beyond, start.high + share * (end.high - start.high), high)
    return Interval(low, high)


def _rounding(knots: Sequence[float], heights: Sequence[Interval]) -> Floats:
    """Errors of the shares (of knots that are rounded themselves), times the rises; and of the sum. Twice
    what float32 rounding to nearest allows."""
    sizes = (np.maximum(np.abs(h.low), np.abs(h.high)) for h in heights)
    size = np.maximum.reduce(np.broadcast_arrays(*sizes))
    error = (2 * len(knots) + 2) * size
    for left, right, start, end in zip(knots, knots[1:], heights, heights[1:], strict=False):
        rise = np.maximum(np.abs(end.high - start.low), np.abs(start.high - end.low))
        error = error + (abs(left) / (right - left) + 4) * rise
    return np.where(size > 0, _UNIT * error + len(knots) * _LEAST, 0.0)


def _directions(heights: Sequence[Interval], order: Order | None) -> tuple[Booleans, Booleans]:
    pairs = list(pairwise(heights))
    rising = np.logical_and.reduce([a.high <= b.low for a, b in pairs] or [np.ones(1, bool)])
    falling = np.logical_and.reduce([a.low >= b.high for a, b in pairs] or [np.ones(1, bool)])
    return rising | (order == "nondecreasing"), falling | (order == "nonincreasing")
