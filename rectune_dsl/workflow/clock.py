"""Two clocks: one waits for real days, one lets days pass as fast as they are computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from rectune_dsl.hooks.api import Capabilities

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
"""The first day of every virtual campaign: a Monday."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Clock(Protocol):
    def next_start(self, after: datetime | None) -> datetime:
        """The first whole UTC day on which an experiment can start, not before `after`."""
        ...

    def now(self, after: datetime) -> datetime:
        """The present, not before `after`."""
        ...

    def present(self, planned: datetime) -> datetime:
        """The moment at which what was planned for a moment is done."""
        ...

    def left(self, moment: datetime) -> timedelta:
        """The time until `moment`; none where it has come."""
        ...


class VirtualClock:
    """For simulators and logs: waiting takes no time, and the same campaign has the same days."""

    def next_start(self, after: datetime | None) -> datetime:
        return EPOCH if after is None else _midnight_from(after)

    def now(self, after: datetime) -> datetime:
        return after

    def present(self, planned: datetime) -> datetime:
        return planned

    def left(self, moment: datetime) -> timedelta:
        return timedelta()


class SystemClock:
    """For real traffic."""

    def next_start(self, after: datetime | None) -> datetime:
        now = utc_now()
        return _midnight_from(now if after is None else max(now, after))

    def now(self, after: datetime) -> datetime:
        return max(utc_now(), after)

    def present(self, planned: datetime) -> datetime:
        return utc_now()

    def left(self, moment: datetime) -> timedelta:
        return max(moment - utc_now(), timedelta())


def clock_of(capabilities: Capabilities) -> Clock:
    """The one by which a backend's days pass."""
    return VirtualClock() if capabilities.virtual_time else SystemClock()


def _midnight_from(moment: datetime) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == moment else day + timedelta(days=1)
