"""The search space of a task: its params as a unit box, cut by its constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import evaluate
from rectune_dsl.dsl.halfspaces import Halfspaces, halfspaces
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.walk import walk

Floats = NDArray[np.float64]

_DIGITS = 6
_BATCH = 4096
_MOST_BATCHES = 64
_TRIAL = 4
_THIN = 4
"""Fewer hits per batch than this in the first `_TRIAL` batches, and walks find points sooner."""
_SPARE = 10
"""One more point per so many, for those that rounding moves out."""
_EDGE = 1e-6
"""A whole number this close outside a box counts as on its edge."""
_SAME = 1e-12
_ORDINARY = 300


class Space:
    """Params as coordinates in [0, 1], linear or logarithmic, in the task's order.

    The numbers of an ordered vector are sorted in every config: points that differ in their order only are
    the same config, and sorting what is uniform in a box is uniform among what is sorted in it.

    Values are written with 6 significant digits, whole for ints; production keeps all its digits.
    Constraints are judged on values so written, so that what is sampled is feasible as served.
    """

    def __init__(self, task: Task) -> None:
        params = task.params
        self.names: tuple[str, ...] = tuple(params)
        self._log = np.array([p.scale == "log" for p in params.values()], bool)
        self._int = np.array([p.type == "int" for p in params.values()], bool)
        self._low = np.array([p.low for p in params.values()], np.float64)
        self._high = np.array([p.high for p in params.values()], np.float64)
        self._from = self._scaled(self._low)
        self._width = self._scaled(self._high) - self._from
        self._served = np.array([p.production for p in params.values()], np.float64)
        places = {name: i for i, name in enumerate(self.names)}
        self._ordered = [
            ([places[n] for n in names], -1 if order == "nonincreasing" else 1)
            for names, order in task.ordered.values()
        ]
        self._constraints = dict(task.constraints)
        self._constants = task.constants
        self.production: Floats = (self._scaled(self._served) - self._from) / self._width
        self.production.flags.writeable = False

    @property
    def dimension(self) -> int:
        return len(self.names)

    def to_unit(self, values: Mapping[str, float]) -> Floats:
        """Values by name as a point, (params,). Raises KeyError when one is missing."""
        point: Floats = self.to_units([values])[0]
        return point

    def to_units(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """Several at once: points (rows, params)."""
        found = np.array([[values[name] for name in self.names] for values in rows], np.float64)
        points: Floats = (self._scaled(found.reshape(len(rows), self.dimension)) - self._from) / self._width
        return points

    def unit_of(self, param: str, *values: float) -> tuple[float, ...]:
        """Values of one param as coordinates, in units of its range on its scale."""
        at = self.names.index(param)
        found = np.log(values) if self._log[at] else np.array(values, np.float64)
        return tuple(((found - self._from[at]) / self._width[at]).tolist())

    def from_unit(self, point: Floats) -> dict[str, float]:
        """A point (params,) as the values that would be served, inside the bounds."""
        return self.from_units(np.asarray(point, np.float64)[np.newaxis])[0]

    def from_units(
        self, points: Floats, low: Floats | None = None, high: Floats | None = None
    ) -> list[dict[str, float]]:
        """Several at once: see `decode`."""
        rows = self.decode(points, low, high).tolist()
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def decode(self, points: Floats, low: Floats | None = None, high: Floats | None = None) -> Floats:
        """Points (count, params) as the values that would be served, (count, params).

        With a box from `low` to `high` (params,), ints become the nearest whole number inside it.
        """
        inside = np.clip(points, 0.0, 1.0)
        exact = self._exact(inside)
        whole = np.round(exact)
        if low is not None and high is not None:
            least, most = self._exact(np.clip(low, 0.0, 1.0)), self._exact(np.clip(high, 0.0, 1.0))
            whole = np.clip(whole, np.ceil(least - _EDGE), np.floor(most + _EDGE))
        values = np.where(self._int, whole, _round_digits(exact))
        values = np.where(np.abs(inside - self.production) < _SAME, self._served, values)
        return self._sorted(np.clip(values, self._low, self._high))

    def violations(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """What is wrong with a config, in sentences; empty when nothing is."""
        strangers = [
            f"there is no param `{name}`; {did_you_mean(name, self.names)}"
            for name in values
            if name not in self.names
        ]
        broken = [*strangers, *self._out_of_bounds(values)]
        if any(name not in values for name in self.names):
            return tuple(broken)
        at = {name: float(values[name]) for name in self.names}
        for places, sign in self._ordered:
            names = [self.names[i] for i in places]
            if any(sign * at[a] > sign * at[b] for a, b in pairwise(names)):
                direction = "rise" if sign > 0 else "fall"
                broken.append(f"`{names[0]}` to `{names[-1]}` do not {direction} from one to the next")
        for name, constraint in self._constraints.items():
            if not evaluate(constraint.tree, {**self._constants, **at}):
                broken.append(f"constraint `{name}` does not hold: {constraint.text}")
        return tuple(broken)

    def feasible(self, values: Mapping[str, float]) -> bool:
        """Whether a config is complete, inside its bounds, and keeps every constraint."""
        return not self.violations(values)

    def keeps(self, points: Floats) -> NDArray[np.bool_]:
        """Whether the configs that points (count, params) of the unit box stand for keep all constraints."""
        keeps = np.ones(len(points), bool)
        if self._constraints:
            columns: dict[str, Any] = dict(zip(self.names, self.decode(points).T, strict=True))
            for constraint in self._constraints.values():
                keeps &= np.asarray(evaluate(constraint.tree, {**self._constants, **columns})) != 0
        return keeps

    def sample(
        self, rng: np.random.Generator, count: int, center: Floats | None = None, radius: float | Floats = 1.0
    ) -> Floats:
        """Points (count, params), uniform where the unit box, the box of `radius` (one, or one per param)
        around `center` (production when None) and the constraints meet.

        Where next to no random point keeps the constraints, points are taken from walks that start at
        production. Raises ValueError when nothing at all is found.
        """
        middle = self.production if center is None else np.asarray(center, np.float64)
        low, high = np.clip(middle - radius, 0.0, 1.0), np.clip(middle + radius, 0.0, 1.0)
        found = [np.empty((0, self.dimension))]
        missing = count
        for tried in range(1, (_MOST_BATCHES if self._constraints else 1 + count // _BATCH) + 1):
            points = low + rng.random((_BATCH, self.dimension)) * (high - low)
            taken = points[self.keeps(points)][:missing]
            found.append(taken)
            missing -= len(taken)
            if missing == 0:
                return self._canonical(np.concatenate(found))
            if tried == _TRIAL and count - missing < _THIN * _TRIAL:
                break
        kept = np.concatenate(found)
        inside = np.all((self.production >= low) & (self.production <= high))
        starts = np.vstack([self.production[None, :], kept]) if inside else kept
        starts = starts[self.keeps(starts)]
        walked = self._walked(rng, missing, starts, (low, high))
        if not len(walked):
            raise ValueError(
                f"none of {_TRIAL * _BATCH:,} sampled configs and of as many walks from production "
                "keep the constraints"
            )
        return self._canonical(np.concatenate([kept, walked]))

    def whole_steps(self) -> tuple[Floats, Floats]:
        """Distances (params,) from production to the next whole number below and above, on the param's
        scale: 0 for floats and where the bounds allow none."""
        whole = np.round(self._served)
        down = np.where(self._int, np.maximum(whole - 1.0, self._low), self._served)
        up = np.where(self._int, np.minimum(whole + 1.0, self._high), self._served)
        below: Floats = self.production - (self._scaled(down) - self._from) / self._width
        above: Floats = (self._scaled(up) - self._from) / self._width - self.production
        return below, above

    def _walked(
        self, rng: np.random.Generator, count: int, starts: Floats, box: tuple[Floats, Floats]
    ) -> Floats:
        """Points of walks. Between walls alone no step has to be judged, but for what rounding moves out."""
        walls = self._walls()
        if len(walls.offsets) == len(self._constraints):
            spare = count // _SPARE + _SPARE
            found = walk(rng, count + spare, starts, box, lambda points: np.ones(len(points), bool), walls)
            found = found[self.keeps(found)][:count]
            if len(found) == count:
                return found
        return walk(rng, count, starts, box, self.keeps, walls)

    def _walls(self) -> Halfspaces:
        """The constraints that are plain enough."""
        scales = zip(self._log.tolist(), self._from.tolist(), self._width.tolist(), strict=True)
        trees = [constraint.tree for constraint in self._constraints.values()]
        return halfspaces(trees, dict(zip(self.names, scales, strict=True)), self._constants)

    def _canonical(self, points: Floats) -> Floats:
        """Points (count, params) as they come back from the configs they stand for, but for rounding."""
        if not self._ordered:
            return points
        unit: Floats = (self._scaled(self._sorted(self._exact(points))) - self._from) / self._width
        return np.clip(unit, 0.0, 1.0)

    def _sorted(self, values: Floats) -> Floats:
        """Values (count, params) with each ordered vector's numbers in their order."""
        for places, sign in self._ordered:
            values[:, places] = sign * np.sort(sign * values[:, places], axis=1)
        return values

    def _exact(self, points: Floats) -> Floats:
        """Values before they are rounded."""
        scaled = self._from + points * self._width
        return np.where(self._log, np.exp(np.where(self._log, scaled, 0.0)), scaled)

    def _scaled(self, values: Floats) -> Floats:
        if not self._log.any():
            return values
        with np.errstate(all="ignore"):
            return np.where(self._log, np.log(np.where(self._log, values, 1.0)), values)

    def _out_of_bounds(self, values: Mapping[str, float]) -> list[str]:
        broken = []
        for i, name in enumerate(self.names):
            value, low, high = values.get(name), self._low[i], self._high[i]
            if value is None:
                broken.append(f"`{name}` has no value")
            elif not low <= value <= high:
                broken.append(f"`{name}` = {value:.6g} lies outside [{low:.6g}, {high:.6g}]")
            elif self._int[i] and value != round(value):
                broken.append(f"`{name}` = {value:.6g} is not a whole number")
        return broken


def _round_digits(values: Floats) -> Floats:
    """Rounded to 6 significant digits. Scaling by a power of ten and back divides exactly rounded, so
    the result is the double that is nearest to the decimal a person reads."""
    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
    ordinary = np.abs(magnitude) < _ORDINARY  # not 0, nor at an end of what doubles can hold
    places = np.where(ordinary, _DIGITS - 1 - magnitude, 0.0)
    up, down = 10.0 ** np.maximum(places, 0.0), 10.0 ** np.maximum(-places, 0.0)
    return np.where(ordinary, np.round(values * up / down) / up * down, values)
