"""The tree every reader of a formula shares: NumPy, checks, and whatever comes later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the formula's text."""

    start: int
    end: int


_NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A signal, param, term or `score`. A dot joins a stage and its `keep`, a segment and a param:
    `ranking.keep`; an index counts a vector's elements from 0: `u[0]`."""

    name: str
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    op: Literal["-", "+"]
    operand: Node
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    op: Literal["+", "-", "*", "/", "**"]
    left: Node
    right: Node
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """1 where it holds, 0 where it does not."""

    op: Literal["<", "<=", ">", ">=", "==", "!="]
    left: Node
    right: Node
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers in a row, only ever an argument of `curve`. With `order`, they are known to be sorted."""

    items: tuple[Node, ...]
    order: Order | None = None
    span: Span = field(default=_NOWHERE, compare=False)


Order = Literal["nondecreasing", "nonincreasing"]
Node = Number | Name | Unary | Binary | Compare | Call | Vector


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Binary() | Compare():
            return (node.left, node.right)
        case Number() | Name():
            return ()
        case Unary():
            return (node.operand,)
        case Call():
            return node.arguments
        case Vector():
            return node.items


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first, left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def names(node: Node) -> tuple[Name, ...]:
    """Every place where a name is read, left to right."""
    found, stack = [], [node]
    while stack:  # not by `walk`: checks spend a tenth of their time here
        current = stack.pop()
        if isinstance(current, Name):
            found.append(current)
        elif not isinstance(current, Number):
            stack.extend(reversed(children(current)))
    return tuple(found)


def to_text(node: Node) -> str:
    """A formula that parses to an equal tree."""
    match node:
        case Number(value):
            return repr(value)
        case Name(name):
            return name
        case Unary(op, operand):
            return f"({op}{to_text(operand)})"
        case Binary(op, left, right) | Compare(op, left, right):
            return f"({to_text(left)} {op} {to_text(right)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(to_text, arguments))})"
        case Vector(items):
            return f"[{', '.join(map(to_text, items))}]"
