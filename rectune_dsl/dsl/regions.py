"""Where a formula is looked at: a box of its params and signals, cut by constraints and orders, in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rectune_dsl.dsl.formula.facts import Facts, isolated, known, learnt
from rectune_dsl.dsl.formula.intervals import Enclosure
from rectune_dsl.dsl.formula.rounding import Booleans, Floats, Interval, interval
from rectune_dsl.dsl.formula.tree import Compare, Node

_CLOSED: Mapping[str, Literal["<=", ">="]] = {"<": "<=", ">": ">="}

Order = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Axis:
    """A name's bounds. `log` splits ratios in halves, `whole` knows whole numbers only."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Boxes:
    """(boxes, axes) each."""

    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.low)

    def at(self, which: Booleans | slice) -> Boxes:
        return Boxes(self.low[which], self.high[which])


@dataclass(frozen=True)
class Region:
    """`axes` by name, `constants` by name, `constraints` that hold everywhere in it, and names whose values
    are sorted."""

    axes: Mapping[str, Axis]
    constants: Mapping[str, float]
    constraints: tuple[Compare, ...] = ()
    orders: tuple[Order, ...] = ()

    @property
    def whole(self) -> Boxes:
        """All of it, in one box."""
        axes = self.axes.values()
        low = np.array([[a.low for a in axes]], np.float64)
        high = np.array([[a.high for a in axes]], np.float64)
        return self.pruned(Boxes(low, high))

    def intervals(self, boxes: Boxes) -> dict[str, Interval]:
        found = {name: interval([value], [value]) for name, value in self.constants.items()}
        around = interval(boxes.low, boxes.high)
        for i, name in enumerate(self.axes):
            found[name] = Interval(around.low[:, i], around.high[:, i])
        return found

    def facts(self, boxes: Boxes) -> Facts:
        """What constraints say of names, of their sides, and of the difference of these. Rounding to float32
        may make different numbers equal, so that all bounds are included."""
        value = Enclosure(self.intervals(boxes)).value
        facts: dict[Node, Interval] = {}
        for constraint in self.constraints:
            op, left, right = constraint.op, constraint.left, constraint.right
            closed = replace(constraint, op=_CLOSED.get(op, op))
            ends = learnt(closed, True, value)
            found = [ends, *(isolated(side, ends[side], value) for side in (left, right) if side in ends)]
            for node, narrowed in (item for facts_ in found for item in facts_.items()):
                facts[node] = known(facts, node, narrowed)
        return facts

    def pruned(self, boxes: Boxes) -> Boxes:
        """Without the boxes that no config can be in."""
        boxes = self._sorted(boxes)
        keeps = np.all(boxes.low <= boxes.high, axis=1)
        enclosure = Enclosure(self.intervals(boxes))
        for constraint in self.constraints:
            holds = enclosure.value(constraint)
            keeps = keeps & ((holds.high > 0) | (holds.low < 0))
        return boxes if keeps.all() else boxes.at(keeps)

    def halves(self, boxes: Boxes, axis: int) -> tuple[Boxes, Boxes]:
        """Every box cut in two along one axis. Those with one value there give an empty second half."""
        kind = list(self.axes.values())[axis]
        low, high = boxes.low[:, axis], boxes.high[:, axis]
        middle = np.sqrt(low * high) if kind.log else low / 2 + high / 2
        middle = np.clip(np.floor(middle) if kind.whole else middle, low, high)
        first, second = boxes.high.copy(), boxes.low.copy()
        first[:, axis] = middle
        second[:, axis] = middle + 1 if kind.whole else np.where(low == high, np.inf, middle)
        return Boxes(boxes.low, first), Boxes(second, boxes.high)

    def widths(self, boxes: Boxes) -> Floats:
        """How wide boxes are, as a share of the region, (boxes, axes)."""
        columns = []
        for i, axis in enumerate(self.axes.values()):
            low, high, ends = boxes.low[:, i], boxes.high[:, i], np.array([axis.low, axis.high])
            if axis.log:
                low, high, ends = np.log(low), np.log(high), np.log(ends)
            columns.append((high - low) / max(ends[1] - ends[0], 1e-300))
        return np.stack(columns, axis=1) if columns else np.zeros((len(boxes), 0))

    def _sorted(self, boxes: Boxes) -> Boxes:
        """Narrowed to where sorted names can be sorted."""
        if not self.orders:
            return boxes
        low, high, names = boxes.low.copy(), boxes.high.copy(), list(self.axes)
        for order, way in self.orders:
            at = [names.index(name) for name in (order if way == "nondecreasing" else order[::-1])]
            low[:, at] = np.maximum.accumulate(low[:, at], axis=1)
            high[:, at] = np.minimum.accumulate(high[:, at[::-1]], axis=1)[:, ::-1]
        return Boxes(low, high)
