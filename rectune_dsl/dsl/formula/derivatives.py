"""How single operations change, as intervals: derivatives over a range, jumps, and turns of conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rectune_dsl.dsl.formula import arithmetic as do
from rectune_dsl.dsl.formula.arithmetic import ANYTHING, ONE, ZERO
from rectune_dsl.dsl.formula.rounding import Interval, choose, interval, library

RISES = Interval(np.zeros(1), np.full(1, np.inf))
FALLS = do.negative(RISES)


def of_truth(test: Interval, slope: Interval) -> Interval:
    """Which way a condition turns that changes so: it is true where it is not 0, so that one that passes 0
    turns twice."""
    return choose(test.low >= 0, slope, choose(test.high <= 0, do.negative(slope), ANYTHING))


def jump(turn: Interval, yes: Interval, no: Interval) -> Interval:
    """From one branch to the other, once, if the condition goes one way (`turn` is its slope), and all of one
    branch lies above all of the other."""
    ahead, back = turn.low >= 0, turn.high <= 0
    up, down = yes.low >= no.high, yes.high <= no.low
    rises, falls = (ahead & up) | (back & down), (ahead & down) | (back & up)
    return choose(rises, RISES, choose(falls, FALLS, ANYTHING))


def in_direction_of(slope: Interval) -> Interval:
    rises, falls = slope.low >= 0, slope.high <= 0
    return choose(rises & falls, ZERO, choose(rises, RISES, choose(falls, FALLS, ANYTHING)))


def by_base(f: Interval, g: Interval) -> Interval:
    """g f^(g - 1), over the range of f; infinite at 0 for exponents below 1."""
    less = do.subtract(g, ONE)
    return do.multiply(g, choose((f.low == 0) & (less.low < 0), RISES, do.power(f, less)))


def by_exponent(f: Interval, power: Interval) -> Interval:
    """f^g log f. At f = 0 the power falls from 1 to 0 where the exponent leaves 0."""
    log = library(np.log(np.maximum(f.low, 0.0)), np.log(np.maximum(f.high, 0.0)))
    found = do.multiply(power, log)
    found = choose(f.low <= 0, Interval(np.full(1, -np.inf), np.maximum(found.high, 0.0)), found)
    return choose(f.low < 0, ANYTHING, found)


def _one_over(x: Interval) -> Interval:
    positive = interval(1.0 / x.high, np.where(x.low > 0, 1.0 / x.low, np.inf))
    return choose(x.low >= 0, positive, ANYTHING)


def _sign(x: Interval) -> Interval:
    return Interval(np.where(x.low >= 0, 1.0, -1.0), np.where(x.high <= 0, -1.0, 1.0))


def _bell(x: Interval) -> Interval:
    """sigmoid (1 - sigmoid), between 0 and 1/4."""
    at = do.sigmoid(x)
    found = do.multiply(at, do.subtract(ONE, at))
    return Interval(np.maximum(found.low, 0.0), np.minimum(found.high, 0.25))


OF_FUNCTIONS: Mapping[str, Callable[[Interval], Interval]] = {
    "log": _one_over,
    "log1p": lambda x: _one_over(do.add(ONE, x)),
    "exp": do.exponential,
    "sqrt": lambda x: do.multiply(interval([0.5], [0.5]), _one_over(do.square_root(x))),
    "abs": _sign,
    "sigmoid": _bell,
    "tanh": lambda x: do.subtract(ONE, do.square(do.hyperbolic_tangent(x))),
}
"""Of functions of one argument."""
