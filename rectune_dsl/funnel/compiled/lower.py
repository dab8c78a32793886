"""From trees to instructions over rows, one value per candidate, and scalars, one value per request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from rectune_dsl.dsl.formula import Binary, Call, Compare, Name, Node, Number, Unary, Vector
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.formula.tree import children
from rectune_dsl.funnel.compiled import opcodes as op

_ROWS: Mapping[str, int] = {
    "+": op.ADD,
    "-": op.SUBTRACT,
    "*": op.MULTIPLY,
    "/": op.DIVIDE,
    "**": op.POWER,
    "min": op.MINIMUM,
    "max": op.MAXIMUM,
    "<": op.LESS,
    "<=": op.LESS_EQUAL,
    "==": op.EQUAL,
    "!=": op.NOT_EQUAL,
}
_SCALAR_RIGHT: Mapping[str, int] = {
    "+": op.ADD_SCALAR,
    "-": op.SUBTRACT_SCALAR,
    "*": op.MULTIPLY_SCALAR,
    "/": op.DIVIDE_SCALAR,
    "**": op.POWER_SCALAR,
    "min": op.MINIMUM_SCALAR,
    "max": op.MAXIMUM_SCALAR,
    "<": op.LESS_SCALAR,
    "<=": op.LESS_EQUAL_SCALAR,
    ">": op.MORE_SCALAR,
    ">=": op.MORE_EQUAL_SCALAR,
    "==": op.EQUAL_SCALAR,
    "!=": op.NOT_EQUAL_SCALAR,
}
_SCALAR_LEFT: Mapping[str, int] = {
    "+": op.ADD_SCALAR,
    "-": op.SUBTRACT_FROM,
    "*": op.MULTIPLY_SCALAR,
    "/": op.DIVIDE_INTO,
    "min": op.MINIMUM_SCALAR,
    "max": op.MAXIMUM_SCALAR,
    "<": op.MORE_SCALAR,
    "<=": op.MORE_EQUAL_SCALAR,
    ">": op.LESS_SCALAR,
    ">=": op.LESS_EQUAL_SCALAR,
    "==": op.EQUAL_SCALAR,
    "!=": op.NOT_EQUAL_SCALAR,
}
_UNARY: Mapping[str, int] = {
    "abs": op.ABSOLUTE,
    "sqrt": op.SQUARE_ROOT,
    "log": op.LOG,
    "log1p": op.LOG1P,
    "exp": op.EXP,
    "sigmoid": op.SIGMOID,
    "tanh": op.TANH,
    "rank": op.RANK,
    "zscore": op.ZSCORE,
}


class Unsupported(Exception):  # noqa: N818 - no error: NumPy evaluates the formula
    """A formula that only NumPy evaluates."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An operation on rows, by the number of their value, and on a scalar."""

    operation: int
    rows: tuple[int, ...] = ()
    scalar: int | None = None


class Lowering:
    """Instructions in the order they have to run in. Equal instructions have one value, however often they
    are written."""

    def __init__(self, by_candidate: Collection[str], functions: Mapping[str, Any]) -> None:
        self.columns: dict[str, int] = {}
        self.instructions: dict[int, Instruction] = {}
        self.scalars: dict[Node, int] = {}
        self._by_candidate = by_candidate
        self._functions = functions
        self._terms: dict[str, Node] = {}
        self._numbers: dict[Instruction, int] = {}
        self._values = 0

    def define(self, term: str, tree: Node) -> bool:
        """Whether a term differs from candidate to candidate; if so, formulas that read it contain it."""
        differs = self.differs(tree)
        if differs:
            self._terms[term] = tree
        return differs

    def differs(self, node: Node) -> bool:
        """Whether a formula has another value for each candidate."""
        if isinstance(node, Name):
            return node.name in self._by_candidate or node.name in self._terms
        if isinstance(node, Call) and node.function in REQUEST_WIDE:
            return True
        return any(self.differs(child) for child in children(node))

    def row(self, node: Node) -> int:
        """The value of a formula, by candidate. Raises Unsupported."""
        return self._row(self._value(node))

    def _value(self, node: Node) -> int | Node:
        """The number of a row, or a formula with one value per request."""
        if not self.differs(node):
            return node
        match node:
            case Name(name):
                return self._value(self._terms[name]) if name in self._terms else self._column(name)
            case Unary("+", operand):
                return self._value(operand)
            case Unary(_, operand):
                return self._add(op.NEGATIVE, self.row(operand))
            case Binary(symbol, left, right) | Compare(symbol, left, right):
                return self._pair(symbol, self._value(left), self._value(right))
            case Call(function, arguments):
                return self._call(function, arguments)
        raise Unsupported

    def _call(self, function: str, arguments: tuple[Node, ...]) -> int | Node:
        if function in self._functions:
            raise Unsupported
        match function, arguments:
            case "min" | "max", _:
                return reduce(lambda a, b: self._pair(function, a, b), map(self._value, arguments))
            case "clip", (x, low, high):
                held = self._pair("max", self._value(x), self._value(low))
                return self._pair("min", held, self._value(high))
            case "where", _:
                return self._add(op.WHERE, *map(self.row, arguments))
            case "curve", (x, Vector(knots), Vector(heights)):
                return self._value(_spelt_out(x, knots, heights))
            case "rank" | "zscore", (x,) if not self.differs(x):
                raise Unsupported  # NumPy's result has another shape
        return self._add(_UNARY[function], self.row(arguments[0]))

    def _pair(self, symbol: str, left: int | Node, right: int | Node) -> int | Node:
        if isinstance(left, int) and isinstance(right, int):
            if symbol in (">", ">="):
                return self._pair({">": "<", ">=": "<="}[symbol], right, left)
            return self._add(_ROWS[symbol], left, right)
        if isinstance(left, int):
            assert not isinstance(right, int)
            return self._add(_SCALAR_RIGHT[symbol], left, scalar=self._scalar(right))
        if isinstance(right, int):
            if symbol in _SCALAR_LEFT:
                return self._add(_SCALAR_LEFT[symbol], right, scalar=self._scalar(left))
            return self._add(_ROWS[symbol], self._row(left), right)
        return Call(symbol, (left, right))  # min and max of scalars; others are scalars as a whole

    def _row(self, value: int | Node) -> int:
        if isinstance(value, int):
            return value
        return self._add(op.FILL, scalar=self._scalar(value))

    def _scalar(self, node: Node) -> int:
        return self.scalars.setdefault(node, len(self.scalars))

    def _column(self, name: str) -> int:
        if name not in self.columns:
            self.columns[name] = self._next()
        return self.columns[name]

    def _add(self, operation: int, *rows: int, scalar: int | None = None) -> int:
        instruction = Instruction(operation, rows, scalar)
        if instruction not in self._numbers:
            number = self._numbers[instruction] = self._next()
            self.instructions[number] = instruction
        return self._numbers[instruction]

    def _next(self) -> int:
        self._values += 1
        return self._values - 1


def _spelt_out(x: Node, knots: tuple[Node, ...], heights: tuple[Node, ...]) -> Node:
    """A curve in the terms, and in the order, in which `evaluate` computes it."""
    result = heights[0]
    for left, right, low, high in zip(knots, knots[1:], heights, heights[1:], strict=False):
        share = Binary("/", Binary("-", x, left), Binary("-", right, left))
        held = Call("clip", (share, Number(0.0), Number(1.0)))
        result = Binary("+", result, Binary("*", held, Binary("-", high, low)))
    return result
