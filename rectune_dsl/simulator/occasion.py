"""Where what belongs to requests stands in the world's tables: their pools, tastes and draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.source import Indices
from rectune_dsl.simulator.keyed import hashed, key_of
from rectune_dsl.simulator.population import Users
from rectune_dsl.simulator.world import World

Column = NDArray[np.float32]

_INTEREST_SHARPNESS = np.float32(1.6)
"""How strongly a request's interest follows the user's tastes."""


@dataclass(frozen=True, eq=False)
class Occasion:
    """One request per user on a `day`: `key` keys all that is drawn for it, `pools` (requests,) are the pools
    its candidates come from, `tastes` (requests, topics) the user's."""

    world: World
    users: Users
    day: int
    key: int
    pools: Indices
    tastes: Column

    def keyed(self, what: str) -> int:
        """The key of something that happens once per request."""
        return key_of(self.key, what)

    def starts(self, what: str) -> Indices:
        """Where the numbers of something start in the world's normals, (requests,)."""
        return self.world.normals.starts(self.keyed(what), self.users.ids)


@dataclass(frozen=True)
class _At:
    """Where some candidates stand: flat indices into the pools and into (requests, candidates) arrays."""

    alive: Indices
    pools: Indices
    own: Indices


class Places:
    """Where candidates of requests stand. What was worked out for some is kept until others are asked for."""

    def __init__(self, occasion: Occasion) -> None:
        self._pools = occasion.pools
        self._candidates = occasion.world.candidates
        self._last: _At | None = None

    def pooled(self, table: NDArray[Any], alive: Indices | None) -> NDArray[Any]:
        """The candidates' rows of a table of the pools, (requests, kept); a fresh array."""
        if alive is None:
            return table.reshape(-1, self._candidates)[self._pools]
        return table.take(self._at(alive).pools)

    def own(self, whole: Column, alive: Indices) -> Column:
        """Those that are alive of (requests, candidates)."""
        return whole.reshape(-1).take(self._at(alive).own)

    def _at(self, alive: Indices) -> _At:
        if self._last is None or self._last.alive is not alive:
            first = np.arange(self._pools.size, dtype=np.intp) * self._candidates
            pools = alive + (self._pools * self._candidates)[:, None]
            self._last = _At(alive, pools, alive + first[:, None])
        return self._last


def occasion_of(world: World, users: Users, traffic: int, day: int) -> Occasion:
    """The requests of users on a day of some traffic."""
    key = key_of("requests", world.seed, traffic, day)
    tastes = world.normals.stretch(users.taste, world.topics)
    return Occasion(world, users, day, key, _pools(world, users, key, tastes), tastes)


def _pools(world: World, users: Users, key: int, tastes: Column) -> Indices:
    """The pool of each request: a topic by taste (Gumbel-max), then one of the topic's pools."""
    starts = world.uniforms.starts(key_of(key, "interest"), users.ids)
    unlikely = world.uniforms.stretch(starts, world.topics) + np.float32(1e-9)
    appeal = tastes * _INTEREST_SHARPNESS - np.log(-np.log(unlikely))
    per_topic = world.pools.per_topic
    which = hashed(key_of(key, "pool"), users.ids) % np.uint64(per_topic)
    pools: Indices = appeal.argmax(axis=1) * per_topic + which.astype(np.intp)
    return pools
