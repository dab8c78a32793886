"""Enclosures of formulas: an interval that holds every value, over many boxes of their names at once.

Sound for evaluation in float32, in float64 and mixed (see `rounding`). "Finite" is meant of everything on the
way: a part that may be infinite or NaN is a fault even where the rest of the formula would hide it, except in
a branch that `where` does not take. Moore, Kearfott, Cloud (2009), "Introduction to Interval Analysis".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rectune_dsl.dsl.formula import arithmetic
from rectune_dsl.dsl.formula import curves as curve_enclosures
from rectune_dsl.dsl.formula.arithmetic import ANYTHING, ONE, ZERO
from rectune_dsl.dsl.formula.facts import Facts, known, learnt
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.formula.rounding import (
    LARGEST,
    Booleans,
    Interval,
    choose,
    hull,
    interval,
    library,
    meet,
)
from rectune_dsl.dsl.formula.tree import Binary, Call, Compare, Name, Node, Number, Unary, Vector

MAX_DEPTH = 210
"""Levels of a formula, through its terms, beyond which nothing is known of it. A formula alone has 200."""
MAX_CANDIDATES = 1_000_000
"""`rank` is at most this, and `zscore` at most twice its root: what holds is proved for requests of up to so
many candidates."""
_ROUNDING = 2.0**-20
"""How far apart, relatively, the ends of a constant's interval may lie."""
_LARGEST_SCORED = float(np.sqrt(LARGEST / MAX_CANDIDATES) / 2)
"""Squares of larger values, summed over so many candidates, may overflow."""


@dataclass(frozen=True)
class Plugins:
    """What is known of plugins' functions. Those without implementation are known by their range only."""

    signatures: Mapping[str, Signature] = field(default_factory=dict)
    implementations: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A part of a formula that may not be finite although all it is made of is; in which boxes."""

    node: Node
    where: Booleans


class Enclosure:
    """Formulas over boxes: `names` are the names' intervals, (boxes,) each, `terms` the formulas of terms,
    `facts` what is known of parts of formulas. `others` are the intervals of names that differ between the
    candidates of a request, for all of them: a box holds one candidate. Collects `faults` as it goes."""

    def __init__(
        self,
        names: Mapping[str, Interval],
        terms: Mapping[str, Node] | None = None,
        plugins: Plugins | None = None,
        facts: Facts | None = None,
        depth: int = 0,
        others: Mapping[str, Interval] | None = None,
    ) -> None:
        self.names, self.terms = names, terms or {}
        self.others: Mapping[str, Interval] = others or {}
        self.plugins, self.facts = plugins or Plugins(), facts or {}
        self.faults: list[Fault] = []
        self.depth, self.conditions = depth, 0
        self._always = self.facts  # what holds whatever branch is taken
        self._found: dict[int, tuple[Node, Interval]] = {}  # the node is kept, so that its id stays its own

    def value(self, node: Node) -> Interval:
        """The interval of a formula; [-inf, inf] in boxes where it may not be finite."""
        with np.errstate(all="ignore"):
            return self._value(node)

    def given(self, condition: Node, is_true: bool) -> Enclosure:
        """The same where a condition is known to hold, or not to. It shares no faults."""
        with np.errstate(all="ignore"):
            facts = learnt(condition, is_true, self._value)
        merged = {**self.facts, **{n: known(self.facts, n, found) for n, found in facts.items()}}
        inner = Enclosure(self.names, self.terms, self.plugins, merged, self.depth + 1, self.others)
        inner.conditions, inner._always = self.conditions + 1, self._always
        return inner

    def _value(self, node: Node) -> Interval:
        if id(node) not in self._found:
            self.depth += 1
            found = self._computed(node) if self.depth <= MAX_DEPTH else self._finite(node, ANYTHING)
            self.depth -= 1
            self._found[id(node)] = node, known(self.facts, node, found) if self.facts else found
        return self._found[id(node)][1]

    def _computed(self, node: Node) -> Interval:
        match node:
            case Number(value):
                return self._finite(node, interval([value], [value]))
            case Name(name) if name in self.terms:
                return self._value(self.terms[name])
            case Name(name):
                return self.names[name]
            case Unary(op, operand):
                found = self._value(operand)
                return arithmetic.negative(found) if op == "-" else found
            case Binary():
                return self._binary(node)
            case Compare(op, left, right):
                sides = self._value(left), self._value(right)
                return self._finite(node, arithmetic.holds(op, *sides), *sides)
            case Call("where"):
                return self._where(node)
            case Call("curve", (x, Vector(knots), Vector(heights, order))):
                at, parts = self._value(x), [self._value(h) for h in heights]
                places = self.constants(knots)
                found = ANYTHING
                if places is not None:
                    found = curve_enclosures.values(at, places, parts, order)
                return self._finite(node, found, at, *parts)
            case Call("rank" | "zscore"):
                arguments = [self._of_everybody(a) for a in node.arguments]
                return self._finite(node, self._call(node, arguments), *arguments)
            case Call():
                arguments = [self._value(a) for a in node.arguments]
                return self._finite(node, self._call(node, arguments), *arguments)
            case Vector():
                raise TypeError("a vector has no value of its own")

    def constants(self, knots: tuple[Node, ...]) -> list[float] | None:
        """The numbers of nodes that are constants, or names of constants; None where one is not."""
        found = []
        for knot in knots:
            value = self._value(knot)
            middle = float((value.low[0] + value.high[0]) / 2)
            if not value.high.max() - value.low.min() <= _ROUNDING * abs(middle):
                return None
            found.append(knot.value if isinstance(knot, Number) else middle)
        return found

    def _of_everybody(self, argument: Node) -> Interval:
        """The argument of a function that ranges over all candidates: what is known of the one in the box, or
        of the one that a branch is taken for, holds for no other."""
        if not (self.conditions or self.others):
            return self._value(argument)
        names = {**self.names, **self.others}
        everybody = Enclosure(names, self.terms, self.plugins, self._always, self.depth)
        found = everybody.value(argument)
        self.faults += everybody.faults
        return found

    def _binary(self, node: Binary) -> Interval:
        left, right = self._value(node.left), self._value(node.right)
        if node.op == "*" and node.left == node.right:
            return self._finite(node, arithmetic.square(left), left)
        return self._finite(node, _OPERATORS[node.op](left, right), left, right)

    def _where(self, node: Call) -> Interval:
        condition, yes, no = node.arguments
        test = self._value(condition)
        always, never = (test.low > 0) | (test.high < 0), (test.low == 0) & (test.high == 0)
        taken = self._branch(condition, yes, True, ~never)
        other = self._branch(condition, no, False, ~always)
        found = choose(always, taken, choose(never, other, hull(taken, other)))
        return self._finite(node, found, test, found)

    def _branch(self, condition: Node, branch: Node, is_true: bool, reached: Booleans) -> Interval:
        if not reached.any():
            return ZERO
        inner = self.given(condition, is_true)
        found = inner.value(branch)
        self.faults += [Fault(f.node, f.where & reached) for f in inner.faults if (f.where & reached).any()]
        return found

    def _call(self, node: Call, arguments: list[Interval]) -> Interval:
        first = arguments[0] if arguments else ZERO
        match node.function:
            case name if name in self.plugins.signatures:
                return _plugin(self.plugins, name, arguments)
            case name if name in arithmetic.FUNCTIONS:
                return arithmetic.FUNCTIONS[name](first)
            case "min" | "max" as name:
                pick = arithmetic.minimum if name == "min" else arithmetic.maximum
                for other in arguments[1:]:
                    first = pick(first, other)
                return first
            case "clip":
                return arithmetic.minimum(arithmetic.maximum(first, arguments[1]), arguments[2])
            case "rank":
                return hull(ONE, interval([MAX_CANDIDATES], [MAX_CANDIDATES]))
            case "zscore":
                most = 2.0 * MAX_CANDIDATES**0.5
                too_large = (first.low < -_LARGEST_SCORED) | (first.high > _LARGEST_SCORED)
                return choose(too_large, ANYTHING, interval([-most], [most]))
            case _:
                return ANYTHING

    def _finite(self, node: Node, found: Interval, *made_of: Interval) -> Interval:
        """`found`, and [-inf, inf] where it or what it is made of may not be finite."""
        bad = found.unbounded
        inherited = np.zeros(1, bool)
        for part in made_of:
            inherited = inherited | part.unbounded
        if not (bad.any() or inherited.any()):
            return found
        fresh = bad & ~inherited
        if fresh.any():
            self.faults.append(Fault(node, fresh))
        return choose(bad | inherited, ANYTHING, found)


_OPERATORS: Mapping[str, Callable[[Interval, Interval], Interval]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "**": arithmetic.power,
}


def _plugin(plugins: Plugins, name: str, arguments: list[Interval]) -> Interval:
    """By declaration: within its range, and between its ends where it is monotone in every argument."""
    signature = plugins.signatures[name]
    found = ANYTHING
    if signature.range is not None:
        found = interval([signature.range[0]], [signature.range[1]])
    if signature.is_monotone(len(arguments)) and name in plugins.implementations:
        falls = [way == "nonincreasing" for way in signature.monotone]
        pairs = list(zip(arguments, falls, strict=True))
        low = _evaluated(plugins.implementations[name], [a.high if f else a.low for a, f in pairs])
        high = _evaluated(plugins.implementations[name], [a.low if f else a.high for a, f in pairs])
        ends = hull(low, high)
        found = choose(ends.unbounded, found, meet(ends, found))
    return found


def _evaluated(function: Callable[..., Any], at: list[Any]) -> Interval:
    """What a function gives in float32 and in float64, a little wider."""
    results = []
    for kind in (np.float32, np.float64):
        values = np.broadcast_arrays(*(np.atleast_1d(a).astype(kind) for a in at))
        results.append(np.asarray(function(*values), np.float64))
    low, high = np.minimum(*results), np.maximum(*results)
    unknown = ~np.isfinite(low + high)
    return choose(unknown, ANYTHING, library(np.where(unknown, 0.0, low), np.where(unknown, 0.0, high)))
