"""The tuner to compare others with: random arms, and the best of those that looked safe."""

from __future__ import annotations

from collections.abc import Sequence

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from tuning.seen import Seen, seen
from tuning.tuner import WHOLE, Box, Setup


class RandomTuner:
    """Uniform in the box. Recommends the arm with the largest measured U of those measured to keep all
    guardrails."""

    def __init__(self, setup: Setup, radius: float = WHOLE) -> None:
        self._setup, self._box = setup, Box(Space(setup.task), radius)
        self._seen: list[Seen] = []

    def propose(self, number: int, arms: int) -> Sequence[Config]:
        return self._box.sample(self._setup.generator("random", number), arms)

    def observe(self, result: RoundResult) -> None:
        self._seen += seen(self._setup.task, self._setup.noise, result)

    def recommend(self) -> Config:
        safe = [one for one in self._seen if one.keeps and one.objective > 0]
        best = max(safe, key=lambda one: one.objective, default=None)
        return Config(self._setup.task.production) if best is None else best.config
