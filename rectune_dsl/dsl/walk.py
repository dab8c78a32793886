"""Uniform points of a region that random points of its box miss: hit-and-run from points inside.

Smith (1984), "Efficient Monte Carlo Procedures for Generating Points Uniformly Distributed over Bounded
Regions". A step picks a line and a point on it, uniformly: between the walls where these are halfspaces; else
by shrinking towards the current point (Neal 2003, "Slice Sampling", section 4.2), which keeps the uniform law
and needs no convexity. Half of the walks take lines from where the other half is, so that narrow regions are
crossed along their length (Goodman and Weare 2010, "Ensemble Samplers with Affine Invariance").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.centre import inside
from rectune_dsl.dsl.halfspaces import Halfspaces

Floats = NDArray[np.float64]
Keeps = Callable[[Floats], NDArray[np.bool_]]

_WALKS = 128
_SHRINKS = 24
_BURN_IN = 28
_BETWEEN = 4
"""Steps per param before the first point, and between points, of one walk."""
_KINDS = 10
"""One along one param, one along two, one along all, and the rest from one of the others to another."""
_LEFT = 1e-4
"""A walk that has not come this far found nothing."""


def walk(
    rng: np.random.Generator,
    count: int,
    starts: Floats,
    box: tuple[Floats, Floats],
    keeps: Keeps,
    walls: Halfspaces,
) -> Floats:
    """Points (count, params) that `keeps` accepts inside the box `(low, high)`; none where nothing can be
    reached from `starts` (starts, params), each of which is accepted itself. What `keeps` accepts lies
    inside `walls`, up to rounding."""
    dimension = starts.shape[1]
    if not len(starts) or not dimension:
        return np.empty((0, dimension))
    if len(walls.offsets):
        spread = inside(rng, _WALKS, walls, box)
        starts = spread[keeps(spread)] if keeps(spread).any() else starts
    at = starts[np.arange(_WALKS) % len(starts)].copy()
    first = at.copy()
    for _ in range(_BURN_IN * dimension):
        _advance(rng, at, box, keeps, walls)
    moved = np.abs(at - first).max(1) > _LEFT
    if not moved.any():
        return np.empty((0, dimension))
    found = [at[moved]]
    for _ in range((count - 1) // int(moved.sum())):
        for _ in range(_BETWEEN * dimension):
            _advance(rng, at, box, keeps, walls)
        found.append(at[moved])
    return np.concatenate(found)[:count]


def _advance(
    rng: np.random.Generator, at: Floats, box: tuple[Floats, Floats], keeps: Keeps, walls: Halfspaces
) -> None:
    """One half of the walks takes a step, then the other."""
    one, other = slice(None, len(at) // 2), slice(len(at) // 2, None)
    for ours, others in ((one, other), (other, one)):
        at[ours] = _step(rng, at[ours], _directions(rng, at[ours].shape, at[others]), box, keeps, walls)


def _step(
    rng: np.random.Generator,
    at: Floats,
    line: Floats,
    box: tuple[Floats, Floats],
    keeps: Keeps,
    walls: Halfspaces,
) -> Floats:
    """Each walk's next point on its line."""
    back, ahead = walls.cut(at, line, _chord(at, line, box))
    left, reached = np.arange(len(at)), at.copy()
    for _ in range(_SHRINKS):
        along = back[left] + rng.random(len(left)) * (ahead[left] - back[left])
        points = np.clip(at[left] + along[:, None] * line[left], *box)
        kept = keeps(points)
        reached[left[kept]] = points[kept]
        missed = left[~kept]
        back[missed] = np.where(along[~kept] < 0, along[~kept], back[missed])
        ahead[missed] = np.where(along[~kept] < 0, ahead[missed], along[~kept])
        left = missed
        if not len(left):
            break
    return reached


def _directions(rng: np.random.Generator, shape: tuple[int, ...], others: Floats) -> Floats:
    """Along one param, along two, along all, or from one of the others to another: corners, sums, cones and
    narrow valleys are each left by one of them."""
    walks, dimension = shape
    kind = rng.integers(0, _KINDS)
    axes, param = np.eye(dimension), rng.integers(0, dimension, walks)
    if kind == 0 or dimension == 1:
        along: Floats = axes[param]
        return along
    if kind == 1:
        another = (param + rng.integers(1, dimension, walks)) % dimension
        both: Floats = axes[param] + rng.choice([-1.0, 1.0], (walks, 1)) * axes[another]
        return both
    gauss = rng.standard_normal(shape)
    if kind == 2:
        return gauss
    one, other = others[rng.integers(0, len(others), (2, walks))]
    apart = one - other
    directions: Floats = np.where(np.abs(apart).max(axis=1, keepdims=True) > 0, apart, gauss)
    return directions


def _chord(at: Floats, line: Floats, box: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """How far each line goes back and ahead inside the box, (walks,) each."""
    low, high = box
    with np.errstate(divide="ignore", invalid="ignore"):
        pace = 1.0 / line
        one, other = (low - at) * pace, (high - at) * pace
    still = line == 0
    back = np.where(still, -np.inf, np.minimum(one, other)).max(1)
    ahead = np.where(still, np.inf, np.maximum(one, other)).min(1)
    return np.minimum(back, 0.0), np.maximum(ahead, 0.0)
