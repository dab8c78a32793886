"""Which users an experiment may have, and which of them it serves when: slots, ramps, exposures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slot:
    """A part of a surface's users: those whose hash under the layer's name lies in [low, high)."""

    layer: str
    low: float
    high: float

    @property
    def share(self) -> float:
        """Of all users."""
        return self.high - self.low

    def meets(self, other: Slot) -> bool:
        """Whether some users are in both: hashes of different layers are independent."""
        return self.layer != other.layer or max(self.low, other.low) < min(self.high, other.high)


@dataclass(frozen=True)
class Ramp:
    """Fractions of an experiment's users who are served before all are: rising, each for `days` whole days at
    least. Without steps all are served from the start."""

    steps: tuple[float, ...] = ()
    days: int = 1

    @property
    def lasts(self) -> int:
        """Days until all are served."""
        return len(self.steps) * self.days

    @property
    def first(self) -> float:
        """What an experiment begins with."""
        return self.steps[0] if self.steps else 1.0

    def above(self, fraction: float) -> float:
        """The next step; 1 above the last."""
        return next((step for step in self.steps if step > fraction), 1.0)

    def planned(self, days: int) -> tuple[float, ...]:
        """The fraction served on each day of the ramp, and of the `days` that follow."""
        return (*(step for step in self.steps for _ in range(self.days)), *(1.0 for _ in range(days)))


NO_RAMP = Ramp()


@dataclass(frozen=True)
class Serving:
    """From a moment on the first `fraction` of each arm's users are served."""

    since: datetime
    fraction: float


@dataclass(frozen=True)
class Cohort:
    """Users who are served the same days: those with a place from `low` to `high` among their arm's users, on
    `days` days, of which the first is day `first` of the experiment, counted from 0."""

    low: float
    high: float
    first: int
    days: int


def ends(start: datetime, ramp: Ramp, servings: Iterable[Serving], days: int) -> datetime | None:
    """When all users will have been served for the `days` of an experiment, given what was set so far, in the
    order of time.

    Without a ramp these days are the planned ones, whatever is set. With one they begin when all are served,
    and begin anew when all are served again after fewer were. While fewer are, nobody knows: None.
    """
    if not ramp.steps:
        return start + days * DAY
    full: datetime | None = None
    for serving in servings:
        if serving.fraction < 1:
            full = None
        elif full is None:
            full = serving.since
    return None if full is None else max(full, start) + days * DAY


def served(start: datetime, servings: Iterable[Serving], days: int, first: float) -> tuple[float, ...]:
    """The fraction on each of `days` whole days from `start`: `first`, and what was set since. What was set
    within a day holds from the next one; of several for a day the last holds."""
    changes = {max(0, -((start - serving.since) // DAY)): serving.fraction for serving in servings}
    fractions, current = [], first
    for day in range(days):
        current = changes.get(day, current)
        fractions.append(current)
    return tuple(fractions)


def cohorts(fractions: Sequence[float]) -> tuple[Cohort, ...]:
    """Who is served when, given the fraction of each day; in the order of their places. Whom a lower fraction
    leaves out does not come back."""
    found = []
    for low, high in pairwise(sorted({0.0, *fractions})):
        first = next(day for day, fraction in enumerate(fractions) if fraction >= high)
        out = (day for day, fraction in enumerate(fractions) if day > first and fraction < high)
        found.append(Cohort(low, high, first, next(out, len(fractions)) - first))
    return tuple(found)
