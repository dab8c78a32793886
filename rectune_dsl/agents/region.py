"""Where an actor may look: a box around production that grows with what has been learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult, UsageError

Array = NDArray[np.float64]

RADII = (0.2, 0.35, 0.5, 0.7, 1.0)
"""Largest distance from production per param, in units of its range on its scale, by rounds learnt from."""
_ROUNDING = 1e-5
"""Kept away from the box's edge, because a config's values are rounded to six digits."""


@dataclass(frozen=True)
class Region:
    """The part of the space within `radius` of production, `[limits] step` included."""

    space: Space
    radius: float

    @classmethod
    def for_round(cls, task: Task, history: Sequence[RoundResult]) -> Region:
        """A round that was frozen taught nothing, so it does not widen the box."""
        learnt = sum(not result.frozen for result in history)
        radius = RADII[min(learnt, len(RADII) - 1)]
        return cls(Space(task), min(radius, task.limits.step))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Points (count, params), uniform in the region. Raises UsageError if constraints leave none."""
        try:
            return self.space.sample(rng, count, center=self.space.production, radius=self._inner)
        except ValueError as error:
            raise UsageError(
                f"within {self.radius:.0%} of each param's range from production, {error}",
                help="loosen the constraints, or tune fewer params",
            ) from error

    def clip(self, points: Array) -> Array:
        """The nearest points inside the box; constraints are not looked at."""
        production = self.space.production
        inside = np.clip(points, production - self._inner, production + self._inner)
        return np.clip(inside, 0.0, 1.0)

    def configs(self, points: Array) -> list[Config]:
        """Configs of the points, as they would be served: rounded, different, not production, allowed."""
        found: dict[tuple[float, ...], Config] = {}
        for row in self.space.decode(points).tolist():
            found.setdefault(tuple(row), Config(dict(zip(self.space.names, row, strict=True))))
        return [config for config in found.values() if self.allows(config)]

    def allows(self, config: Config) -> bool:
        """Inside the region, and something other than production."""
        offset = np.abs(self.space.to_unit(config.values) - self.space.production)
        within = 1e-9 < offset.max() <= self.radius + 1e-9
        return bool(within) and self.space.feasible(config.values)

    def unit(self, configs: Sequence[Config]) -> Array:
        """Unit points (configs, params)."""
        points = [self.space.to_unit(config.values) for config in configs]
        return np.array(points, dtype=np.float64).reshape(len(points), self.space.dimension)

    @property
    def _inner(self) -> float:
        return self.radius - _ROUNDING if self.radius < 1 else self.radius


def distance(left: Array, right: Array) -> float:
    """Root mean square difference per param, in units of its range."""
    return float(np.sqrt(np.mean((left - right) ** 2)))
