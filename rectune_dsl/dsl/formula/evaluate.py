"""The NumPy reader of a formula's tree."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula.tree import Binary, Call, Compare, Name, Node, Number, Unary, Vector

Array = NDArray[Any]
Value = float | Array

_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": np.power,
}
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def evaluate(
    node: Node,
    values: Mapping[str, Value],
    *,
    valid: NDArray[np.bool_] | None = None,
    functions: Mapping[str, Callable[..., Array]] | None = None,
) -> Value:
    """Evaluate a formula candidate by candidate.

    `values` maps every name to a float or to an array that broadcasts to (requests, candidates); the
    arrays' dtype is kept, so float32 signals give float32 scores. `rank` and `zscore` range over the
    last axis, over candidates where `valid`. `functions` are a plugin's. Division by zero, overflow
    and logarithms of nothing give infinities and NaN, as in IEEE 754; nothing raises.
    """
    with np.errstate(all="ignore"):
        return _Evaluator(values, valid, functions or {}).value(node)


class _Evaluator:
    def __init__(
        self,
        values: Mapping[str, Value],
        valid: NDArray[np.bool_] | None,
        functions: Mapping[str, Callable[..., Array]],
    ) -> None:
        self._values = values
        self._valid = valid
        self._functions = functions

    def value(self, node: Node) -> Value:
        match node:
            case Number(value):
                return value
            case Name(name):
                found = self._values[name]
                return found if isinstance(found, np.ndarray) else float(found)
            case Unary(op, operand):
                signed = self.value(operand)
                return -signed if op == "-" else signed
            case Binary(op, left, right):
                return _apply(_BINARY[op], self.value(left), self.value(right))
            case Compare(op, left, right):
                return _compare(op, self.value(left), self.value(right))
            case Call("curve", (x, Vector(knots), Vector(heights))):
                return _curve(self.value(x), [self.value(k) for k in knots], [self.value(h) for h in heights])
            case Call(function, arguments):
                return self._call(function, [self.value(a) for a in arguments])
            case Vector():
                raise TypeError("a vector has no value of its own")

    def _call(self, function: str, arguments: list[Value]) -> Value:
        if function in self._functions:
            return self._functions[function](*arguments)
        if function in ("rank", "zscore"):
            over = _rank if function == "rank" else _zscore
            return over(np.atleast_1d(arguments[0]), self._valid)
        return _apply(_FUNCTIONS[function], *arguments)


def _apply(operation: Callable[..., Any], *arguments: Value) -> Value:
    """Apply to arrays as they are; to plain floats with IEEE rules, and give a plain float back, so
    that a constant never widens a float32 array."""
    if any(isinstance(a, np.ndarray) for a in arguments):
        result: Array = operation(*arguments)
        return result
    return float(operation(*(np.float64(a) for a in arguments)))


def _compare(op: str, left: Value, right: Value) -> Value:
    holds = _COMPARE[op](left, right)
    if not isinstance(holds, np.ndarray):
        return float(holds)
    arrays = [v.dtype for v in (left, right) if isinstance(v, np.ndarray)]
    return holds.astype(np.result_type(*arrays))


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def _where(condition: Any, yes: Any, no: Any) -> Any:
    kinds = [v for v in (yes, no) if isinstance(v, np.ndarray)] or [condition]
    dtype = np.result_type(*kinds)
    return np.where(np.asarray(condition) != 0, np.asarray(yes, dtype), np.asarray(no, dtype))


def _smallest(first: Any, *others: Any) -> Any:
    for other in others:
        first = _apply(np.minimum, first, other)
    return first


def _largest(first: Any, *others: Any) -> Any:
    for other in others:
        first = _apply(np.maximum, first, other)
    return first


def _curve(x: Value, knots: list[Value], heights: list[Value]) -> Value:
    """Linear between the points, constant beyond the ends. Heights may differ from row to row, as they do
    where segments have their own."""
    result = heights[0]
    for left, right, low, high in zip(knots, knots[1:], heights, heights[1:], strict=False):
        share = _apply(np.clip, (x - left) / (right - left), 0.0, 1.0)
        result = result + share * (high - low)
    return result


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": _smallest,
    "max": _largest,
    "clip": lambda x, low, high: _smallest(_largest(x, low), high),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "where": _where,
}


def _rank(x: Array, valid: NDArray[np.bool_] | None) -> Array:
    """1 for the largest; ties share the mean of their positions; what is not `valid` comes last."""
    falling = -x if valid is None else np.where(valid, -x, np.inf)
    order = np.argsort(falling, axis=-1, kind="stable")
    ordered = np.take_along_axis(falling, order, axis=-1)
    place = np.broadcast_to(np.arange(1, x.shape[-1] + 1), x.shape)
    steps = np.ones(x.shape, bool)
    steps[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(steps, place, 0), axis=-1)
    ends = np.ones(x.shape, bool)
    ends[..., :-1] = steps[..., 1:]
    closing = np.where(ends, place, x.shape[-1])
    last = np.minimum.accumulate(closing[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(x.shape, x.dtype)
    np.put_along_axis(ranks, order, ((first + last) / 2).astype(x.dtype), axis=-1)
    return ranks


def _zscore(x: Array, valid: NDArray[np.bool_] | None) -> Array:
    where = np.True_ if valid is None else np.broadcast_to(valid, x.shape)
    if valid is not None:  # where nobody is valid nobody is asked, and a mean of nothing would be a warning
        where = where | ~where.any(axis=-1, keepdims=True)
    mean = x.mean(axis=-1, keepdims=True, where=where)
    spread = x.std(axis=-1, keepdims=True, where=where)
    # a mean is rounded, so equal values may differ from theirs
    least = x.min(axis=-1, keepdims=True, where=where, initial=np.inf)
    varies = (spread > 0) & (x.max(axis=-1, keepdims=True, where=where, initial=-np.inf) > least)
    scores: Array = np.where(varies, (x - mean) / np.where(varies, spread, 1), 0).astype(x.dtype)
    return scores
