"""Uniform points of a region that random points of its box miss: hit-and-run from points inside.

Smith (1984), "Efficient Monte Carlo Procedures for Generating Points Uniformly Distributed over Bounded
Regions". A step picks a line and a point on it; a line's point is found by shrinking towards the current one
(Neal 2003, "Slice Sampling", section 4.2), which keeps the uniform law and needs no convexity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keeps = Callable[[Floats], NDArray[np.bool_]]

_WALKS = 256
_SHRINKS = 24
_BURN_IN = 20
_BETWEEN = 3
"""Steps per param before the first point, and between points, of one walk."""
_LEFT = 1e-4
"""A walk that has not come this far found nothing."""


def walk(
    rng: np.random.Generator, count: int, starts: Floats, box: tuple[Floats, Floats], keeps: Keeps
) -> Floats:
    """Points (count, params) that `keeps` accepts inside the box `(low, high)`; none where nothing can be
    reached from `starts` (starts, params), each of which is accepted itself."""
    if not len(starts) or not starts.shape[1]:
        return np.empty((0, starts.shape[1]))
    at = starts[np.arange(_WALKS) % len(starts)].copy()
    first = at.copy()
    for _ in range(_BURN_IN * starts.shape[1]):
        at = _step(rng, at, box, keeps)
    moved = np.abs(at - first).max(1) > _LEFT
    if not moved.any():
        return np.empty((0, starts.shape[1]))
    at = at[moved]
    found = [at]
    for _ in range((count - 1) // len(at)):
        for _ in range(_BETWEEN * starts.shape[1]):
            at = _step(rng, at, box, keeps)
        found.append(at)
    return np.concatenate(found)[:count]


def _step(rng: np.random.Generator, at: Floats, box: tuple[Floats, Floats], keeps: Keeps) -> Floats:
    """Each walk's next point, on a random line through the present one."""
    line = _directions(rng, *at.shape)
    back, ahead = _chord(at, line, box)
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


def _directions(rng: np.random.Generator, walks: int, dimension: int) -> Floats:
    """Along one param, along two, or along all: corners, sums and cones are each left by one of them."""
    kind = rng.integers(0, 3, walks)
    order = rng.random((walks, dimension)).argsort(1)
    gauss = rng.standard_normal((walks, dimension))
    few = np.where(order < np.minimum(kind + 1, dimension)[:, None], np.sign(gauss), 0.0)
    return np.where((kind == 2)[:, None], gauss, few)


def _chord(at: Floats, line: Floats, box: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """How far each line goes back and ahead inside the box, (walks,) each."""
    low, high = box
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low = np.where(line == 0, -np.inf * np.ones_like(line), (low - at) / line)
        to_high = np.where(line == 0, np.inf, (high - at) / line)
    back, ahead = np.minimum(to_low, to_high).max(1), np.maximum(to_low, to_high).min(1)
    return np.minimum(back, 0.0), np.maximum(ahead, 0.0)
