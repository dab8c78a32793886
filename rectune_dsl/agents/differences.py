"""How different two configs are: in their params and, where a panel is there, in what they show."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rectune_dsl.agents.region import distance
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.features import overlap
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.source import head
from rectune_dsl.hooks.api import Config, FormulaFunction, Panel, Slates

REQUESTS = 256
"""Panel requests that slates are compared on."""
NEAR = 0.02
"""Distance, as a share of a param's range, below which two arms measure the same."""
ALIKE = 0.95
"""Near ones measure the same unless they show more than a few other items than each other."""


class Differences:
    """Compares configs; slates are computed once per config."""

    def __init__(self, task: Task, panel: Panel | None, functions: Mapping[str, FormulaFunction]) -> None:
        self._space = Space(task)
        self._funnel = Funnel(task, {name: function.evaluate for name, function in functions.items()})
        self._panel = None if panel is None else head(panel, REQUESTS)
        self._slates: dict[tuple[float, ...], Slates] = {}

    def gap(self, left: Config, right: Config) -> float:
        """The largest difference of a param, as a share of its range."""
        return distance(self._space.to_unit(left.values), self._space.to_unit(right.values))

    def same(self, left: Config, right: Config, near: float = NEAR) -> bool:
        """Too close to tell apart. With a panel its slates decide: the very same ones in the very same order,
        or, for configs that are near, nearly the same items."""
        close = self.gap(left, right) < near
        if self._panel is None:
            return close
        shown, other = self._of(left), self._of(right)
        return np.array_equal(shown.candidates, other.candidates) or (close and overlap(shown, other) > ALIKE)

    def words(self, left: Config, right: Config, name: str) -> str:
        """`up to 0.210 of a param's range from r1p2, 62 % of the items shown are the same`."""
        text = f"up to {self.gap(left, right):.3f} of a param's range from {name}"
        if self._panel is None:
            return text
        return (
            f"{text}, {overlap(self._of(left), self._of(right)) * 100:.0f} % of the items shown are the same"
        )

    def _of(self, config: Config) -> Slates:
        key = tuple(config.values.values())
        if key not in self._slates:
            assert self._panel is not None
            self._slates[key] = self._funnel.slates(self._panel, config)
        return self._slates[key]
