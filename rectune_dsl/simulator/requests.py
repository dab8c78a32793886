"""Requests of users on a day, as a signal source: heads are made when, and for whom, a stage asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.funnel.source import Indices
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.occasion import Column, Places, occasion_of
from rectune_dsl.simulator.population import Users
from rectune_dsl.simulator.scores import scores_of
from rectune_dsl.simulator.signals import KEYS, LABELS, USER_SIGNALS
from rectune_dsl.simulator.world import World


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
        self._occasion = occasion_of(world, users, traffic, day)
        self._places = Places(self._occasion)
        self._scores = scores_of(self._occasion, self._places)

    def items(self, alive: Indices | None = None) -> NDArray[np.int64]:
        """Item ids, (requests, kept)."""
        return self._pooled(self.world.pools.items, alive)

    def signals(self, stage: str, names: Sequence[str], alive: Indices | None) -> Mapping[str, Column]:
        heads = {name: self.world.heads[name] for name in names if name in self.world.heads}
        said = self._scores.predictions(stage, tuple(heads.values()), alive)
        return {
            name: said[heads[name]] if name in heads else self._other_signal(name, alive) for name in names
        }

    def keys(self, name: str, alive: Indices | None) -> NDArray[np.int32]:
        if name not in KEYS:
            raise UsageError(f"the simulator has no key `{name}`", help=did_you_mean(name, KEYS))
        return self._pooled(getattr(self.world.pools, name), alive).astype(np.int32)

    def labels(self, name: str) -> tuple[str, ...]:
        return LABELS.get(name, ())

    def key(self, what: str) -> int:
        """The key of something else that happens once per request."""
        return self._occasion.keyed(what)

    def size(self, alive: Indices) -> Column:
        """The items' sizes, (requests, kept)."""
        return self._pooled(self.world.pools.size, alive)

    def clickbait(self, alive: Indices) -> Column:
        """(requests, kept)."""
        return self._pooled(self.world.pools.clickbait, alive)

    def logits(self, response: str, alive: Indices | None) -> Column:
        """True log-odds of a response, (requests, kept); a fresh array."""
        return self._scores.log_odds([response], alive)[response]

    def log_odds(self, alive: Indices | None) -> Mapping[str, Column]:
        """True log-odds of every response, (requests, kept) each; fresh arrays."""
        return self._scores.log_odds(tuple(self.world.file.responses), alive)

    def _other_signal(self, name: str, alive: Indices | None) -> Column:
        if name in self.world.item_signals:
            return self._pooled(getattr(self.world.pools, self.world.item_signals[name]), alive)
        if name in USER_SIGNALS:
            user: Column = getattr(self.users, USER_SIGNALS[name])
            return user
        raise UsageError(f"the simulator has no signal `{name}`", help=did_you_mean(name, self.world.signals))

    def _pooled(self, table: NDArray[Any], alive: Indices | None) -> NDArray[Any]:
        return self._places.pooled(table, alive)
