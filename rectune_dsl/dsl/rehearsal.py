"""Faults on demand: what the bundled simulator lets go wrong, so that agents and gates can be rehearsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from rectune_dsl.dsl.table import Listed, Table

_Share = Annotated[float, Field(ge=0, lt=1)]
_Times = Annotated[float, Field(ge=1, le=10_000)]


class Bots(Table):
    """Users who are no people: they come every day, look at everything, click it all, and do nothing else."""

    share: _Share
    """Share of all users."""
    times: _Times = 10.0
    """How many slates each goes through in a day, where people have one."""


class Outliers(Table):
    """User-days of which everything is counted several times, as after a replayed log or a device left on."""

    share: _Share
    """Share of all user-days."""
    factor: _Times = 20.0
    """How many times what they brought is counted."""


class Drift(Table):
    """A change of the models: from a day on all heads see log-odds z as intercept + slope * (z - intercept) +
    bias, intercept being the world's for that response."""

    day: Annotated[int, Field(ge=0)]
    """The first day of the new models; day 0 is the first of every simulated campaign."""
    slope: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Below 1 differences shrink, above 1 they grow."""
    bias: Annotated[float, Field(ge=-10, le=10)] = 0.0
    """Added to the log-odds."""


class Faults(Table):
    """What goes wrong in simulated experiments; left out, nothing does."""

    lost_users: _Share = 0.0
    """Share of each treatment's users of whom no data arrive, although they were assigned: a sample-ratio
    mismatch."""
    delays: Mapping[str, Annotated[int, Field(ge=1, le=60)]] = Field(default_factory=dict)
    """Per column: by how many whole days its values come late."""
    missing: Annotated[tuple[str, ...], Listed] = ()
    """Columns that experiments never measure, although the backend says it does."""
    bots: Bots | None = None
    """Users who come daily and click everything without watching."""
    outliers: Outliers | None = None
    """User-days that are counted several times."""
    interference: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of control's user-days that are served by one of the treatments."""
    drift: Drift | None = None
    """A change of the models, from a day on."""
    flaky: _Share = 0.0
    """Chance that a call of the backend fails: before it is done, or after it, with only the answer lost."""
