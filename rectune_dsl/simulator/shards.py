"""An experiment in pieces: each is lived through in one go, and only its moments are kept.

Work and shards are frozen records that can be pickled, so an executor may send them anywhere. A world and
a funnel travel as what they are made from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.choice import as_decided, compiled
from rectune_dsl.hooks.api import USERS, Executor
from rectune_dsl.hooks.errors import PluginError
from rectune_dsl.simulator.assignment import Members
from rectune_dsl.simulator.counts import NOBODY, Counts
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.moments import DailyMoments, daily_moments, no_moments

BLOCK = 4096
"""Users of a shard, about. A change of it changes last digits of results."""
_HELD_BYTES = 64 << 20
"""Results of shards that are held at a time before they are added up."""

_AT_ONCE = 256
"""Shards whose users are counted by value before they are added up."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shard:
    """The users of the arm number `arm` that have ids from `start` to `stop` - 1."""

    arm: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Arms:
    """Arms of users who live under one setting each. Columns that are `counted` are counted by value, too;
    `unit` is how many neighbouring ids are one unit, None where users are the units. `numba` is who computes:
    decided where the work is made, kept wherever it is done."""

    settings: tuple[Setting, ...]
    members: tuple[Members, ...]
    counted: tuple[str, ...] = ()
    unit: int | None = None
    numba: bool = field(default_factory=compiled)

    @property
    def columns(self) -> tuple[str, ...]:
        return summed_columns(self.settings[0], self.unit)

    @property
    def nobody(self) -> DailyMoments:
        """Moments of no user, in the shape that all have: the exposed days, the one of last returns, and
        those on which late values still come."""
        setting = self.settings[0]
        days = setting.days + 1 + setting.faults.late
        return no_moments(days, len(self.columns), len(self.counted))

    def shards(self) -> list[Shard]:
        """Ranges of ids that have about `BLOCK` users of an arm each, arm after arm."""
        return [
            Shard(arm, start, stop)
            for arm, members in enumerate(self.members)
            for start, stop in _ranges(members, self.unit or 1)
        ]


@dataclass(frozen=True, eq=False)
class Daily(Arms):
    """Work: the moments of a shard's users after each day."""

    def __call__(self, shard: Shard) -> DailyMoments:
        setting = self.settings[shard.arm]
        ids = self.members[shard.arm].within(shard.start, shard.stop)
        counted = [setting.columns.index(column) for column in self.counted]
        with as_decided(self.numba):
            after = setting.faults.recorded(ids, _days(Block(setting, ids), setting.days + 1))
            return daily_moments(ids, after, self.nobody, counted, self.unit)


@dataclass(frozen=True, eq=False)
class Totals(Arms):
    """Work: what a shard's users bring in all, (columns + 1,), the last being how many came."""

    def __call__(self, shard: Shard) -> NDArray[np.float64]:
        setting = self.settings[shard.arm]
        block = Block(setting, self.members[shard.arm].within(shard.start, shard.stop))
        with as_decided(self.numba):
            block.advance(setting.days + 1)
        totals: NDArray[np.float64] = block.columns().sum(axis=1)
        return totals


@dataclass(frozen=True, eq=False)
class Valued(Arms):
    """Work: how many of a shard's users have which value in all, per counted column."""

    def __call__(self, shard: Shard) -> tuple[Counts, ...]:
        setting = self.settings[shard.arm]
        block = Block(setting, self.members[shard.arm].within(shard.start, shard.stop))
        with as_decided(self.numba):
            block.advance(setting.days + 1)
        rows = block.columns()
        return tuple(Counts.of(rows[setting.columns.index(c), rows[-1] > 0]) for c in self.counted)


def summed_columns(setting: Setting, unit: int | None) -> tuple[str, ...]:
    """What is summed: per user or, where units are groups of users, per unit."""
    return setting.columns if unit is None else (*setting.columns, USERS)


def moments_of(arms: Daily, executor: Executor) -> tuple[DailyMoments, ...]:
    """Each arm's moments: its shards', added in the order of their ids."""
    nobody = arms.nobody
    found = [nobody] * len(arms.members)
    held = nobody.sums.nbytes + nobody.products.nbytes
    for shard, moments in _mapped(executor, arms, arms.shards(), max(1, _HELD_BYTES // held)):
        found[shard.arm] += moments
    return tuple(found)


def totals_of(arms: Totals, executor: Executor) -> tuple[NDArray[np.float64], ...]:
    """Each arm's totals: its shards', added in the order of their ids."""
    nothing = np.zeros(len(arms.settings[0].columns) + 1)
    found = [nothing] * len(arms.members)
    for shard, totals in _mapped(executor, arms, arms.shards(), max(1, _HELD_BYTES // nothing.nbytes)):
        found[shard.arm] = found[shard.arm] + totals
    return tuple(found)


def values_of(arms: Valued, executor: Executor) -> tuple[tuple[Counts, ...], ...]:
    """Each arm's users by value, per counted column."""
    found = [(NOBODY,) * len(arms.counted)] * len(arms.members)
    for shard, counts in _mapped(executor, arms, arms.shards(), _AT_ONCE):
        found[shard.arm] = tuple(a + b for a, b in zip(found[shard.arm], counts, strict=True))
    return tuple(found)


def _mapped(
    executor: Executor, work: Callable[[Shard], Result], shards: Sequence[Shard], at_once: int
) -> Iterator[tuple[Shard, Result]]:
    """Each shard with its result, in the shards' order."""
    for at in range(0, len(shards), at_once):
        given = shards[at : at + at_once]
        results = executor.map(work, given)
        if len(results) != len(given):
            raise PluginError(
                f"the executor gave {len(results)} results for {len(given)} shards",
                help="one result per shard is due, in the shards' order",
            )
        yield from zip(given, results, strict=True)


def _days(block: Block, days: int) -> Iterator[NDArray[np.float64]]:
    for day in range(1, days + 1):
        block.advance(day)
        yield block.columns()


def _ranges(members: Members, unit: int) -> Iterator[tuple[int, int]]:
    """Between the ends of `members`, only where a unit ends."""
    first, end = members.bounds
    count = max(1, math.ceil(members.expected / BLOCK))
    cuts = [first + (end - first) * i // count for i in range(count + 1)]
    return pairwise([first, *(cut - cut % unit for cut in cuts[1:-1] if cut - cut % unit > first), end])
