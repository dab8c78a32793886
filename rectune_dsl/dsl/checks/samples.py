"""Points at which formulas are tried: configs that may be served, and candidates with their signals.

Problems sit at the ends of ranges (a logarithm of zero, a power of zero), so ends are drawn often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks import room
from rectune_dsl.dsl.formula import Call, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.dsl.stages import Signal, Stage
from rectune_dsl.dsl.terms import signals_read

Array = NDArray[Any]
Functions = Mapping[str, Callable[..., Any]]

POINTS = 512
STEPS = 17
_CANDIDATES = 6
_END = 0.2  # chance of each end of a range

_PARAMS, _CORNERS, _SIGNALS = range(3)  # keys of the generators


@dataclass(frozen=True, eq=False)
class Sample:
    """`params[name]` is (points, 1); `signals[name]` is (points, candidates), or (points, 1) for users
    and requests. Point 0 is production."""

    params: Mapping[str, Array]
    signals: Mapping[str, Array]


def draw(task: Task) -> Sample:
    """The sample of a task, the same at every call. Raises ValueError when no config is feasible."""
    space = Space(task)
    inside = np.resize(_inside(task, space), (POINTS, space.dimension))
    ends = _with_ends(_generator(_CORNERS), inside)
    points = np.where(space.keeps(ends)[:, np.newaxis], ends, inside)
    points[0] = space.production
    values = space.decode(points)
    params = {name: values[:, [i]] for i, name in enumerate(space.names)}
    generator = _generator(_SIGNALS)
    return Sample(params, {name: _signal(generator, s) for name, s in signals_read(task).items()})


def is_request_wide(stage: Stage) -> bool:
    """Whether a candidate's score depends on the other candidates."""
    formulas = (stage.score, *stage.terms.values())
    calls = (node for formula in formulas for node in walk(formula.tree) if isinstance(node, Call))
    return any(call.function in REQUEST_WIDE for call in calls)


def vary(
    sample: Mapping[str, Array], name: str, signal: Signal, points: int
) -> tuple[Mapping[str, Array], Array]:
    """The first `points` points with `name` at STEPS values over its domain, broadcasting to (points,
    steps, candidates); and those values. What does not depend on `name` keeps one step, and is computed
    once. Of a signal that candidates differ in, only the first candidate's is varied."""
    steps = np.linspace(*signal.domain, STEPS)
    values = {n: np.asarray(v, np.float64)[:points, np.newaxis, :] for n, v in sample.items()}
    values[name] = np.repeat(values[name], STEPS, axis=1)
    values[name][:, :, 0] = steps
    return values, steps


def _inside(task: Task, space: Space) -> Array:
    if not task.constraints:
        return space.sample(_generator(_PARAMS), POINTS)
    found = room.feasible(task, space)
    if not len(found):
        raise ValueError("no config but production keeps the constraints")
    return found


def _signal(generator: np.random.Generator, signal: Signal) -> Array:
    low, high = signal.domain
    by_candidate = signal.kind in ("prediction", "item")
    unit = generator.random((POINTS, _CANDIDATES if by_candidate else 1))
    return low + _with_ends(generator, unit) * (high - low)


def _with_ends(generator: np.random.Generator, unit: Array) -> Array:
    lot = generator.random(unit.shape)
    return np.where(lot < _END, 0.0, np.where(lot > 1 - _END, 1.0, unit))


def _generator(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=purpose))
