"""Enclosures of slopes: of (f(y) - f(x)) / (y - x) for any x < y of one signal, all else held.

A box may hold jumps, so slopes may be infinite; a slope of at least 0 is a proof that the formula never falls
there. Slopes of products and quotients as in Krawczyk, Neumaier (1985), "Interval slopes for rational
functions and associated centered forms". They are of the exact formula: rounding of a flat score is no fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rectune_dsl.dsl.formula import arithmetic as do
from rectune_dsl.dsl.formula import curves, derivatives
from rectune_dsl.dsl.formula.arithmetic import ANYTHING, ONE, ZERO
from rectune_dsl.dsl.formula.intervals import MAX_DEPTH, Enclosure
from rectune_dsl.dsl.formula.rounding import Interval, choose, hull, meet
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

_MOST_NESTED = 3
_MOST_CONDITIONS = 20
"""Conditions within conditions beyond which nothing is known of slopes: each looks at all below it again."""


class Slopes:
    """Slopes over the boxes of an enclosure with respect to `signal`. `own` says that each candidate has its
    own value of it, so that the other candidates stay as they are."""

    def __init__(self, enclosure: Enclosure, signal: str, own: bool) -> None:
        self._depth, self._jumps = enclosure.depth, 0
        self._enclosure, self._signal, self._own = enclosure, signal, own
        self._plugins = enclosure.plugins.signatures
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
            found = do.multiply(derivatives.by_base(f, g), self._slope(node.left))
        if self._moves(node.right):
            found = do.add(found, do.multiply(derivatives.by_exponent(f, power), self._slope(node.right)))
        return choose(power.unbounded, ANYTHING, found)

    def _step(self, op: str, left: Node, right: Node) -> Interval:
        """A comparison jumps up or down, where the difference of its sides goes one way."""
        gap = do.subtract(self._slope(left), self._slope(right))
        if op in ("<", "<="):
            gap = do.negative(gap)
        decided = self._value(Compare(op, left, right)).is_thin  # type: ignore[arg-type]
        step = derivatives.in_direction_of(gap)
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
            case _ if function not in self._plugins and function in derivatives.OF_FUNCTIONS:
                return do.multiply(derivatives.OF_FUNCTIONS[function](self._value(arguments[0])), slopes[0])
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
        return choose(still, ZERO, derivatives.in_direction_of(slope) if self._own else ANYTHING)

    def _plugin(self, function: str, slopes: Sequence[Interval]) -> Interval:
        signature = self._plugins.get(function)
        ways = signature.monotone if signature is not None else ()
        found = ZERO
        for i, slope in enumerate(slopes):
            way = ways[i] if i < len(ways) else None
            turned = do.negative(slope) if way == "nonincreasing" else slope
            still = (slope.low == 0) & (slope.high == 0)
            change = ANYTHING if way is None else derivatives.in_direction_of(turned)
            found = do.add(found, choose(still, ZERO, change))
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
            turn = derivatives.of_truth(test, self._slope(condition))
            apart = derivatives.jump(turn, taken._value(yes), other._value(no))
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
        found = derivatives.jump(turn, gain, ZERO)
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
