"""Which days count: of exposures, of events, and of what comes late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis

from rectune_dsl.hooks.api import ExperimentSpec

DAY = timedelta(days=1)
_HASHES = 2**64
"""How many hashes there are."""


@dataclass(frozen=True)
class Window:
    """Users count who are first exposed from `start` to before `end`, and nothing counts that happened at
    `as_of` or later. All times are UTC, without a zone, as the tables' are read."""

    start: datetime
    end: datetime
    as_of: datetime

    @property
    def until(self) -> datetime:
        """Before when users come, and events count that have no days of their own."""
        return min(self.end, self.as_of)


def window_of(spec: ExperimentSpec, as_of: datetime, maturing: int) -> Window:
    """The days of an experiment, as they are known at `as_of`.

    Without a ramp it ends as its spec says. A step of a ramp may have been late, and then so is the end. The
    last look is `maturing` days, those of the task's slowest metric, after the end: so whatever lies longer
    back than that was within the experiment. That needs no memory, which a new process would not have.
    """
    start, ends, now = naive(spec.start), naive(spec.ends), naive(as_of)
    end = max(ends, now - maturing * DAY) if spec.ramp.steps else ends
    return Window(start, end, now)


def naive(time: datetime) -> datetime:
    """In UTC, without the zone."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def aware(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


@dataclass(frozen=True)
class Part:
    """The users who are read at a time: part `number` of `of`, by a hash of theirs. What is kept of each
    event until its copies are known has to fit in memory; sums over parts are sums over all."""

    number: int = 0
    of: int = 1

    def has(self, user: Any) -> Any:
        """Whether a column's users are in it."""
        if self.of == 1:
            return user.notnull()
        text = _hash(user if user.type().is_string() else user.cast("string"))
        first, last = ((self.number + i) * _HASHES // self.of - i for i in (0, 1))
        return text.between(ibis.literal(first, "uint64"), ibis.literal(last, "uint64"))


WHOLE = Part()


def _of_text(text: Any) -> Any:
    """DuckDB's own hash."""


_hash: Any = ibis.udf.scalar.builtin(_of_text, name="hash", signature=(("string",), "uint64"))
