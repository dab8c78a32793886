"""Where an actor may look: a box around production that grows with what has been learnt."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents.past import learnt, skipped_rounds
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, RoundResult, TightBounds, UsageError

Array = NDArray[np.float64]

RADII = (0.2, 0.35, 0.5, 0.7, 1.0)
"""Largest distance from production per param, in units of its range on its scale, by rounds learnt from."""
ROUNDING = 1e-6
"""Distances that differ by less are equal: a config's values are rounded."""
_MARGIN = 10 * ROUNDING
"""Kept away from the box's edge, so that rounding to six digits does not lead out of it."""


@dataclass(frozen=True)
class Region:
    """The part of the space within `radius` of production, `[limits] step` included.

    A whole number may always go to the next one, however wide that is, unless `step` forbids it. Points are
    drawn `inside` tightened bounds, where there are any.
    """

    space: Space
    radius: float
    step: float = 1.0
    inside: tuple[TightBounds, ...] = ()

    @classmethod
    def for_round(cls, task: Task, history: Sequence[RoundResult], skipped: int = 0) -> Region:
        """A round that was frozen taught nothing, so it does not widen the box. One that was skipped does:
        the box held nothing to test."""
        radius = RADII[min(learnt(history) + skipped, len(RADII) - 1)]
        return cls(Space(task), min(radius, task.limits.step), task.limits.step)

    @classmethod
    def of(cls, context: AgentContext) -> Region:
        """That of the context's round."""
        return cls.for_round(context.task, context.history, skipped_rounds(context))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Points (count, params), uniform in the region. Raises UsageError if constraints leave none."""
        low, high = self.box
        try:
            return self.space.sample(rng, count, center=0.5 * (low + high), radius=0.5 * (high - low))
        except ValueError as error:
            raise UsageError(
                f"within {self.radius:.0%} of each param's range from production, {error}",
                help="loosen the constraints, or tune fewer params",
            ) from error

    def starts(self, rng: np.random.Generator, count: int) -> Array:
        """Points (count, params) to begin a search at: a third pushed to the box's faces, a third with few
        params moved, a third uniform.

        Corners tell most per arm; moving few params at a time is how the best of many dimensions is found.
        """
        points, production, third = self.sample(rng, count), self.space.production, count // 3
        corners = self.clip(production + np.sign(points[:third] - production))
        few = points[third : 2 * third]
        keep = rng.random(few.shape) < min(1.0, 4.0 / few.shape[1]) if few.size else np.empty(few.shape, bool)
        return np.vstack([corners, np.where(keep, few, production), points[2 * third :]])

    def clip(self, points: Array) -> Array:
        """The nearest points inside the box; constraints are not looked at."""
        return np.clip(points, *self.box)

    def configs(self, points: Array) -> list[Config]:
        """Configs of the points, as they would be served: rounded, different, not production, allowed."""
        found: dict[tuple[float, ...], Config] = {}
        below, above = self._reach
        production = self.space.production
        points = self._tightened(points)
        for values in self.space.from_units(points, production - below, production + above):
            found.setdefault(tuple(values.values()), Config(values))
        configs = list(found.values())
        return [c for c, allowed in zip(configs, self._allowed(configs), strict=True) if allowed]

    def _tightened(self, points: Array) -> Array:
        if not self.inside:
            return points
        low, high = np.zeros(self.space.dimension), np.ones(self.space.dimension)
        for bounds in self.inside:
            at = self.space.names.index(bounds.param)
            low[at], high[at] = self.space.unit_of(bounds.param, bounds.low, bounds.high)
        return np.clip(points, low, high)

    def allows(self, config: Config) -> bool:
        """Inside the region, and something other than production."""
        return self._allowed([config])[0]

    def _allowed(self, configs: Sequence[Config]) -> list[bool]:
        offsets = self.unit(configs) - self.space.production
        below, above = self._reach
        within = np.all((-below - ROUNDING <= offsets) & (offsets <= above + ROUNDING), axis=1)
        moved = np.any(np.abs(offsets) > 1e-9, axis=1)
        inside = (within & moved).tolist()
        return [i and self.space.feasible(c.values) for i, c in zip(inside, configs, strict=True)]

    def unit(self, configs: Sequence[Config]) -> Array:
        """Unit points (configs, params)."""
        return self.space.to_units([config.values for config in configs])

    def places(self, configs: Sequence[Config]) -> Array:
        """Where configs lie for telling them apart, (configs, dimension)."""
        return self.unit(configs)

    def identities(self, configs: Sequence[Config]) -> list[Hashable]:
        """Equal for configs that are one."""
        return [tuple(config.values.values()) for config in configs]

    @cached_property
    def _reach(self) -> tuple[Array, Array]:
        """The largest distance below and above production, (params,) each."""
        below, above = self.space.whole_steps()
        return self._at_least(below), self._at_least(above)

    def _at_least(self, whole: Array) -> Array:
        """The radius, or the way to the next whole number where that is further and allowed."""
        return np.maximum(self.radius, np.where(whole <= self.step + ROUNDING, whole, 0.0))

    @cached_property
    def box(self) -> tuple[Array, Array]:
        """The unit points' lower and upper bounds, (params,) each."""
        below, above = self._reach
        margin = np.where((below < 1) & (above < 1), _MARGIN, 0.0)
        production = self.space.production
        low = np.minimum(production - below + margin, production)
        high = np.maximum(production + above - margin, production)
        return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def distance(left: Array, right: Array) -> float:
    """The largest difference of a param, in units of its range: one param that moves far is a change, however
    many others stay."""
    return float(np.max(np.abs(left - right), initial=0.0))
