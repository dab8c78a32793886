"""An A/B test in the world: disjoint users per arm, requests of their own, seen day by day."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add

from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import (
    USER,
    Arm,
    ArmMoments,
    BackendError,
    Cohort,
    Executor,
    ExperimentSpec,
    Moments,
    Serving,
)
from rectune_dsl.hooks.serving import cohorts, served
from rectune_dsl.simulator.assignment import Everyone, assign
from rectune_dsl.simulator.days import CHUNK, Setting
from rectune_dsl.simulator.faults.arm import disturbed
from rectune_dsl.simulator.faults.records import delay_of, is_missing
from rectune_dsl.simulator.keyed import key_of
from rectune_dsl.simulator.moments import DailyMoments, no_moments
from rectune_dsl.simulator.novelty import strangeness
from rectune_dsl.simulator.responses import draw
from rectune_dsl.simulator.segments import NO_SEGMENTS, SegmentColumns
from rectune_dsl.simulator.shards import Daily, moments_of, summed_columns
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
    """A running experiment. What is observed follows from the spec, the seed and the exposures alone.

    Users who are exposed the same days are a cohort, and live through all of them at once: a look simulates
    the cohorts that have none of their days simulated yet, shard by shard, and keeps each day's moments. So
    looks may come in any order, and what is exposed later changes nothing of what was observed before. What
    differs from what control shows is new to its users for some days. `faults` are what goes wrong; users are
    `counted` by their values of these columns. Raises
    BackendError when there are too few users.
    """

    def __init__(
        self,
        world: World,
        funnel: Funnel,
        spec: ExperimentSpec,
        seed: int,
        machine: Machine | None = None,
        segments: SegmentColumns = NO_SEGMENTS,
        faults: Faults | None = None,
        counted: tuple[str, ...] = (),
    ) -> None:
        unit = unit_size(world, spec.unit)
        assign(spec, world.population, unit=unit or 1)  # which finds out whether there are enough users
        self.spec = spec
        self._faults = faults
        self._machine = machine or Machine()
        self._world = world
        traffic = key_of("experiment", seed, spec.salt)
        self._settings = [
            Setting(
                world=world,
                funnel=funnel,
                config=arm.config,
                traffic=traffic,
                first_day=day_number(spec.start),
                days=spec.lasts,
                respond=draw,
                chunk=self._machine.chunk,
                segments=segments,
                strange=strange,
                caps=spec.caps,
            )
            for arm, strange in zip(spec.arms, strangeness(world, funnel, spec.arms), strict=True)
        ]
        self._counted, self._unit = counted, unit
        self._servings: tuple[Serving, ...] = ()
        self._found: dict[Cohort, tuple[DailyMoments, ...]] = {}
        self._columns = summed_columns(self._settings[0], unit)

    def with_serving(self, serving: Serving) -> Experiment:
        """The same experiment with one more exposure. Without any it begins with what the spec's ramp begins
        with."""
        changed = copy.copy(self)
        changed._servings = (*self._servings, serving)
        return changed

    def observe(self, as_of: datetime) -> Moments:
        """All whole days until `as_of`, and no more than the exposed ones; with the day after them, their
        returns; and later what comes late."""
        over = max(0, (_utc(as_of) - _utc(self.spec.start)) // timedelta(days=1))
        days = min(over, self.spec.lasts + 1 + self._late)
        arms = tuple(self._of_arm(at, arm.name, days) for at, arm in enumerate(self.spec.arms))
        return Moments(as_of, self._columns, arms, self._complete_until(over), self._missing(over))

    def _of_arm(self, at: int, name: str, days: int) -> ArmMoments:
        """The moments of an arm after some days: those of its cohorts that began before."""
        fractions = served(self.spec.start, self._servings, self.spec.lasts, self.spec.ramp.first)
        parts = [
            self._moments(cohort)[at].after(min(days - cohort.first, cohort.days + 1 + self._late))
            for cohort in cohorts(fractions)
            if cohort.first < max(days, 1)
        ]
        nobody = no_moments(0, len(self._columns), len(self._counted))
        return reduce(add, parts, nobody).of_arm(name, 0, self._counted)

    def _moments(self, cohort: Cohort) -> tuple[DailyMoments, ...]:
        """Each arm's moments of a cohort, by the cohort's own days."""
        if cohort not in self._found:
            self._found[cohort] = moments_of(self._arms(cohort), self._machine.executor)
        return self._found[cohort]

    def _arms(self, cohort: Cohort) -> Daily:
        """The work of simulating a cohort."""
        first, days = cohort.first, cohort.days
        settings = [replace(s, first_day=s.first_day + first, days=days) for s in self._settings]
        return Daily(
            settings=disturbed(settings, [arm.name for arm in self.spec.arms], self._faults),
            members=assign(self.spec, self._world.population, (cohort.low, cohort.high), self._unit or 1),
            counted=self._counted,
            unit=self._unit,
        )

    @property
    def _late(self) -> int:
        """Days after all is over on which values still arrive."""
        return max(self._faults.delays.values(), default=0) if self._faults else 0

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
