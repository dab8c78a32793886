"""What becomes of a formula's value when its params are multiplied by powers of one factor.

Every param is multiplied by `x ** d`, with a degree `d` of its own and one `x > 0` for all. A value of
degree `D` is then multiplied by `x ** D` (Euler's homogeneous functions). Degrees are linear forms in the
params' degrees; what they must keep for a value to have a degree at all is collected as equations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from rectune_dsl.dsl.formula.evaluate import evaluate
from rectune_dsl.dsl.formula.nullspace import Form, plus, scaled
from rectune_dsl.dsl.formula.tree import Binary, Call, Compare, Name, Node, Number, Unary, Vector, names, walk

_FIXED: Form = {}
_SAME_DEGREE = frozenset({"min", "max", "clip"})
_INCREASING = frozenset({"exp", "sigmoid", "tanh"})


@dataclass(frozen=True)
class Meanings:
    """What names stand for in a stage: params (tunable), constants, terms, the degree of the `score` before,
    and names that are never below 0. All other names are signals."""

    params: frozenset[str]
    constants: Mapping[str, float]
    terms: Mapping[str, Node]
    nonnegative: frozenset[str] = frozenset()
    score: Form = field(default_factory=dict)


class Degrees:
    """The degrees of a stage's formulas. `equations` are the forms that have to be zero."""

    def __init__(self, meanings: Meanings, label: str) -> None:
        """`label` keeps the further unknowns of one stage apart from another's."""
        self.equations: list[Form] = []
        self.unknowns: list[str] = []
        """Degrees of zeros: whatever fits."""
        self._meanings, self._label = meanings, label
        self._terms: dict[str, Form] = {}

    def of(self, node: Node) -> Form:
        """The degree of a value."""
        match node:
            case Number(value):
                return self._constant(value)
            case Name(name):
                return self._name(name)
            case Unary(_, operand):
                return self.of(operand)
            case Binary("+" | "-", left, right):
                return self.equal(left, right)
            case Binary("*", left, right):
                return plus(self.of(left), self.of(right))
            case Binary("/", left, right):
                return plus(self.of(left), self.of(right), Fraction(-1))
            case Binary(_, base, exponent):
                return self._power(base, exponent)
            case Compare(_, left, right):
                self.equal(left, right)
                return _FIXED
            case Call("rank", (Name("score"),)):
                return _FIXED  # whatever leaves the order of the stage before leaves this
            case Call(function, arguments):
                return self._call(function, arguments)
            case Vector(items):
                return self.equal(*items)

    def equal(self, *nodes: Node) -> Form:
        """The degree that all of them must have."""
        first, *others = (self.of(node) for node in nodes)
        for other in others:
            self.must_be_fixed(plus(first, other, Fraction(-1)))
        return first

    def must_be_fixed(self, form: Form) -> None:
        if form:
            self.equations.append(form)

    def of_power(self, node: Node) -> Form | None:
        """The `e` with which the value `v >= 0` becomes `v ** (x ** e)`, so that the order by it stays;
        None where it may be below 0. What does not change at all has `e = 0`."""
        match node:
            case Number(0.0 | 1.0):
                return self._unknown()
            case Unary("+", operand):
                return self.of_power(operand)
            case Binary("*" | "/", left, right):
                return self._equal_powers(left, right)
            case Binary("**", base, exponent):
                inner = self.of_power(base)
                return None if inner is None else plus(inner, self.of(exponent))
            case Call("exp", (exponent,)):
                return self.of(exponent)
            case Call("sqrt", (operand,)):
                return self.of_power(operand)
            case Call("where", (condition, yes, no)):
                self.of(condition)
                return self._equal_powers(yes, no)
            case Call("min" | "max" | "clip", arguments):
                return self._equal_powers(*arguments)
            case Name(name) if name in self._meanings.terms:
                return self.of_power(self._meanings.terms[name])
        if not self.is_nonnegative(node):
            return None
        self.must_be_fixed(self.of(node))
        return _FIXED

    def is_nonnegative(self, node: Node) -> bool:
        """Whether the value is plainly never below 0."""
        match node:
            case Number(value):
                return value >= 0
            case Name(name):
                terms = self._meanings.terms
                return name in self._meanings.nonnegative or (
                    name in terms and self.is_nonnegative(terms[name])
                )
            case Binary("+" | "*" | "/" | "**", left, right):
                return self.is_nonnegative(left) and (node.op == "**" or self.is_nonnegative(right))
            case Call("exp" | "sqrt" | "abs" | "sigmoid" | "rank"):
                return True
            case Call("log1p" | "tanh", (operand,)) | Unary("+", operand):
                return self.is_nonnegative(operand)
            case Call("min", arguments) | Call("where", (_, *arguments)) | Call("clip", (_, *arguments)):
                return all(self.is_nonnegative(a) for a in arguments)
            case Call("max", arguments):
                return any(self.is_nonnegative(a) for a in arguments)
            case Compare():
                return True
        return False

    # --- single nodes ------------------------------------------------------------------------------

    def _constant(self, value: float) -> Form:
        return self._unknown() if value == 0 else _FIXED

    def _unknown(self) -> Form:
        name = f"{self._label} zero {len(self.unknowns)}"
        self.unknowns.append(name)
        return {name: Fraction(1)}

    def _name(self, name: str) -> Form:
        known = self._meanings
        if name in known.params:
            return {name: Fraction(1)}
        if name in known.constants:
            return self._constant(known.constants[name])
        if name in known.terms:
            if name not in self._terms:
                self._terms[name] = self.of(known.terms[name])
            return self._terms[name]
        return known.score if name == "score" else _FIXED

    def _power(self, base: Node, exponent: Node) -> Form:
        fixed = self._fraction(exponent)
        if fixed is not None:
            return scaled(self.of(base), fixed)
        self.must_be_fixed(self.of(exponent))
        self.must_be_fixed(self.of(base))
        return _FIXED

    def _fraction(self, node: Node) -> Fraction | None:
        """The number that a formula of constants is."""
        constants = self._meanings.constants
        if any(isinstance(part, Call | Vector) for part in walk(node)):
            return None
        if any(n.name not in constants for n in names(node)):
            return None
        value = float(evaluate(node, constants))
        return Fraction(repr(value)) if math.isfinite(value) else None

    def _call(self, function: str, arguments: tuple[Node, ...]) -> Form:
        if function == "where":
            self.of(arguments[0])
            return self.equal(*arguments[1:])
        if function in _SAME_DEGREE:
            return self.equal(*arguments)
        if function == "curve":
            x, knots, heights = arguments
            self.equal(x, knots)
            return self.of(heights)
        degrees = [self.of(a) for a in arguments]
        if function == "abs":
            return degrees[0]
        if function == "sqrt":
            return scaled(degrees[0], Fraction(1, 2))
        if function not in ("rank", "zscore"):
            for degree in degrees:
                self.must_be_fixed(degree)
        return _FIXED

    def _equal_powers(self, *nodes: Node) -> Form | None:
        first, *others = (self.of_power(node) for node in nodes)
        if first is None or any(other is None for other in others):
            return None
        for other in others:
            self.must_be_fixed(plus(first, other or {}, Fraction(-1)))
        return first


def in_order(node: Node) -> Node:
    """A simpler formula that orders alike: `sigmoid(a)` orders as `a` does."""
    match node:
        case Call(function, (operand,)) if function in _INCREASING:
            return in_order(operand)
        case Call("log", (operand,)):
            return operand  # not further: where log(log(a)) is no number depends on the size of a
        case Unary("+", operand):
            return in_order(operand)
        case _:
            return node


def factors(node: Node) -> tuple[Node, ...]:
    """The parts of a product, left to right."""
    match node:
        case Binary("*", left, right):
            return (*factors(left), *factors(right))
        case _:
            return (node,)
