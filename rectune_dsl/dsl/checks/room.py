"""What constraints leave: some feasible configs, found in little time however narrow the space is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.checks.sound import settings
from rectune_dsl.dsl.formula import evaluate
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space

Array = NDArray[Any]

_ANYWHERE = 1024
_LINES = 64
_REACHES = 0.4 ** np.arange(11)
"""How far from production a line is followed, as shares of the bounds."""
_LEFT = 1e-4
"""What is nearer than this is production itself, but for the rounding of what is served."""


def feasible(task: Task, space: Space) -> Array:
    """Points (some, params) of the unit box that keep all constraints, none of them production: among
    random ones, and on lines through production. However narrow a cone of inequalities is, some line leads
    into it. Production must be feasible. Empty where nothing else was found."""
    generator = np.random.Generator(np.random.Philox(key=0))
    anywhere = generator.random((_ANYWHERE, space.dimension))
    found = anywhere[_keeps(task, space, anywhere)]
    if len(found) < _LINES:
        found = np.concatenate([found, _on_lines(task, space, generator)])
    if not len(found):
        found = _walked(space)
    elsewhere: Array = found[np.abs(found - space.production).max(axis=1, initial=0.0) > _LEFT]
    return elsewhere


def columns(task: Task, space: Space, points: Array) -> Mapping[str, Any]:
    """What constraints read at points (count, params): (count,) for each param, numbers for the rest."""
    return settings(task) | dict(zip(space.names, space.decode(points).T, strict=True))


def _keeps(task: Task, space: Space, points: Array) -> Array:
    values, kept = columns(task, space, points), np.ones(len(points), bool)
    for constraint in task.constraints.values():
        kept &= np.asarray(evaluate(constraint.tree, values)) != 0
    return kept


def _on_lines(task: Task, space: Space, generator: np.random.Generator) -> Array:
    """The farthest point on each line that is feasible, if one is: along each param, and along several."""
    axes = np.eye(space.dimension)
    lines = np.concatenate([axes, -axes, generator.standard_normal((_LINES, space.dimension))])
    points = np.clip(space.production + _REACHES[:, np.newaxis, np.newaxis] * lines, 0.0, 1.0)
    kept = _keeps(task, space, points.reshape(-1, space.dimension)).reshape(points.shape[:2])
    kept &= np.abs(points - space.production).max(axis=2) > _LEFT
    some = np.flatnonzero(kept.any(axis=0))
    farthest = kept.argmax(axis=0)[some]  # reaches fall, so the first that is kept
    found: Array = points[farthest, some]
    return found


def _walked(space: Space) -> Array:
    """The last resort, which takes long: sampling in earnest."""
    try:
        return space.sample(np.random.Generator(np.random.Philox(key=0)), _LINES)
    except ValueError:
        return np.empty((0, space.dimension))
