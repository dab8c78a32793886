"""Two clocks: one waits for real days, one lets days pass as fast as they are computed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
"""The first day of every virtual campaign: a Monday."""


class Clock(Protocol):
    def next_start(self, after: datetime | None) -> datetime:
        """The first whole UTC day on which an experiment can start, not before `after`."""
        ...

    def now(self, after: datetime) -> datetime:
        """The present, not before `after`."""
        ...

    def wait_until(self, moment: datetime) -> None: ...


class VirtualClock:
    """For simulators and logs: waiting takes no time, and the same campaign has the same days."""

    def next_start(self, after: datetime | None) -> datetime:
        return EPOCH if after is None else _midnight_from(after)

    def now(self, after: datetime) -> datetime:
        return after

    def wait_until(self, moment: datetime) -> None:
        return None


class SystemClock:
    """For real traffic."""

    def next_start(self, after: datetime | None) -> datetime:
        now = datetime.now(UTC)
        return _midnight_from(now if after is None else max(now, after))

    def now(self, after: datetime) -> datetime:
        return max(datetime.now(UTC), after)

    def wait_until(self, moment: datetime) -> None:
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            time.sleep(min(left, 60.0))


def _midnight_from(moment: datetime) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == moment else day + timedelta(days=1)
