"""Interval arithmetic: what operators and functions make of intervals. [-inf, inf] is "may not be finite".

Extended where slopes need it: 0 times infinity is 0 (a jump that is multiplied away).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rectune_dsl.dsl.formula.rounding import (
    Booleans,
    Floats,
    Interval,
    choose,
    interval,
    library,
)

ZERO = Interval(np.zeros(1), np.zeros(1))
ONE = Interval(np.ones(1), np.ones(1))
ANYTHING = Interval(np.full(1, -np.inf), np.full(1, np.inf))


def negative(x: Interval) -> Interval:
    return Interval(-x.high, -x.low)


def add(x: Interval, y: Interval) -> Interval:
    return interval(_sum(x.low, y.low, -np.inf), _sum(x.high, y.high, np.inf))


def subtract(x: Interval, y: Interval) -> Interval:
    return add(x, negative(y))


def multiply(x: Interval, y: Interval) -> Interval:
    return _corners(_product, x, y)


def divide(x: Interval, y: Interval) -> Interval:
    holds_zero = (y.low <= 0) & (y.high >= 0)
    return _unless(holds_zero, _corners(_quotient, x, y))


def square(x: Interval) -> Interval:
    one, other = x.low * x.low, x.high * x.high
    holds_zero = (x.low <= 0) & (x.high >= 0)
    return interval(np.where(holds_zero, 0.0, np.minimum(one, other)), np.maximum(one, other))


def power(x: Interval, y: Interval) -> Interval:
    """x ** y. For a base of 0 or more it is monotone in each, so its ends are at corners (0 ** 0 is 1, and is
    one of them); a negative base needs one whole exponent, 0 a negative one nowhere."""
    whole = y.is_thin & (np.rint(y.low) == y.low)
    reaches_zero = (x.low <= 0) & (x.high >= 0)
    undefined = ((x.low < 0) & ~whole) | (reaches_zero & (y.low < 0))
    least, most = _extremes(np.power, x, y)
    even_through_zero = whole & (x.low < 0) & (x.high > 0) & (np.mod(y.low, 2) == 0) & (y.low > 0)
    least = np.where(even_through_zero, 0.0, least)
    return _unless(undefined, library(least, most))


def minimum(x: Interval, y: Interval) -> Interval:
    return Interval(np.minimum(x.low, y.low), np.minimum(x.high, y.high))


def maximum(x: Interval, y: Interval) -> Interval:
    return Interval(np.maximum(x.low, y.low), np.maximum(x.high, y.high))


def absolute(x: Interval) -> Interval:
    least = np.maximum(0.0, np.maximum(x.low, -x.high))
    return Interval(least, np.maximum(-x.low, x.high))


def logarithm(x: Interval) -> Interval:
    return _unless(x.low <= 0, library(np.log(x.low), np.log(x.high)))


def logarithm_of_1_plus(x: Interval) -> Interval:
    return _unless(x.low <= -1, library(np.log1p(x.low), np.log1p(x.high)))


def exponential(x: Interval) -> Interval:
    return library(np.exp(x.low), np.exp(x.high))


def square_root(x: Interval) -> Interval:
    return _unless(x.low < 0, interval(np.sqrt(x.low), np.sqrt(x.high)))


def sigmoid(x: Interval) -> Interval:
    """Within [0, 1] whatever its exponential does: 1 / (1 + infinity) is 0."""
    inner = exponential(negative(x))
    return interval(1.0 / (1.0 + inner.high), 1.0 / (1.0 + inner.low))


def hyperbolic_tangent(x: Interval) -> Interval:
    loose = library(np.tanh(x.low), np.tanh(x.high))
    return Interval(np.maximum(loose.low, -1.0), np.minimum(loose.high, 1.0))


def holds(op: str, x: Interval, y: Interval) -> Interval:
    """1 where a comparison always holds, 0 where it never does, [0, 1] where it may."""
    always, never = _COMPARISONS[op](x, y)
    return Interval(always.astype(np.float64), (~never).astype(np.float64))


FUNCTIONS: Mapping[str, Callable[[Interval], Interval]] = {
    "log": logarithm,
    "log1p": logarithm_of_1_plus,
    "exp": exponential,
    "sqrt": square_root,
    "abs": absolute,
    "sigmoid": sigmoid,
    "tanh": hyperbolic_tangent,
}


def _less(x: Interval, y: Interval) -> tuple[Booleans, Booleans]:
    return x.high < y.low, x.low >= y.high


def _at_most(x: Interval, y: Interval) -> tuple[Booleans, Booleans]:
    return x.high <= y.low, x.low > y.high


def _equal(x: Interval, y: Interval) -> tuple[Booleans, Booleans]:
    return x.is_thin & y.is_thin & (x.low == y.low), (x.high < y.low) | (x.low > y.high)


def _unequal(x: Interval, y: Interval) -> tuple[Booleans, Booleans]:
    always, never = _equal(x, y)
    return never, always


_COMPARISONS: Mapping[str, Callable[[Interval, Interval], tuple[Booleans, Booleans]]] = {
    "<": _less,
    "<=": _at_most,
    ">": lambda x, y: _less(y, x),
    ">=": lambda x, y: _at_most(y, x),
    "==": _equal,
    "!=": _unequal,
}


def _sum(x: Floats, y: Floats, if_opposed: float) -> Floats:
    total = x + y
    return np.where(np.isnan(total), if_opposed, total)


def _product(x: Floats, y: Floats) -> Floats:
    product = x * y
    return np.where(np.isnan(product), 0.0, product)


def _quotient(x: Floats, y: Floats) -> Floats:
    quotient = x / y
    return np.where(np.isnan(quotient), 0.0, quotient)


def _extremes(operation: Callable[[Any, Any], Floats], x: Interval, y: Interval) -> tuple[Floats, Floats]:
    one, two = operation(x.low, y.low), operation(x.low, y.high)
    three, four = operation(x.high, y.low), operation(x.high, y.high)
    least = np.minimum(np.minimum(one, two), np.minimum(three, four))
    return least, np.maximum(np.maximum(one, two), np.maximum(three, four))


def _corners(operation: Callable[[Any, Any], Floats], x: Interval, y: Interval) -> Interval:
    return interval(*_extremes(operation, x, y))


def _unless(undefined: Booleans, found: Interval) -> Interval:
    return choose(undefined, ANYTHING, found)
