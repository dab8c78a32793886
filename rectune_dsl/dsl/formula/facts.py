"""What a condition tells of the parts that it compares: where `p > 0` holds, p is above 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from rectune_dsl.dsl.formula.arithmetic import add, negative, subtract
from rectune_dsl.dsl.formula.rounding import Floats, Interval, meet
from rectune_dsl.dsl.formula.tree import Binary, Compare, Name, Node, Number, Unary

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
Facts = Mapping[Node, Interval]

_OPPOSITE: Mapping[str, Comparison] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_MIRRORED: Mapping[str, Comparison] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_POSITIVE = Interval(np.full(1, np.nextafter(0.0, 1.0)), np.full(1, np.inf))
_NOT_NEGATIVE = Interval(np.zeros(1), np.full(1, np.inf))


def learnt(condition: Node, is_true: bool, value: Callable[[Node], Interval]) -> Facts:
    """Intervals that parts of formulas must lie in where `condition` is true, or false. `value` encloses a
    part without that knowledge."""
    match condition:
        case Compare(op, left, right):
            op = op if is_true else _OPPOSITE[op]
            facts = {**_bounded(left, op, value(right)), **_bounded(right, _MIRRORED[op], value(left))}
            return {**facts, **differences(op, left, right)}
        case Binary("*", left, right) if is_true:
            facts = dict(learnt(left, True, value))
            for node, found in learnt(right, True, value).items():
                facts[node] = known(facts, node, found)
            return facts
        case Name():
            return _flag(condition, is_true, value(condition))
        case _:
            return {}


def differences(op: str, left: Node, right: Node) -> Facts:
    """Signs of left - right and right - left. Subtraction is exact about its sign."""
    if op in ("<", "<="):
        return {Binary("-", right, left): _POSITIVE if op == "<" else _NOT_NEGATIVE}
    if op in (">", ">="):
        return {Binary("-", left, right): _POSITIVE if op == ">" else _NOT_NEGATIVE}
    return {}


def isolated(node: Node, within: Interval, value: Callable[[Node], Interval]) -> dict[Node, Interval]:
    """What the names of a sum or difference must lie in, so that it lies `within`, the others where they may
    be (Benhamou et al. 1999, "Revising hull and box consistency", algorithm HC4)."""
    match node:
        case Name():
            return {node: within}
        case Unary("-", operand):
            return isolated(operand, negative(within), value)
        case Binary("+" | "-" as op, left, right):
            one, other = value(left), value(right)
            found = isolated(left, (subtract if op == "+" else add)(within, other), value)
            rest = subtract(within, one) if op == "+" else subtract(one, within)
            for part, narrowed in isolated(right, rest, value).items():
                found[part] = known(found, part, narrowed)
            return found
        case _:
            return {}


def known(facts: Facts, node: Node, found: Interval) -> Interval:
    """An interval, narrowed by what is known."""
    return meet(found, facts[node]) if node in facts else found


def _bounded(node: Node, op: str, other: Interval) -> Facts:
    if isinstance(node, Number):
        return {}
    low, high = np.full_like(other.low, -np.inf), np.full_like(other.high, np.inf)
    if op in (">", ">=", "=="):
        low = _above_zero(other.low) if op == ">" else other.low
    if op in ("<", "<=", "=="):
        high = -_above_zero(-other.high) if op == "<" else other.high
    return {} if op == "!=" else {node: Interval(low, high)}


def _above_zero(low: Floats) -> Floats:
    """Strict only at 0, the one number that rounding keeps things apart from."""
    return np.where(low == 0, np.nextafter(0.0, 1.0), low)


def _flag(node: Node, is_true: bool, found: Interval) -> Facts:
    """A name as a condition: it is 0, or it is not."""
    if not is_true:
        return {node: Interval(np.zeros(1), np.zeros(1))}
    low = np.where(found.low == 0, np.nextafter(0.0, 1.0), found.low)
    high = np.where(found.high == 0, np.nextafter(0.0, -1.0), found.high)
    return {node: Interval(low, high)}
