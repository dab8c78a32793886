"""How different two configs are: in their params and, where a panel is there, in what they show."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rectune_dsl.agents.region import distance
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.features import overlap
from rectune_dsl.hooks.api import Config, Slates, WhatIf

NEAR = 0.02
"""Distance, as a share of a param's range, below which two arms measure the same."""
ALIKE = 0.95
"""Near ones measure the same unless they show more than a few other items than each other."""


class Differences:
    """Compares configs; slates are computed once per config."""

    def __init__(self, task: Task, whatif: WhatIf | None) -> None:
        self._space = Space(task)
        self._whatif = whatif
        self._slates: dict[tuple[float, ...], Slates] = {}

    def gap(self, left: Config, right: Config) -> float:
        """The largest difference of a param, as a share of its range."""
        return distance(self._space.to_unit(left.values), self._space.to_unit(right.values))

    def same(self, left: Config, right: Config, near: float = NEAR) -> bool:
        """Too close to tell apart. With a panel its slates decide: the very same ones in the very same order,
        or, for configs that are near, nearly the same items."""
        close = self.gap(left, right) < near
        if self._whatif is None:
            return close
        one, other = identities(self._whatif, [left, right])
        return one == other or (close and self.common(left, right) > ALIKE)

    def common(self, left: Config, right: Config) -> float:
        """The share of the items shown that are the same; needs a panel."""
        return overlap(self._of(left), self._of(right))

    def words(self, left: Config, right: Config, name: str) -> str:
        """`differs from r1p2 by up to 21 % of a param's range, and 62 % of the items shown are the same`."""
        text = f"differs from {name} by up to {self.gap(left, right) * 100:.1f} % of a param's range"
        if self._whatif is None:
            return text
        return f"{text}, and {self.common(left, right) * 100:.0f} % of the items shown are the same"

    def _of(self, config: Config) -> Slates:
        key = tuple(config.values.values())
        if key not in self._slates:
            assert self._whatif is not None
            self._slates[key] = self._whatif.slates(config)
        return self._slates[key]


def identities(whatif: WhatIf, configs: Sequence[Config]) -> list[Hashable]:
    """Equal for configs that are one: they show the same slates, and their stages keep as many candidates on
    the way, which users do not see but wait for."""
    kept = [tuple(v for name, v in c.values.items() if name.endswith(".keep")) for c in configs]
    return list(zip(whatif.slate_keys(configs), kept, strict=True))
