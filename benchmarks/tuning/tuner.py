"""What takes part: whoever proposes arms, hears lifts, and recommends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from worlds.keyed import generator

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, Panel, RoundResult
from tuning.noise import Noise

WHOLE = 1.0
NEAR = 0.3
"""How far a peer's box reaches from production, as a share of each param's range."""


@dataclass(frozen=True, eq=False)
class Setup:
    """All that tuners are told. `seed` names the campaign."""

    task: Task
    panel: Panel | None
    noise: Noise
    seed: int

    def generator(self, *what: object) -> np.random.Generator:
        return generator("tuner", self.seed, *what)


class Tuner(Protocol):
    def propose(self, number: int, arms: int) -> Sequence[Config]:
        """At most so many different configs to test in the round with this number, counted from 1."""
        ...

    def observe(self, result: RoundResult) -> None: ...

    def recommend(self) -> Config:
        """What to confirm; production for nothing. Changes nothing of what is proposed next."""
        ...


MakeTuner = Callable[[Setup], Tuner]


@dataclass(frozen=True)
class Box:
    """Where a peer may look: within `radius` of production, in shares of each param's range on its scale."""

    space: Space
    radius: float

    def bounds(self) -> dict[str, tuple[float, float]]:
        """The smallest and the largest value, by param."""
        production = self.space.production
        low = self.space.from_unit(np.clip(production - self.radius, 0.0, 1.0))
        high = self.space.from_unit(np.clip(production + self.radius, 0.0, 1.0))
        return {name: (low[name], high[name]) for name in self.space.names}

    def sample(self, rng: np.random.Generator, count: int) -> list[Config]:
        points = self.space.sample(rng, count, radius=self.radius)
        return [Config(self.space.from_unit(point)) for point in points]
