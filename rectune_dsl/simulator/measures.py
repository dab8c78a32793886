"""What can be measured in a world that a log can measure: rates, amounts, how users and items differ.

Twice: where any items are shown (random exposure), and where the world's standard policy chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config, Slates
from rectune_dsl.simulator.days import Block, Chooser, Setting
from rectune_dsl.simulator.keyed import hashed, key_of
from rectune_dsl.simulator.requests import Requests
from rectune_dsl.simulator.responses import Responses, Shown, draw, expect, satisfaction
from rectune_dsl.simulator.standard import standard_task
from rectune_dsl.simulator.targets import ANY_OF, EXPOSURE, parts_of
from rectune_dsl.simulator.world import LOOKED, Sizes, World, world_of
from rectune_dsl.simulator.worldfile import WorldFile

DAYS = 17
"""As many as KuaiRand's random exposure lasted."""
SLATE = 10
LEAST_LOOKED = 10
"""Users with fewer exposures have no click-through rate of their own."""
_BLOCK = 4096
_LEAST = np.float32(1e-9)


@dataclass
class Tally:
    """Sums over everything that is shown; a `respond` of the simulator. Responses and amounts are the means
    over what may be drawn, so that rare ones are known as well as others."""

    items: NDArray[np.float64]
    happened: dict[str, float] = field(default_factory=dict)
    amounts: dict[str, float] = field(default_factory=dict)
    satisfied: float = 0.0
    slates: int = 0
    any_of: tuple[str, ...] = ()
    both: tuple[tuple[str, str], ...] = ()

    def __call__(self, requests: Requests, seen: Shown) -> Responses:
        responses, expected = draw(requests, seen), expect(requests, seen)
        happened = expected.happened
        for name, likeliness in happened.items():
            self._add(name, likeliness)
        for names in self.any_of:
            none = np.ones_like(seen.looks)
            for name in parts_of(names):
                none *= 1 - seen.chances[name]
            self._add(names, seen.looks * (1 - none))
        for one, other in self.both:  # independent but for what they both follow from
            self._add(_together(one, other), happened[one] * happened[other] / np.maximum(seen.looks, _LEAST))
        for name in requests.world.file.amounts:
            self.amounts[name] = self.amounts.get(name, 0.0) + float(
                expected.sums[name].sum(dtype=np.float64)
            )
        shown = requests.items(seen.candidates).reshape(-1)
        self.items += np.bincount(shown, responses.happened[EXPOSURE].reshape(-1), self.items.size)
        self.satisfied += float(satisfaction(requests, seen).sum())
        self.slates += len(requests.users)
        return responses

    def _add(self, name: str, likeliness: NDArray[np.floating[Any]]) -> None:
        self.happened[name] = self.happened.get(name, 0.0) + float(likeliness.sum(dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Measured:
    """Everything that was measured under one kind of exposure. `items` are exposures of each item, `looked`
    and `clicked` are per user who came."""

    world: World
    tally: Tally
    looked: NDArray[np.float64]
    clicked: NDArray[np.float64]

    def rate(self, of: str, per: str = EXPOSURE) -> float:
        """A response, or an amount, per exposure or per another response."""
        below, counted = self.tally.happened[per], self.tally.happened
        if of in self.tally.amounts:
            return self.tally.amounts[of] / below
        return counted.get(_together(of, per), counted.get(of, 0.0)) / below

    def own_rates(self) -> NDArray[np.float64]:
        """Each user's share of exposures that had the first response, of users with enough of them; 0 where
        there is no such user."""
        enough = self.looked >= LEAST_LOOKED
        return self.clicked[enough] / self.looked[enough] if enough.any() else np.zeros(1)

    @property
    def satisfaction(self) -> float:
        """Mean over slates."""
        return self.tally.satisfied / self.tally.slates

    def others(self) -> Mapping[str, float]:
        """Measures that are no rates, by name."""
        own = self.own_rates()
        exposed, items = np.sort(self.tally.items)[::-1], self.world.items
        topics = np.bincount(items.topic) / items.topic.size
        return {
            "user_ctr_p50": float(np.quantile(own, 0.5)),
            "user_ctr_p90": float(np.quantile(own, 0.9)),
            "looks_p50": float(np.quantile(self.looked, 0.5)),
            "looks_p90": float(np.quantile(self.looked, 0.9)),
            "looks_max": float(self.looked.max()),
            "top_1pct_share": float(exposed[: max(1, exposed.size // 100)].sum() / exposed.sum()),
            "exposure_gini": _gini(exposed),
            "topics_effective": float(1 / (topics**2).sum()),
            "size_p50": float(np.quantile(items.size, 0.5)),
            "size_p90": float(np.quantile(items.size, 0.9)),
        }


@dataclass(frozen=True)
class Exposures:
    """The same world under random exposure and under its standard policy."""

    random: Measured
    standard: Measured


def exposures(file: WorldFile, sizes: Sizes, seed: int, users: int) -> Exposures:
    """Measure a world under both exposures, with so many users under each."""
    worlds = (world_of(file, sizes, at_random) for at_random in (True, False))
    return Exposures(*(measure(world, users, seed) for world in worlds))


def measure(world: World, users: int, seed: int, days: int = DAYS) -> Measured:
    """Let `users` users come for so many days. A world `at_random` shows them any items."""
    file = world.file
    any_of = {t.of for t in file.targets.values() if ANY_OF in t.of}
    both = {(t.of, t.per) for t in file.targets.values() if _are_apart(file, t.of, t.per)}
    tally = Tally(np.zeros(world.items.topic.size), any_of=tuple(sorted(any_of)), both=tuple(sorted(both)))
    standard = standard_task(file)
    funnel: Chooser = AnyItems() if world.at_random else Funnel(standard)
    traffic = key_of("measure", seed, int(world.at_random))
    setting = Setting(world, funnel, Config(standard.production), traffic, 0, days, tally)
    looked, clicked = [], []
    first = world.file.responses[world.file.first].column
    at = {name: setting.columns.index(name) for name in (LOOKED, first)}
    start = key_of("measured users", seed) % max(1, world.population - users)
    for low in range(start, start + users, _BLOCK):
        ids = np.arange(low, min(low + _BLOCK, start + users), dtype=np.int64)
        block = Block(setting, ids)
        block.advance(days)
        columns = block.columns()
        came = columns[-1] > 0
        looked.append(columns[at[LOOKED], came])
        clicked.append(columns[at[first], came])
    return Measured(world, tally, np.concatenate(looked), np.concatenate(clicked))


@dataclass(frozen=True)
class AnyItems:
    """Slates of any candidates, in the place of a funnel."""

    stages: tuple[str, ...] = ("any",)

    def keeps(self, config: Config) -> tuple[int, ...]:
        return (SLATE,)

    def run(self, source: Requests, config: Config) -> Slates:
        first = hashed(source.key("any"), source.users.ids) % np.uint64(source.candidates)
        places = (first.astype(np.int32)[:, None] + np.arange(SLATE, dtype=np.int32)) % source.candidates
        return Slates(places.astype(np.int32), np.zeros(places.shape, np.float32))


def _are_apart(file: WorldFile, one: str, other: str) -> bool:
    """Whether two responses may happen without each other."""
    if one not in file.responses or other not in file.responses:
        return False
    return other not in _needs(file, one) and one not in _needs(file, other)


def _needs(file: WorldFile, name: str) -> set[str]:
    """A response, and all that has to happen before it."""
    found = set()
    while name != EXPOSURE:
        found.add(name)
        name = file.responses[name].given
    return found


def _together(one: str, other: str) -> str:
    return f"{one} and {other}"


def _gini(exposed: NDArray[np.float64]) -> float:
    """The Gini coefficient of exposures per item, of those that were exposed at all."""
    ordered = np.sort(exposed[exposed > 0])
    rank = np.arange(1, ordered.size + 1)
    return float((2 * rank - ordered.size - 1) @ ordered / (ordered.size * ordered.sum()))
