"""An A/B test in the world: disjoint users per arm, requests of their own, seen day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Arm, Config, Executor, ExperimentSpec, Moments
from rectune_dsl.simulator.assignment import Everyone, assign
from rectune_dsl.simulator.days import CHUNK, Setting
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.moments import DailyMoments
from rectune_dsl.simulator.novelty import strangeness
from rectune_dsl.simulator.responses import draw
from rectune_dsl.simulator.segments import NO_SEGMENTS, SegmentColumns
from rectune_dsl.simulator.shards import Daily, moments_of
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import RETURN, World

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
"""Day 0 of the world, a Monday."""


@dataclass(frozen=True)
class Machine:
    """How the work is done. Results do not depend on it."""

    executor: Executor = field(default_factory=Threads)
    chunk: int = CHUNK


class Experiment:
    """A running experiment. What is observed follows from the spec, the seed and the exposure alone.

    The first look simulates all its days, shard by shard, and keeps each day's moments; looks may come in
    any order. What differs from what `production` shows is new to its users for some days; without one
    nothing is. Raises BackendError when there are too few users.
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
        production: Config | None = None,
    ) -> None:
        self.spec = spec
        self.fraction = fraction
        self._machine = machine or Machine()
        traffic = key_of("experiment", seed, spec.salt)
        self._arms = Daily(
            settings=tuple(
                Setting(
                    world=world,
                    funnel=funnel,
                    config=arm.config,
                    traffic=traffic,
                    first_day=day_number(spec.start),
                    days=spec.days,
                    respond=draw,
                    chunk=self._machine.chunk,
                    segments=segments,
                    strange=strangeness(world, funnel, arm.config, production) if production else 0.0,
                )
                for arm in spec.arms
            ),
            members=assign(spec, world.population, fraction),
        )
        self._columns = (*world.columns, *segments.names)

    def observe(self, as_of: datetime) -> Moments:
        """All whole days until `as_of`, and no more than the exposed ones; with the day after them, their
        returns."""
        over = max(0, (_utc(as_of) - _utc(self.spec.start)) // timedelta(days=1))
        days = min(over, self.spec.days + 1)
        arms = tuple(
            moments.of_arm(arm.name, days) for arm, moments in zip(self.spec.arms, self._moments, strict=True)
        )
        return Moments(as_of, self._columns, arms, missing=_missing(days, self._columns))

    @cached_property
    def _moments(self) -> tuple[DailyMoments, ...]:
        return moments_of(self._arms, self._machine.executor)


def baseline(
    world: World,
    funnel: Funnel,
    production: Arm,
    seed: int,
    users: int,
    days: int,
    segments: SegmentColumns = NO_SEGMENTS,
    executor: Executor | None = None,
) -> Moments:
    """Moments of `users` users who are served `production` for `days` days."""
    start = key_of("baseline", seed) % max(1, world.population - users)
    everyone = Everyone(start, min(start + users, world.population))
    traffic = key_of("baseline", seed)
    setting = Setting(world, funnel, production.config, traffic, 0, days, draw, segments=segments)
    (found,) = moments_of(Daily((setting,), (everyone,)), executor or Threads())
    arm = found.of_arm(production.name, days + 1)
    return Moments(EPOCH + timedelta(days=days + 1), setting.columns, (arm,))


def day_number(time: datetime) -> int:
    """Whole UTC days since EPOCH."""
    return (_utc(time) - EPOCH) // timedelta(days=1)


def _missing(days: int, columns: Sequence[str]) -> dict[str, str]:
    if days == 0:
        return dict.fromkeys(columns, "no day of the experiment is over")
    if days > 1:
        return {}
    returns = [c for c in columns if c.partition("@")[0] == RETURN]
    return dict.fromkeys(returns, "no exposed day has a next day that is over")


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
