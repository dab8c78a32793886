"""Points well inside a polytope, to start walks from: corners are left by next to no random line.

The analytic centre, and Dikin's ellipsoid around it, which lies inside and is about as long and as narrow as
the polytope. Boyd and Vandenberghe (2004), "Convex Optimization", sections 11.4 and 8.5.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.halfspaces import Halfspaces

Floats = NDArray[np.float64]

_SHARPNESS = 10.0 ** np.arange(1, 9)
_STEPS, _HALVINGS = 30, 40
_CLOSE = 1e-9


def inside(rng: np.random.Generator, count: int, walls: Halfspaces, box: tuple[Floats, Floats]) -> Floats:
    """Points (count, params) of the largest parts of the walls and the box that are easily told: uniform in
    Dikin's ellipsoid. Empty where the walls leave no room, or none is found."""
    low, high = box
    free = high > low
    dimension = int(free.sum())
    normals = np.vstack([walls.normals[:, free], np.eye(dimension), -np.eye(dimension)])
    fixed = walls.offsets - walls.normals[:, ~free] @ low[~free]
    offsets = np.concatenate([fixed, high[free], -low[free]])
    size = np.linalg.norm(normals, axis=1)
    if not dimension or not (size > 0).all():
        return np.empty((0, len(low)))
    normals, offsets = normals / size[:, None], offsets / size
    start = _with_room(normals, offsets, (low[free] + high[free]) / 2)
    if start is None:
        return np.empty((0, len(low)))
    centre = _newton(start, lambda x: _barrier(normals, offsets, x))
    _, _, curvature = _barrier(normals, offsets, centre)
    ball = rng.standard_normal((count, dimension))
    ball *= (rng.random(count) ** (1 / dimension) / np.linalg.norm(ball, axis=1))[:, None]
    found = np.repeat(low[None, :], count, axis=0)
    found[:, free] = centre + np.linalg.solve(np.linalg.cholesky(curvature).T, ball.T).T
    return found


def _with_room(normals: Floats, offsets: Floats, start: Floats) -> Floats | None:
    """A point that keeps all walls with room to spare: the walls are moved outwards, then let come in."""
    moved = float((normals @ start - offsets).max()) + 1.0
    at = np.append(start, moved)
    wider = np.hstack([normals, -np.ones((len(normals), 1))])
    for sharpness in _SHARPNESS:
        pull = np.zeros(len(at))
        pull[-1] = sharpness

        def pulled(x: Floats, pull: Floats = pull) -> tuple[float, Floats, Floats]:
            value, slope, curvature = _barrier(wider, offsets, x)
            return value + float(pull @ x), slope + pull, curvature

        at = _newton(at, pulled)
        if at[-1] < -_CLOSE:
            found: Floats = at[:-1]
            return found
    return None


def _barrier(normals: Floats, offsets: Floats, at: Floats) -> tuple[float, Floats, Floats]:
    """Minus the sum of the logarithms of the distances from the walls, its slope and its curvature."""
    room = offsets - normals @ at
    if not (room > 0).all():
        return np.inf, at, np.eye(len(at))
    scaled = normals / room[:, None]
    return -float(np.log(room).sum()), scaled.sum(axis=0), scaled.T @ scaled


def _newton(at: Floats, function: Callable[[Floats], tuple[float, Floats, Floats]]) -> Floats:
    """Where a convex function is least, by damped Newton steps."""
    value, slope, curvature = function(at)
    for _ in range(_STEPS):
        step = -np.linalg.lstsq(curvature, slope, rcond=None)[0]
        fall = float(slope @ step)
        if -fall < _CLOSE:
            break
        share = 1.0
        for _ in range(_HALVINGS):
            following = function(at + share * step)
            if following[0] <= value + 0.25 * share * fall:
                break
            share /= 2
        else:
            break
        at = at + share * step
        value, slope, curvature = following
    return at
