"""What stands between agents and traffic: limits, freezes, exclusion layers, ramps."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from rectune_dsl.dsl.table import Fraction, Listed, Table

_Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))]
_Share = Annotated[float, Field(ge=0, le=1)]


class Limits(Table):
    """What no agent can pass. `step` is the largest distance from production, as a share of a param's
    range on its scale."""

    traffic_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The largest share of all users in one experiment."""
    users_per_day: Annotated[int, Field(ge=2)] | None = None
    """Most users of all arms that may be served on one day, control's included; left out, as many as the
    experiments have."""
    arms: Annotated[int, Field(ge=1)] | None = None
    """Most treatments at once; left out, as many as the experiment has."""
    step: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The largest distance of a param from production, as a share of its range on its scale."""


class FreezeWindow(Table):
    """Whole UTC days on which no experiment runs, nothing ramps up and nothing ships."""

    first: _Day
    """The first frozen day."""
    last: _Day
    """The last frozen day."""


class Exclusion(Table):
    """The part of the surface's users that this task may have, so that campaigns at the same time never share
    users."""

    layer: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    """The layer's name: users are placed in [0, 1) by a hash under it."""
    share: Annotated[tuple[_Share, _Share], Listed]
    """From where to where in the layer the task's users are; the second is not in it."""


class Ramp(Table):
    """How an experiment begins: with few of its users, and more only after looks that show no harm."""

    steps: Annotated[tuple[Fraction, ...], Field(min_length=1, max_length=20), Listed]
    """Shares of the experiment's users that are served before all are, rising."""
    days: Annotated[int, Field(ge=1, le=30)] = 1
    """Whole days of each step."""

    @property
    def lasts(self) -> int:
        """Days until all users are served."""
        return len(self.steps) * self.days
