"""An A/B test in the world: disjoint users per arm, requests of their own, seen day by day."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Arm, ArmMoments, Config, ExperimentSpec, Moments
from rectune_dsl.simulator.assignment import assign
from rectune_dsl.simulator.days import CHUNK, COLUMNS, Block, Setting
from rectune_dsl.simulator.keyed import Ids, key_of
from rectune_dsl.simulator.moments import BlockMoments, arm_moments, block_moments
from rectune_dsl.simulator.responses import draw
from rectune_dsl.simulator.segments import NO_SEGMENTS, SegmentColumns
from rectune_dsl.simulator.world import World

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
"""Day 0 of the world, a Monday."""
BLOCK = 4096
"""Users whose statistics are summed together. A change of it changes last digits of results."""


@dataclass(frozen=True)
class Machine:
    """How the work is done. Results do not depend on it."""

    threads: int = os.cpu_count() or 1
    chunk: int = CHUNK


class Experiment:
    """A running experiment. What is observed follows from the spec, the seed and the exposure alone.

    Looks may come in any order; a later one goes on from where an earlier one stopped.
    """

    def __init__(
        self,
        world: World,
        funnel: Funnel,
        spec: ExperimentSpec,
        seed: int,
        fraction: float = 1.0,
        machine: Machine | None = None,
        segments: SegmentColumns = NO_SEGMENTS,
    ) -> None:
        self.spec = spec
        self.fraction = fraction
        self._world, self._funnel = world, funnel
        self._traffic = key_of("experiment", seed, spec.salt)
        self._users = tuple(ids[places < fraction] for ids, places in assign(spec, world.population))
        self._machine = machine or Machine()
        self._segments = segments
        self._columns = (*COLUMNS, *segments.names)
        self._blocks: list[list[Block]] | None = None
        self._days = 0
        self._seen: dict[int, tuple[ArmMoments, ...]] = {}

    def observe(self, as_of: datetime) -> Moments:
        """All whole days until `as_of`, and no more than the exposed ones; with the day after them, their
        returns."""
        over = max(0, (_utc(as_of) - _utc(self.spec.start)) // timedelta(days=1))
        days = min(over, self.spec.days + 1)
        if days not in self._seen:
            self._seen[days] = self._simulate(days)
        missing = _missing(days, self._columns)
        return Moments(as_of=as_of, columns=self._columns, arms=self._seen[days], missing=missing)

    def forget(self) -> None:
        """Let go of what the next day would go on from; observed days stay known."""
        self._blocks, self._days = None, 0

    def _simulate(self, days: int) -> tuple[ArmMoments, ...]:
        if self._blocks is None or days < self._days:
            self.forget()
            self._blocks = [
                _blocks(self._setting(arm.config), ids)
                for arm, ids in zip(self.spec.arms, self._users, strict=True)
            ]
        self._days = days
        found = advance(self._blocks, days, self._machine.threads)
        if days > self.spec.days:
            self.forget()
        return tuple(
            arm_moments(arm.name, ids.size, blocks, len(self._columns))
            for arm, ids, blocks in zip(self.spec.arms, self._users, found, strict=True)
        )

    def _setting(self, config: Config) -> Setting:
        return Setting(
            world=self._world,
            funnel=self._funnel,
            config=config,
            traffic=self._traffic,
            first_day=day_number(self.spec.start),
            days=self.spec.days,
            respond=draw,
            chunk=self._machine.chunk,
            segments=self._segments,
        )


def baseline(
    world: World,
    funnel: Funnel,
    production: Arm,
    seed: int,
    users: int,
    days: int,
    segments: SegmentColumns = NO_SEGMENTS,
) -> Moments:
    """Moments of `users` users who are served `production` for `days` days."""
    start = key_of("baseline", seed) % max(1, world.population - users)
    ids = np.arange(start, min(start + users, world.population), dtype=np.int64)
    traffic = key_of("baseline", seed)
    setting = Setting(world, funnel, production.config, traffic, 0, days, draw, segments=segments)
    found = advance([_blocks(setting, ids)], days + 1, Machine().threads)[0]
    arm = arm_moments(production.name, ids.size, found, len(setting.columns))
    return Moments(EPOCH + timedelta(days=days + 1), setting.columns, (arm,))


def advance(arms: Sequence[Sequence[Block]], days: int, threads: int) -> list[list[BlockMoments]]:
    """Bring every block to `days` days; their moments, in the blocks' order."""

    def one(block: Block) -> BlockMoments:
        block.advance(days)
        return block_moments(block.columns())

    with ThreadPoolExecutor(threads) as pool:
        found = iter(list(pool.map(one, [block for blocks in arms for block in blocks])))
    return [[next(found) for _ in blocks] for blocks in arms]


def day_number(time: datetime) -> int:
    """Whole UTC days since EPOCH."""
    return (_utc(time) - EPOCH) // timedelta(days=1)


def _blocks(setting: Setting, ids: Ids) -> list[Block]:
    return [Block(setting, ids[at : at + BLOCK]) for at in range(0, ids.size, BLOCK)]


def _missing(days: int, columns: Sequence[str]) -> dict[str, str]:
    if days == 0:
        return dict.fromkeys(columns, "no day of the experiment is over")
    if days > 1:
        return {}
    returns = [c for c in columns if c.partition("@")[0] == "next_day_return"]
    return dict.fromkeys(returns, "no exposed day has a next day that is over")


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
