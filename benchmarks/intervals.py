"""Are enclosures sound? Random formulas over random boxes, evaluated at a million random points.

A violation is a value, in float32 or float64, outside of its predicted interval, or one that is not finite
where finite was claimed. `useful` is the share of formulas finite at every point tried that were shown to be
finite by one look at the whole box.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import (
    Binary,
    Call,
    Compare,
    Name,
    Node,
    Number,
    Unary,
    Vector,
    evaluate,
    to_text,
)
from rectune_dsl.dsl.formula.intervals import Enclosure
from rectune_dsl.dsl.formula.rounding import Interval, interval

Array = NDArray[Any]
Bounds = Mapping[str, tuple[float, float]]

_SIGNALS, _PARAMS = ("p", "q", "r"), ("a", "w")
_CANDIDATES = 8
_POINTS = 64
_DEPTH = 5
_ENDS = (0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 0.1, 10.0, 1e-3, 100.0, -5.0)


@dataclass(frozen=True)
class Violation:
    formula: str
    bounds: Bounds
    seed: int


@dataclass(frozen=True)
class Tally:
    """`points` evaluated; formulas `finite` at all of them, and those of them `shown` to be."""

    points: int
    finite: int
    shown: int
    violations: tuple[Violation, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the points")
    parser.add_argument("--seeds", type=int, default=1, help="repetitions, each with formulas of its own")
    arguments = parser.parse_args()
    most = 100_000 if arguments.quick else 1_000_000
    began = time.perf_counter()
    tallies = [tally(seed, most) for seed in range(arguments.seeds)]
    report = _report(tallies, time.perf_counter() - began)
    print(json.dumps(report) if arguments.json else json.dumps(report, indent=2))
    for violation in (v for t in tallies for v in t.violations[:5]):
        print(violation)


def tally(seed: int, most: int) -> Tally:
    """Random formulas until `most` points are evaluated."""
    points, finite, shown, violations = 0, 0, 0, []
    formula = 0
    while points < most:
        rng = np.random.Generator(np.random.Philox(key=[seed, formula]))
        node, bounds = random_formula(rng, _DEPTH), random_bounds(rng)
        is_shown, is_finite, is_sound = _tried(rng, node, bounds)
        points += _POINTS
        finite, shown = finite + is_finite, shown + (is_shown and is_finite)
        if not is_sound:
            violations.append(Violation(to_text(node), bounds, formula))
        formula += 1
    return Tally(points, finite, shown, tuple(violations))


def random_bounds(rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Probabilities often; else any two of numbers that formulas stumble over."""
    bounds = {}
    for name in (*_SIGNALS, *_PARAMS):
        ends = sorted(rng.choice(_ENDS, 2, replace=False).tolist())
        bounds[name] = (0.0, 1.0) if rng.random() < 0.4 else (ends[0], ends[1])
    return bounds


def random_formula(rng: np.random.Generator, depth: int) -> Node:
    """A formula of at most `depth` levels that calls any function."""
    if depth == 0 or rng.random() < 0.12:
        return _leaf(rng)
    return _GROWN[int(rng.integers(len(_GROWN)))](rng, depth - 1)


def random_points(rng: np.random.Generator, bounds: Bounds, count: int) -> dict[str, Array]:
    """(count / candidates, candidates) for signals, one column for params; ends are frequent."""
    rows, found = count // _CANDIDATES, {}
    for name, (low, high) in bounds.items():
        unit = rng.random((rows, _CANDIDATES if name in _SIGNALS else 1))
        lot = rng.random(unit.shape)
        unit = np.where(lot < 0.15, 0.0, np.where(lot > 0.85, 1.0, unit))
        unit = np.where((lot > 0.4) & (lot < 0.5), unit * 10.0 ** -(40 * unit), unit)
        found[name] = np.clip(low + unit * (high - low), low, high)
    return found


def escapes(value: Any, predicted: Interval) -> bool:
    """Whether a value lies outside of an interval of one box."""
    found = np.asarray(value, np.float64)
    if predicted.unbounded[0]:
        return False
    inside = np.isfinite(found) & (predicted.low[0] <= found) & (found <= predicted.high[0])
    return not bool(inside.all())


def _tried(rng: np.random.Generator, node: Node, bounds: Bounds) -> tuple[bool, bool, bool]:
    enclosure = Enclosure({name: interval([low], [high]) for name, (low, high) in bounds.items()})
    predicted = enclosure.value(node)
    points = random_points(rng, bounds, _POINTS)
    double = evaluate(node, points)
    single = evaluate(node, {name: v.astype(np.float32) for name, v in points.items()})
    one = {n: float(v[0, 0]) if n in _PARAMS else v[:1].astype(np.float32) for n, v in points.items()}
    mixed = evaluate(node, one)
    values = (double, single, mixed)
    finite = all(bool(np.isfinite(v).all()) for v in values)
    return not predicted.unbounded[0], finite, not any(escapes(v, predicted) for v in values)


def _leaf(rng: np.random.Generator) -> Node:
    if rng.random() < 0.7:
        return Name(str(rng.choice([*_SIGNALS, *_PARAMS])))
    return Number(float(rng.choice([0.0, 0.5, 1.0, 2.0, 3.0, 0.01, 7.3, 60.0])))


def _binary(rng: np.random.Generator, depth: int) -> Node:
    op: Any = str(rng.choice(["+", "-", "*", "/", "**"]))
    return Binary(op, random_formula(rng, depth), random_formula(rng, depth))


def _compare(rng: np.random.Generator, depth: int) -> Node:
    op: Any = str(rng.choice(["<", "<=", ">", ">=", "==", "!="]))
    return Compare(op, random_formula(rng, depth - 1 if depth else 0), random_formula(rng, 0))


def _call(rng: np.random.Generator, depth: int) -> Node:
    function = str(rng.choice(["log", "log1p", "exp", "sqrt", "abs", "sigmoid", "tanh"]))
    return Call(function, (random_formula(rng, depth),))


def _extreme(rng: np.random.Generator, depth: int) -> Node:
    count = int(rng.integers(2, 4))
    return Call(str(rng.choice(["min", "max"])), tuple(random_formula(rng, depth) for _ in range(count)))


def _clip(rng: np.random.Generator, depth: int) -> Node:
    return Call("clip", (random_formula(rng, depth), _leaf(rng), _leaf(rng)))


def _where(rng: np.random.Generator, depth: int) -> Node:
    branch = random_formula(rng, depth)
    condition = _compare(rng, 1)
    return Call("where", (condition, branch, random_formula(rng, depth)))


def _curve(rng: np.random.Generator, depth: int) -> Node:
    count = int(rng.integers(2, 5))
    knots = np.sort(rng.choice(np.linspace(-1, 2, 31), count, replace=False))
    heights = tuple(_leaf(rng) for _ in range(count))
    return Call(
        "curve", (random_formula(rng, depth), Vector(tuple(map(Number, knots.tolist()))), Vector(heights))
    )


def _request_wide(rng: np.random.Generator, depth: int) -> Node:
    signal = Name(str(rng.choice(_SIGNALS)))
    return Call(str(rng.choice(["rank", "zscore"])), (signal,))


def _unary(rng: np.random.Generator, depth: int) -> Node:
    return Unary("-", random_formula(rng, depth))


_GROWN: tuple[Callable[[np.random.Generator, int], Node], ...] = (
    *(_binary,) * 6,
    *(_call,) * 3,
    _compare,
    _extreme,
    _clip,
    _where,
    _curve,
    _request_wide,
    _unary,
)


def _report(tallies: list[Tally], seconds: float) -> dict[str, Any]:
    points, violations = sum(t.points for t in tallies), sum(len(t.violations) for t in tallies)
    share = sum(t.shown for t in tallies) / max(1, sum(t.finite for t in tallies))
    setup = {"numpy": np.__version__, "machine": platform.machine(), "points": points, "seconds": seconds}
    figures = [
        {
            "name": "formulas with a value outside of its interval",
            "value": violations,
            "unit": "formulas",
            "goal": "0",
            "ok": violations == 0,
        },
        {
            "name": "random formulas finite at every point, shown at one look",
            "value": round(share, 3),
            "unit": "share",
            "goal": "",
            "ok": True,
        },
    ]
    return {"setup": setup, "figures": figures}


if __name__ == "__main__":
    main()
