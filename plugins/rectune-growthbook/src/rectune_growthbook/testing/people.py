"""Users of a product that asks a feature what to serve: who comes when, what each is served, and does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from rectune_growthbook.testing.hashing import Floats, Ints, Places, variations

CLOCK = "now"
"""The attribute in which the product tells the time."""
_DAY = 86_400.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Definition = Mapping[str, Any]
"""A feature as SDKs load it."""


class Product(Protocol):
    """What users do. `columns` are what is recorded of a visit."""

    columns: Sequence[str]

    def visits(self, config: Mapping[str, float], users: Ints, chance: Floats) -> Mapping[str, Floats]:
        """What each of some users does on a visit under a config. `chance` are numbers from 0 to 1 of each
        visit, (users, 8); the same visit has the same ones under any config."""
        ...


@dataclass
class Exposures:
    """Of one experiment: when each user was first served it, and in which variation; `crossed` is when he was
    first served another one. Infinity for never."""

    first: Floats
    variation: Ints
    crossed: Floats


@dataclass(frozen=True)
class Visits:
    """Visits of a stretch of time."""

    times: Floats
    users: Ints
    values: Mapping[str, Floats]


@dataclass
class People:
    """`count` users, of whom each comes on a day with a chance of `daily`, once. `definition` is asked for
    what is loaded at a moment."""

    count: int
    product: Product
    seed: int = 1
    daily: float = 0.8
    visits: list[Visits] = field(default_factory=list)
    exposures: dict[str, Exposures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = [f"user-{number}" for number in range(self.count)]
        self.places = Places(self.ids)

    def come(self, since: datetime, until: datetime, definition: Callable[[], Definition]) -> None:
        """Everybody who comes from one moment to before another."""
        start, stop = seconds(since), seconds(until)
        loaded = definition()
        for day in range(int(start // _DAY), int(np.ceil(stop / _DAY))):
            chance = np.random.default_rng([self.seed, day]).random((self.count, 10))
            times = day * _DAY + chance[:, 9] * _DAY
            there = np.flatnonzero((chance[:, 8] < self.daily) & (times >= start) & (times < stop))
            if there.size:
                self._come(there, times[there], chance[there, :8], loaded)

    def arms(self, definition: Definition, key: str, moment: datetime) -> dict[str, tuple[int, Any]]:
        """Users whom an experiment serves at a moment: id -> the variation and its value."""
        users = np.arange(self.count)
        found: dict[str, tuple[int, Any]] = {}
        for rule, taken, numbers in self._served(definition, users, np.full(self.count, seconds(moment))):
            if rule.get("key") == key:
                values = rule["variations"]
                found = {self.ids[u]: (int(v), values[v]) for u, v in zip(taken, numbers, strict=True)}
        return found

    def _come(self, users: Ints, times: Floats, chance: Floats, definition: Definition) -> None:
        at = np.full(self.count, -1)
        at[users] = np.arange(users.size)
        values = {column: np.zeros(users.size) for column in self.product.columns}
        for rule, taken, numbers in self._served(definition, users, times):
            rows = at[taken]
            if "key" in rule:
                self._expose(rule["key"], taken, numbers, times[rows])
            for number in np.unique(numbers):
                chosen = rows[numbers == number]
                done = self.product.visits(rule["variations"][number], users[chosen], chance[chosen])
                for column in values:
                    values[column][chosen] = done[column]
        self.visits.append(Visits(times, users, values))

    def _served(
        self, definition: Definition, users: Ints, times: Floats
    ) -> list[tuple[Mapping[str, Any], Ints, Ints]]:
        """Which rule serves whom: the rule, its users and their variations. The last is the default."""
        found, left = [], np.ones(users.size, dtype=bool)
        for rule in definition.get("rules", []):
            numbers = variations(rule, self.places, users, np.floor(times), CLOCK)
            numbers[~left] = -1
            taken = numbers >= 0
            found.append((rule, users[taken], numbers[taken]))
            left &= ~taken
        default = {"variations": [definition["defaultValue"]]}
        return [*found, (default, users[left], np.zeros(int(left.sum()), dtype=np.int64))]

    def _expose(self, key: str, users: Ints, numbers: Ints, times: Floats) -> None:
        never = np.full(self.count, np.inf)
        known = self.exposures.setdefault(key, Exposures(never.copy(), np.full(self.count, -1), never.copy()))
        new = np.isinf(known.first[users])
        known.first[users[new]], known.variation[users[new]] = times[new], numbers[new]
        other = known.variation[users] != numbers
        known.crossed[users[other]] = np.minimum(known.crossed[users[other]], times[other])


def seconds(moment: datetime) -> float:
    """Since 1970."""
    return (moment - _EPOCH) / timedelta(seconds=1)
