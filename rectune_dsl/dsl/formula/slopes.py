"""Enclosures of slopes: of (f(y) - f(x)) / (y - x) for any x < y of one signal, all else held.

A box may hold jumps, so slopes may be infinite; a slope of at least 0 is a proof that the formula never falls
there. Slopes of products and quotients as in Krawczyk, Neumaier (1985), "Interval slopes for rational
functions and associated centered forms". They are of the exact formula: rounding of a flat score is no fall.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from rectune_dsl.dsl.formula import arithmetic as do
from rectune_dsl.dsl.formula import curves
from rectune_dsl.dsl.formula.arithmetic import ANYTHING, ONE, ZERO
from rectune_dsl.dsl.formula.intervals import MAX_DEPTH, Enclosure
from rectune_dsl.dsl.formula.rounding import Interval, choose, hull, interval, library, meet
from rectune_dsl.dsl.formula.tree import (
    Binary,
    Call,
    Compare,
    Name,
    Node,
    Number,
    Order,
    Unary,
    Vector,
    children,
    names,
    walk,
)

RISES = Interval(np.zeros(1), np.full(1, np.inf))
FALLS = do.negative(RISES)
_MOST_NESTED = 3
_MOST_CONDITIONS = 20
"""Conditions within conditions beyond which nothing is known of slopes: each looks at all below it again."""


class Slopes:
    """Slopes over the boxes of an enclosure with respect to `signal`. `own` says that each candidate has its
    own value of it, so that the other candidates stay as they are."""

    def __init__(self, enclosure: Enclosure, signal: str, own: bool) -> None:
        self._depth, self._jumps = enclosure.depth, 0
        self._enclosure, self._signal, self._own = enclosure, signal, own
        self._names = self._names_that_move()
        self._moving: dict[int, tuple[Node, bool]] = {}

    def slope(self, node: Node) -> Interval:
        """The slopes of a formula; [-inf, inf] where nothing is known."""
        with np.errstate(all="ignore"):
            self._enclosure.value(node)  # once, so that its parts are at hand
            return self._slope(node)

    def _names_that_move(self) -> set[str]:
        """The signal, and the terms that are made of it."""
        moving, count = {self._signal}, 0
        while len(moving) > count:
            count = len(moving)
            terms = self._enclosure.terms.items()
            moving |= {term for term, tree in terms if any(n.name in moving for n in names(tree))}
        return moving

    def _moves(self, node: Node) -> bool:
        """Whether a formula reads the signal, also through terms."""
        if id(node) not in self._moving:
            for part in reversed(list(walk(node))):
                moves = any(self._moving[id(below)][1] for below in children(part))
                moves = moves or (isinstance(part, Name) and part.name in self._names)
                self._moving[id(part)] = part, moves  # kept, so that its id stays its own
        return self._moving[id(node)][1]

    def _slope(self, node: Node) -> Interval:
        if not self._moves(node):
            return ZERO
        self._depth += 1
        found = self._computed(node) if self._depth <= MAX_DEPTH else ANYTHING
        self._depth -= 1
        return found

    def _computed(self, node: Node) -> Interval:
        match node:
            case Name(name):
                return ONE if name == self._signal else self._slope(self._enclosure.terms[name])
            case Unary(op, operand):
                found = self._slope(operand)
                return do.negative(found) if op == "-" else found
            case Binary():
                return self._binary(node)
            case Compare(op, left, right):
                return self._step(op, left, right)
            case Call("where", (condition, yes, no)):
                return self._where(condition, yes, no)
            case Call("curve", (x, Vector(knots), Vector(heights, order))):
                return self._curve(x, knots, heights, order)
            case Call(function, arguments):
                return self._call(function, arguments)
            case Number() | Vector():
                return ANYTHING

    def _value(self, node: Node) -> Interval:
        return self._enclosure.value(node)

    # --- operators -----------------------------------------------------------------------------------

    def _binary(self, node: Binary) -> Interval:
        if node.op in ("+", "-"):
            return self._sum(node)
        f, g = self._value(node.left), self._value(node.right)
        df, dg = self._slope(node.left), self._slope(node.right)
        match node.op:
            case "*" if node.left == node.right:
                return do.multiply(do.add(f, f), df)
            case "*":
                return do.add(do.multiply(f, dg), do.multiply(g, df))
            case "/":
                rise = do.subtract(do.multiply(g, df), do.multiply(f, dg))
                found = do.divide(rise, do.square(g))
                return meet(found, self._of_share(node, g))
            case _:
                return self._power(node, f, g)

    def _of_share(self, node: Binary, g: Interval) -> Interval:
        """Of k x / (x + rest), where x stands above and below and is counted once:
        k (rest dx - x drest) / (x + rest)^2 + x / (x + rest) dk."""
        factors, addends = _operands("*", node.left), _operands("+", node.right)
        shared = next((factor for factor in factors if factor in addends and self._moves(factor)), None)
        if shared is None or len(addends) < 2:
            return ANYTHING
        rest = _joined("+", _without(addends, shared))
        x, others = self._value(shared), self._value(rest)
        rise = do.subtract(do.multiply(others, self._slope(shared)), do.multiply(x, self._slope(rest)))
        found = do.divide(rise, do.square(g))
        if len(factors) > 1:
            times = _joined("*", _without(factors, shared))
            found = do.multiply(self._value(times), found)
            found = do.add(found, do.multiply(do.divide(x, g), self._slope(times)))
        return found

    def _sum(self, node: Binary) -> Interval:
        if not self._moves(node.right):
            return self._slope(node.left)
        right = self._slope(node.right) if node.op == "+" else do.negative(self._slope(node.right))
        return do.add(self._slope(node.left), right) if self._moves(node.left) else right

    def _power(self, node: Binary, f: Interval, g: Interval) -> Interval:
        """By the base, by the exponent; nothing is known where the power itself may not be finite."""
        power, found = self._value(node), ZERO
        if self._moves(node.left):
            found = do.multiply(_slope_by_base(f, g), self._slope(node.left))
        if self._moves(node.right):
            found = do.add(found, do.multiply(_slope_by_exponent(f, power), self._slope(node.right)))
        return choose(power.unbounded, ANYTHING, found)

    def _step(self, op: str, left: Node, right: Node) -> Interval:
        """A comparison jumps up or down, where the difference of its sides goes one way."""
        gap = do.subtract(self._slope(left), self._slope(right))
        if op in ("<", "<="):
            gap = do.negative(gap)
        decided = self._value(Compare(op, left, right)).is_thin  # type: ignore[arg-type]
        step = _in_direction_of(gap)
        if op in ("==", "!="):
            step = choose((gap.low == 0) & (gap.high == 0), ZERO, ANYTHING)
        return choose(decided, ZERO, step)

    # --- functions -----------------------------------------------------------------------------------

    def _call(self, function: str, arguments: Sequence[Node]) -> Interval:
        slopes = [self._slope(a) for a in arguments]
        match function:
            case "min" | "max":
                return self._extreme(function, arguments, slopes)
            case "clip":
                x, low, high = arguments
                return self._slope(Call("min", (Call("max", (x, low)), high)))
            case "rank":
                return self._among_candidates(do.negative(slopes[0]))
            case "zscore":
                return self._among_candidates(slopes[0])
            case _ if function in _DERIVATIVES and function not in self._enclosure.plugins.signatures:
                return do.multiply(_DERIVATIVES[function](self._value(arguments[0])), slopes[0])
            case _:
                return self._plugin(function, slopes)

    def _extreme(self, function: str, arguments: Sequence[Node], slopes: Sequence[Interval]) -> Interval:
        """The hull of the slopes of the arguments that may be the smallest, or the largest."""
        values = [self._value(a) for a in arguments]
        if function == "min":
            values = [do.negative(v) for v in values]
        floor = np.maximum.reduce(np.broadcast_arrays(*(v.low for v in values)))
        found = Interval(np.full(1, np.inf), np.full(1, -np.inf))
        for value, slope in zip(values, slopes, strict=True):
            found = choose(value.high < floor, found, hull(found, slope))
        return found

    def _among_candidates(self, slope: Interval) -> Interval:
        """What never falls when a candidate's value rises and the others' stay. A signal of the user or the
        request moves all of them."""
        still = (slope.low == 0) & (slope.high == 0)
        return choose(still, ZERO, _in_direction_of(slope) if self._own else ANYTHING)

    def _plugin(self, function: str, slopes: Sequence[Interval]) -> Interval:
        signature = self._enclosure.plugins.signatures.get(function)
        ways = signature.monotone if signature is not None else ()
        found = ZERO
        for i, slope in enumerate(slopes):
            way = ways[i] if i < len(ways) else None
            turned = do.negative(slope) if way == "nonincreasing" else slope
            still = (slope.low == 0) & (slope.high == 0)
            found = do.add(found, choose(still, ZERO, ANYTHING if way is None else _in_direction_of(turned)))
        return found

    def _curve(
        self, x: Node, knots: tuple[Node, ...], heights: tuple[Node, ...], order: Order | None
    ) -> Interval:
        if any(self._moves(h) for h in heights):
            return ANYTHING
        parts, places = [self._value(h) for h in heights], self._enclosure.constants(knots)
        if places is None:
            return ANYTHING
        slope = curves.slopes(self._value(x), places, parts, order)
        return do.multiply(slope, self._slope(x))

    # --- branches ------------------------------------------------------------------------------------

    def _where(self, condition: Node, yes: Node, no: Node) -> Interval:
        if self._enclosure.conditions >= _MOST_CONDITIONS:
            return ANYTHING
        test = self._value(condition)
        always, never = (test.low > 0) | (test.high < 0), (test.low == 0) & (test.high == 0)
        taken, other = self._given(condition, True), self._given(condition, False)
        slopes = taken._slope(yes), other._slope(no)
        either = hull(*slopes)
        if self._moves(condition):
            turn = _of_truth(test, self._slope(condition))
            apart = _jump(turn, taken._value(yes), other._value(no))
            either = hull(either, self._jump_by_point(turn, yes, no, apart))
        return choose(always, slopes[0], choose(never, slopes[1], either))

    def _given(self, condition: Node, is_true: bool) -> Slopes:
        given = self._enclosure.given(condition, is_true)
        given.depth = self._depth + 1
        given.conditions += self._jumps
        return Slopes(given, self._signal, self._own)

    def _jump_by_point(self, turn: Interval, yes: Node, no: Node, apart: Interval) -> Interval:
        """The same where one branch lies above the other at each point, and goes on as it does without the
        condition. Only in conditions that are not nested deeply: each takes twice the time."""
        unknown = (apart.low == -np.inf) & (apart.high == np.inf)
        if not unknown.any() or self._enclosure.conditions + self._jumps >= _MOST_NESTED:
            return apart
        self._jumps += 1
        gain = do.subtract(self._value(yes), self._value(no))
        found = _jump(turn, gain, ZERO)
        found = hull(found, self._slope(yes), self._slope(no))
        self._jumps -= 1
        return choose(unknown, found, apart)


def _operands(op: str, node: Node) -> list[Node]:
    """What is added, or multiplied, in a sum or product of several."""
    match node:
        case Binary(found, left, right) if found == op:
            return [*_operands(op, left), *_operands(op, right)]
    return [node]


def _without(nodes: Sequence[Node], one: Node) -> list[Node]:
    at = nodes.index(one)
    return [*nodes[:at], *nodes[at + 1 :]]


def _joined(op: Literal["+", "*"], nodes: Sequence[Node]) -> Node:
    found = nodes[0]
    for node in nodes[1:]:
        found = Binary(op, found, node)
    return found


def _of_truth(test: Interval, slope: Interval) -> Interval:
    """Which way a condition turns that changes so: it is true where it is not 0, so that one that passes 0
    turns twice."""
    return choose(test.low >= 0, slope, choose(test.high <= 0, do.negative(slope), ANYTHING))


def _jump(turn: Interval, yes: Interval, no: Interval) -> Interval:
    """From one branch to the other, once, if the condition goes one way (`turn` is its slope), and all of one
    branch lies above all of the other."""
    ahead, back = turn.low >= 0, turn.high <= 0
    up, down = yes.low >= no.high, yes.high <= no.low
    rises, falls = (ahead & up) | (back & down), (ahead & down) | (back & up)
    return choose(rises, RISES, choose(falls, FALLS, ANYTHING))


def _in_direction_of(slope: Interval) -> Interval:
    rises, falls = slope.low >= 0, slope.high <= 0
    return choose(rises & falls, ZERO, choose(rises, RISES, choose(falls, FALLS, ANYTHING)))


def _slope_by_base(f: Interval, g: Interval) -> Interval:
    """g f^(g - 1), over the range of f; infinite at 0 for exponents below 1."""
    less = do.subtract(g, ONE)
    return do.multiply(g, choose((f.low == 0) & (less.low < 0), RISES, do.power(f, less)))


def _slope_by_exponent(f: Interval, power: Interval) -> Interval:
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


_DERIVATIVES: Mapping[str, Callable[[Interval], Interval]] = {
    "log": _one_over,
    "log1p": lambda x: _one_over(do.add(ONE, x)),
    "exp": do.exponential,
    "sqrt": lambda x: do.multiply(interval([0.5], [0.5]), _one_over(do.square_root(x))),
    "abs": _sign,
    "sigmoid": _bell,
    "tanh": lambda x: do.subtract(ONE, do.square(do.hyperbolic_tangent(x))),
}
