"""Requests of users on a day, as a signal source: heads are made when, and for whom, a stage asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.funnel.source import Indices
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.heads import model_of, sigmoid
from rectune_dsl.simulator.keyed import hashed, key_of
from rectune_dsl.simulator.population import Users
from rectune_dsl.simulator.world import KEYS, LABELS, USER_SIGNALS, World

Column = NDArray[np.float32]

CHEMISTRIES = ("attraction", "satisfaction")
"""What is particular to user and item, each standard normal."""
_INTEREST_SHARPNESS = np.float32(1.6)
"""How strongly a request's interest follows the user's tastes."""


@dataclass(frozen=True)
class _At:
    """Where some candidates stand: flat indices into the pools and into (requests, candidates) arrays."""

    alive: Indices
    pools: Indices
    own: Indices


class Requests:
    """One request per user, keyed by (world, traffic, user, day); a `funnel.source.SignalSource`.

    `traffic` keys what belongs to the occasion (interest, pool, noise); the same traffic, user and day
    give the same candidates and heads whatever else is asked for, in any order.
    """

    valid = None

    def __init__(self, world: World, users: Users, traffic: int, day: int) -> None:
        self.requests = len(users)
        self.candidates = world.candidates
        self.users = users
        self.world = world
        self._day = day
        self._key = key_of("requests", world.seed, traffic, day)
        normals = world.normals
        self._tastes = normals.stretch(users.taste, world.topics)  # (requests, topics)
        self._draws = {draw: normals.starts(self.key(draw), users.ids) for draw in CHEMISTRIES}
        self._pools = self._choose_pools()
        self._last: _At | None = None
        self._whole: dict[str, Column] = {}

    def items(self, alive: Indices | None = None) -> NDArray[np.int64]:
        """Item ids, (requests, kept)."""
        return self._pooled(self.world.pools.items, alive)

    def signals(self, stage: str, names: Sequence[str], alive: Indices | None) -> Mapping[str, Column]:
        return {name: self._signal(stage, name, alive) for name in names}

    def keys(self, name: str, alive: Indices | None) -> NDArray[np.int32]:
        if name not in KEYS:
            raise UsageError(f"the simulator has no key `{name}`", help=did_you_mean(name, KEYS))
        return self._pooled(getattr(self.world.pools, name), alive).astype(np.int32)

    def labels(self, name: str) -> tuple[str, ...]:
        return LABELS.get(name, ())

    def key(self, what: str) -> int:
        """The key of something else that happens once per request."""
        return key_of(self._key, what)

    def size(self, alive: Indices) -> Column:
        """The items' sizes, (requests, kept)."""
        return self._pooled(self.world.pools.size, alive)

    def clickbait(self, alive: Indices) -> Column:
        """(requests, kept)."""
        return self._pooled(self.world.pools.clickbait, alive)

    def logits(self, response: str, alive: Indices | None) -> Column:
        """True log-odds of a response, (requests, kept); a fresh array."""
        if alive is None:
            return self._everywhere(response, lambda: self._logits(response, None)).copy()
        if response in self._whole:
            return self._whole[response].reshape(-1).take(self._at(alive).own)
        return self._logits(response, alive)

    def _signal(self, stage: str, name: str, alive: Indices | None) -> Column:
        if name in self.world.heads:
            return self._prediction(stage, self.world.heads[name], alive)
        if name in self.world.item_signals:
            return self._pooled(getattr(self.world.pools, self.world.item_signals[name]), alive)
        if name in USER_SIGNALS:
            user: Column = getattr(self.users, USER_SIGNALS[name])
            return user
        raise UsageError(f"the simulator has no signal `{name}`", help=did_you_mean(name, self.world.signals))

    def _prediction(self, stage: str, response: str, alive: Indices | None) -> Column:
        seen = self.world.views(stage, self._day)[response]
        intercept = self.world.file.responses[response].intercept
        starts = self.world.normals.starts(self.key(f"{model_of(stage)}/{response}"), self.users.ids)
        noise = self._stretch(starts, alive)
        noise *= np.float32(seen.noise)
        logits = self.logits(response, alive)
        logits *= np.float32(seen.slope)
        logits += np.float32((1 - seen.slope) * intercept + seen.bias)
        logits += noise
        return sigmoid(logits)

    def _logits(self, response: str, alive: Indices | None) -> Column:
        of = self.world.weights[response]
        logits = self._pooled(self.world.pools.logits[response], alive)
        for chemistry in CHEMISTRIES:
            if weight := getattr(of, chemistry):
                logits += self._stretch(self._draws[chemistry], alive) * weight
        logits += self._taste(alive) * of.taste
        if response in self.users.prone:
            logits += self.users.prone[response][:, None]
        return logits

    def _taste(self, alive: Indices | None) -> Column:
        """The user's taste for each candidate's topic, (requests, kept)."""
        if alive is None:
            return self._everywhere("taste", lambda: self._taste_at(None))
        if "taste" in self._whole:
            return self._whole["taste"].reshape(-1).take(self._at(alive).own)
        return self._taste_at(alive)

    def _taste_at(self, alive: Indices | None) -> Column:
        places = self._pooled(self.world.pools.topic, alive)
        places += (np.arange(self.requests, dtype=np.intp) * self.world.topics)[:, None]
        return self._tastes.reshape(-1).take(places)

    def _everywhere(self, what: str, make: Callable[[], Column]) -> Column:
        """What was made for all candidates, kept for the stages to come."""
        if what not in self._whole:
            self._whole[what] = make()
        return self._whole[what]

    def _stretch(self, starts: NDArray[np.intp], alive: Indices | None) -> Column:
        """The candidates' numbers in each request's stretch of the normals, (requests, kept)."""
        if alive is None:
            return self.world.normals.stretch(starts, self.candidates)
        return self.world.normals.table.take(alive + starts[:, None])

    def _pooled(self, table: NDArray[Any], alive: Indices | None) -> NDArray[Any]:
        """The candidates' rows of a table of the pools, (requests, kept); a fresh array."""
        if alive is None:
            return table.reshape(-1, self.candidates)[self._pools]
        return table.take(self._at(alive).pools)

    def _at(self, alive: Indices) -> _At:
        if self._last is None or self._last.alive is not alive:
            first = np.arange(self.requests, dtype=np.intp) * self.candidates
            pools = alive + (self._pools * self.candidates)[:, None]
            self._last = _At(alive, pools, alive + first[:, None])
        return self._last

    def _choose_pools(self) -> NDArray[np.intp]:
        """The pool of each request: a topic by taste (Gumbel-max), then one of the topic's pools."""
        ids = self.users.ids
        starts = self.world.uniforms.starts(self.key("interest"), ids)
        unlikely = self.world.uniforms.stretch(starts, self.world.topics) + np.float32(1e-9)
        appeal = self._tastes * _INTEREST_SHARPNESS - np.log(-np.log(unlikely))
        per_topic = self.world.pools.per_topic
        which = hashed(self.key("pool"), ids) % np.uint64(per_topic)
        pools: NDArray[np.intp] = appeal.argmax(axis=1) * per_topic + which.astype(np.intp)
        return pools
