"""Constraints that are linear in the unit box, as halfspaces: where a line leaves them is known exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Binary, Compare, Name, Node, Number, Unary

Floats = NDArray[np.float64]
_Sum = dict[str, float]
"""A number (under the empty name), and a factor for each name."""


@dataclass(frozen=True, eq=False)
class Halfspaces:
    """Points x of the unit box with `normals @ x <= offsets`; normals are (halfspaces, params)."""

    normals: Floats
    offsets: Floats

    def cut(self, at: Floats, line: Floats, chord: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """A chord (back, ahead) of lines through points (count, params) of the halfspaces, held inside."""
        back, ahead = chord
        speed, room = line @ self.normals.T, self.offsets - at @ self.normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.maximum(room, 0.0) / speed
        ahead = np.minimum(ahead, np.where(speed > 0, reach, np.inf).min(axis=1, initial=np.inf))
        back = np.maximum(back, np.where(speed < 0, reach, -np.inf).max(axis=1, initial=-np.inf))
        return np.minimum(back, 0.0), np.maximum(ahead, 0.0)


def halfspaces(
    trees: Iterable[Node], scales: Mapping[str, tuple[bool, float, float]], constants: Mapping[str, float]
) -> Halfspaces:
    """Those of the comparisons `trees` that are linear in the unit box. `scales` says of each param whether
    its scale is logarithmic, where it starts and how wide it is, on that scale. `a <= 2 * b` is linear where
    both scales are logarithmic, too."""
    names = list(scales)
    rows, offsets = [], []
    for tree in trees:
        found = _gap(tree, scales, constants)
        if found is None:
            continue
        rows.append([found.get(name, 0.0) * scales[name][2] for name in names])
        offsets.append(-sum(f * (scales[n][1] if n else 1.0) for n, f in found.items()))
    return Halfspaces(np.array(rows, np.float64).reshape(-1, len(names)), np.array(offsets, np.float64))


def _gap(
    tree: Node, scales: Mapping[str, tuple[bool, float, float]], constants: Mapping[str, float]
) -> _Sum | None:
    """What must not be above 0 for the comparison to hold, in params on their scales."""
    if not isinstance(tree, Compare) or tree.op in ("==", "!="):
        return None
    small, large = (tree.left, tree.right) if tree.op in ("<", "<=") else (tree.right, tree.left)
    for is_log, read in ((False, _linear), (True, _logarithm)):
        fits = {name: {name: 1.0} for name, (log, _, _) in scales.items() if log == is_log}
        one, other = (read(side, fits, constants) for side in (small, large))
        if one is not None and other is not None:
            return _plus(one, other, -1.0)
    return None


def _linear(node: Node, params: Mapping[str, _Sum], constants: Mapping[str, float]) -> _Sum | None:
    """A formula as a sum of params times numbers."""
    match node:
        case Number(value):
            return {"": value}
        case Name(name):
            return params.get(name) or ({"": constants[name]} if name in constants else None)
        case Unary(op, operand):
            inner = _linear(operand, params, constants)
            return None if inner is None else _plus({}, inner, -1.0 if op == "-" else 1.0)
        case Binary(op, left, right):
            one, other = (_linear(side, params, constants) for side in (left, right))
            if one is None or other is None:
                return None
            if op in ("+", "-"):
                return _plus(one, other, 1.0 if op == "+" else -1.0)
            if op == "*" and not one.keys() - {""}:
                return _plus({}, other, one.get("", 0.0))
            if op in ("*", "/") and not other.keys() - {""}:
                factor = other.get("", 0.0)
                if op == "*" or factor:
                    return _plus({}, one, factor if op == "*" else 1.0 / factor)
    return None


def _logarithm(node: Node, params: Mapping[str, _Sum], constants: Mapping[str, float]) -> _Sum | None:
    """The logarithm of a product of positive params and numbers, as a sum of their logarithms."""
    match node:
        case Number(value):
            return {"": float(np.log(value))} if value > 0 else None
        case Name(name) if name in constants:
            return _logarithm(Number(constants[name]), params, constants)
        case Name(name):
            return params.get(name)
        case Binary("*" | "/", left, right):
            one, other = (_logarithm(side, params, constants) for side in (left, right))
            if one is not None and other is not None:
                return _plus(one, other, 1.0 if node.op == "*" else -1.0)
        case Binary("**", base, Number(exponent)):
            inner = _logarithm(base, params, constants)
            return None if inner is None else _plus({}, inner, exponent)
    return None


def _plus(one: _Sum, other: _Sum, times: float) -> _Sum:
    return {name: one.get(name, 0.0) + times * other.get(name, 0.0) for name in {**one, **other}}
