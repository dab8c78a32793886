"""Proofs by branch and bound: a region is split until every piece is shown to be right, or a point wrong.

Ends with "undecided" after a stated number of boxes, or when what is left is too narrow to be told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from rectune_dsl.dsl.formula.rounding import Floats
from rectune_dsl.dsl.formula.tree import Node
from rectune_dsl.dsl.regions import Boxes, Region

MOST_BOXES = 1_000
"""Boxes looked at before a search is given up."""
_AT_ONCE = 24
_MOST_AXES = 8
"""Axes along which a split is tried out, the widest first."""
_NARROW = 2.0**-16
"""A box as narrow as this, as a share of the region, is not split further."""

Point = TypeVar("Point", covariant=True)


@dataclass(frozen=True)
class Verdict:
    """Of each box: how far it is from being shown, 0 where it is, (boxes,); which part of the formula is in
    the way, and the names that matter to it."""

    deficit: Floats
    node: Node | None
    names: Collection[str]


class Claim(Protocol[Point]):
    """What is to be shown of every point of a region."""

    def judge(self, boxes: Boxes) -> Verdict: ...

    def refuted(self, boxes: Boxes) -> Point | None:
        """A point of the boxes where the claim is wrong, if one is found."""
        ...


@dataclass(frozen=True)
class Proved:
    """Shown for every point of the region."""


@dataclass(frozen=True)
class Refuted(Generic[Point]):
    """Wrong at a point."""

    point: Point


@dataclass(frozen=True)
class Undecided:
    """Neither, in this box among others: (axes,) each. `node` is the part of the formula in the way."""

    low: Floats
    high: Floats
    node: Node | None


def prove(region: Region, claim: Claim[Point], most: int = MOST_BOXES) -> Proved | Refuted[Point] | Undecided:
    """Look at the whole region, then split what is not shown. With `most` = 1, only look."""
    todo = region.whole
    verdict = claim.judge(todo) if len(todo) else None
    if verdict is None or not verdict.deficit.any():
        return Proved()
    spent = 1
    while len(todo):
        batch, todo = todo.at(slice(-_AT_ONCE, None)), todo.at(slice(None, -_AT_ONCE))
        verdict = claim.judge(batch)
        left = batch.at(verdict.deficit > 0)
        if len(left) and most > 1:
            point = claim.refuted(left)
            if point is not None:
                return Refuted(point)
        if len(left):
            axes = _axes(region, left, verdict.names)
            if spent >= most or not axes:
                return Undecided(left.low[-1], left.high[-1], verdict.node)
            children = _split(region, claim, left, axes)
            spent += 2 * len(left) * len(axes)
            todo = Boxes(np.concatenate([todo.low, children.low]), np.concatenate([todo.high, children.high]))
    return Proved()


def _axes(region: Region, boxes: Boxes, names: Collection[str]) -> list[int]:
    """The widest axes that matter; none where some box is narrow along all of them."""
    widths = region.widths(boxes)
    at = [i for i, name in enumerate(region.axes) if name in names]
    if not at or (widths[:, at] < _NARROW).all(axis=1).any():
        return []
    mean = widths.mean(axis=0)
    return sorted(at, key=lambda i: -mean[i])[:_MOST_AXES]


def _split(region: Region, claim: Claim[Point], boxes: Boxes, axes: Sequence[int]) -> Boxes:
    """The halves of each box along the axis that leaves least to be shown, the widest of equals."""
    tried = [region.halves(boxes, axis) for axis in axes]
    deficits = np.stack([sum(_deficit(region, claim, half) for half in halves) for halves in tried])
    narrow = region.widths(boxes)[:, axes].T
    deficits = np.where(narrow < _NARROW, np.inf, deficits)
    best = np.lexsort((-narrow, deficits), axis=0)[0]
    halves = [
        Boxes(
            np.stack([pair[k].low for pair in tried])[best, np.arange(len(boxes))],
            np.stack([pair[k].high for pair in tried])[best, np.arange(len(boxes))],
        )
        for k in (0, 1)
    ]
    both = Boxes(
        np.concatenate([half.low for half in halves]), np.concatenate([half.high for half in halves])
    )
    return region.pruned(both)


def _deficit(region: Region, claim: Claim[Point], boxes: Boxes) -> Floats:
    empty = np.any(boxes.low > boxes.high, axis=1)
    full = Boxes(np.where(empty[:, None], boxes.high, boxes.low), boxes.high)
    return np.where(empty, 0.0, claim.judge(full).deficit)
