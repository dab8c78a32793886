"""An A/B test in the world: disjoint users per arm, requests of their own, seen day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import USER, Arm, BackendError, Config, Executor, ExperimentSpec, Moments
from rectune_dsl.simulator.assignment import Everyone, assign
from rectune_dsl.simulator.days import CHUNK, Setting
from rectune_dsl.simulator.faults.arm import disturbed
from rectune_dsl.simulator.faults.records import delay_of, is_missing
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
UNITS = (USER, "household")
"""What can be randomised."""


@dataclass(frozen=True)
class Machine:
    """How the work is done. Results do not depend on it."""

    executor: Executor = field(default_factory=Threads)
    chunk: int = CHUNK


class Experiment:
    """A running experiment. What is observed follows from the spec, the seed and the exposure alone.

    The first look simulates all its days, shard by shard, and keeps each day's moments; looks may come in
    any order. What differs from what `production` shows is new to its users for some days; without one
    nothing is. `faults` are what goes wrong; users are `counted` by their values of these columns. Raises
    BackendError when there are too few users.
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
        faults: Faults | None = None,
        counted: tuple[str, ...] = (),
    ) -> None:
        self.spec = spec
        self.fraction = fraction
        self._faults = faults
        self._machine = machine or Machine()
        traffic = key_of("experiment", seed, spec.salt)
        settings = [
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
                caps=spec.caps,
            )
            for arm in spec.arms
        ]
        self._arms = Daily(
            settings=disturbed(settings, [arm.name for arm in spec.arms], faults),
            members=assign(spec, world.population, fraction, unit_size(world, spec.unit) or 1),
            counted=counted,
            unit=unit_size(world, spec.unit),
        )
        self._columns = self._arms.columns

    def observe(self, as_of: datetime) -> Moments:
        """All whole days until `as_of`, and no more than the exposed ones; with the day after them, their
        returns; and later what comes late."""
        over = max(0, (_utc(as_of) - _utc(self.spec.start)) // timedelta(days=1))
        days = min(over, self.spec.days + 1 + self._arms.settings[0].faults.late)
        arms = tuple(
            moments.of_arm(arm.name, days, self._arms.counted)
            for arm, moments in zip(self.spec.arms, self._moments, strict=True)
        )
        return Moments(as_of, self._columns, arms, self._complete_until(over), self._missing(over))

    def _complete_until(self, over: int) -> dict[str, datetime]:
        """Of the columns that come late: until when all of it has arrived, with so many days over."""
        delays = {column: delay_of(column, self._faults) for column in self._columns}
        return {
            column: self.spec.start + timedelta(days=max(0, over - delay))
            for column, delay in delays.items()
            if delay
        }

    def _missing(self, over: int) -> dict[str, str]:
        reasons = {column: self._why_missing(column, over) for column in self._columns}
        return {column: why for column, why in reasons.items() if why}

    def _why_missing(self, column: str, over: int) -> str:
        """Empty for what is there."""
        delay = delay_of(column, self._faults)
        if is_missing(column, self._faults):
            return "the simulated platform does not measure it"
        if over == 0:
            return "no day of the experiment is over"
        if over <= delay:
            days = "1 day" if delay == 1 else f"{delay} days"
            return f"it comes {days} late, and none of it has arrived"
        if over - delay == 1 and column.partition("@")[0] == RETURN:
            return "no exposed day has a next day that is over"
        return ""

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
    faults: Faults | None = None,
    counted: tuple[str, ...] = (),
    unit: str = USER,
    caps: Mapping[str, float] | None = None,
) -> Moments:
    """Moments of `users` users who are served `production` for `days` days. What lasts of `faults` is in
    them: bots, outliers and drift; what experiments suffer is not."""
    size = unit_size(world, unit)
    start = key_of("baseline", seed) % max(1, world.population - users)
    start -= start % (size or 1)
    everyone = Everyone(start, min(start + users, world.population))
    traffic = key_of("baseline", seed)
    setting = Setting(
        world, funnel, production.config, traffic, 0, days, draw, segments=segments, caps=caps or {}
    )
    lasting = faults and Faults(bots=faults.bots, outliers=faults.outliers)
    settings = disturbed([setting], [production.name], lasting)
    arms = Daily(settings, (everyone,), counted, size)
    (found,) = moments_of(arms, executor or Threads())
    arm = found.of_arm(production.name, days + 1, counted)
    return Moments(EPOCH + timedelta(days=days + 1), arms.columns, (arm,))


def unit_size(world: World, unit: str) -> int | None:
    """How many neighbouring ids are one unit; None where users are the units. Raises BackendError for a unit
    that the world does not have."""
    if unit not in UNITS:
        raise BackendError(f"the simulator has no unit {unit!r}", help=f"units: {', '.join(UNITS)}")
    return None if unit == USER else world.file.users.household


def day_number(time: datetime) -> int:
    """Whole UTC days since EPOCH."""
    return (_utc(time) - EPOCH) // timedelta(days=1)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
