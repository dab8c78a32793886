"""What `[plugins.warehouse]` may say: where the tables are, and what in them is which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rectune_dsl.hooks.api import Settings

Name = Annotated[str, Field(min_length=1)]
"""The name of a table, or of a column of one."""
Value = str | bool | int | float
Option = str | bool | int | float
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SECRET = re.compile("pass|pwd|token|secret|private|credential|api_?key", re.IGNORECASE)


def _duration(written: object) -> object:
    """`"90s"`, `"30m"`, `"2h"` or `"1d"`."""
    if not isinstance(written, str):
        return written
    found = re.fullmatch(r"\s*(\d+)\s*([smhd])\s*", written)
    if found is None:
        raise ValueError('a time is written as "90s", "30m", "2h" or "1d"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _listed(written: object) -> object:
    return tuple(written) if isinstance(written, list) else written


DUCKDB = "duckdb://"
NO_GUARD = ("sqlite",)
"""Engines that are opened by path and would be opened to write."""
MOST_COLUMNS = 60
"""Each has a bit of a whole number."""
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Place(Settings):
    """A table. `namespace` is its schema, or `["catalog", "schema"]`, where that is not the connection's."""

    table: Name
    namespace: str | Annotated[tuple[str, str], BeforeValidator(_listed)] = ""


class Exposures(Place):
    """One row, or more, for each user of an experiment who was served. Rows of the experiment `production`
    are of users who were in none: baselines are taken from them, and without them from all users with
    events."""

    table: Name = "exposures"
    experiment: Name = "experiment"
    arm: Name = "arm"
    user: Name = "user_id"
    time: Name = "at"
    units: Mapping[str, Name] = Field(default_factory=dict)
    production: str = ""
    ingested: str = ""
    late: Duration = timedelta()


class Events(Settings):
    """A table of events: one row for each. Rows with the same `event_id` are one event. `ingested` is the
    column of when a row was written, and `late` the longest that rows take until they are there."""

    table: str = ""
    namespace: str | Annotated[tuple[str, str], BeforeValidator(_listed)] = ""
    user: Name = "user_id"
    time: Name = "at"
    event_id: str = ""
    ingested: str = ""
    late: Duration = timedelta()

    def place(self, name: str) -> Place:
        return Place(table=self.table or name, namespace=self.namespace)


class Column(Settings):
    """What a metric is computed from: one number per user, out of the events that `where` selects.

    `per = "sum"` adds up `value`, or counts events where there is none; `"any"` is 1 for users with an event
    (whose `value` is not 0), `"max"` their largest value. Users without events have 0. Events count from the
    user's first exposure to the end of the experiment; with `days_after = [1, 2]` from 1 day to 2 days after
    that exposure, with `days_before = 7` in the 7 days before it: a covariate.
    """

    events: str = ""
    value: str = ""
    where: Mapping[str, Value | Annotated[tuple[Value, ...], BeforeValidator(_listed)]] = Field(
        default_factory=dict
    )
    per: Literal["sum", "any", "max"] = "sum"
    days_before: Annotated[int, Field(ge=1)] | None = None
    days_after: Annotated[tuple[int, int], BeforeValidator(_listed)] | None = None

    @field_validator("days_after")
    @classmethod
    def _in_order(cls, days: tuple[int, int] | None) -> tuple[int, int] | None:
        if days is not None and not 0 <= days[0] < days[1]:
            raise ValueError("write the first day and the one after the last, such as [1, 2]")
        return days

    @model_validator(mode="after")
    def _meant(self) -> Column:
        if self.per == "max" and not self.value:
            raise ValueError('per = "max" needs `value`, the column that is compared')
        if self.days_before is not None and self.days_after is not None:
            raise ValueError("a column has days_before or days_after, not both")
        return self


class Segments(Place):
    """A table that tells which users belong to a segment of the task: a row for each user and segment."""

    user: Name = "user_id"
    segment: Name = "segment"


class Listed(Place):
    """A table of users who are bots."""

    user: Name = "user_id"


class Bots(Settings):
    """Who is left out of all arms alike: users that a table lists, and users with more events a day than
    people have, on the `days` before their first exposure. What they do later their arm may have caused."""

    events_per_day: Annotated[float, Field(gt=0)] | None = None
    days: Annotated[int, Field(ge=1)] = 7
    listed: Listed | None = None


class WarehouseSettings(Settings):
    """`[plugins.warehouse]`."""

    url: Name
    """`duckdb://PATH` from the task's folder, `postgres://USER@HOST/DATABASE`, or another URL of Ibis."""
    population: Annotated[int, Field(ge=1)]
    """Units that can be assigned: users, or groups of them where the task randomises those."""
    password_env: str = ""
    """The environment variable with the connection's password."""
    options: Mapping[str, Option] = Field(default_factory=dict)
    """Further options of Ibis' `connect`; nothing secret."""
    exposures: Exposures = Field(default_factory=Exposures)
    events: Annotated[Mapping[str, Events], Field(min_length=1)]
    """Tables of events, by a name of your own; `table` is the table's name where that is another."""
    columns: Annotated[Mapping[str, Column], Field(min_length=1)]
    """What metrics are computed from, by the names that the task's metrics use."""
    segments: Segments | None = None
    bots: Bots = Field(default_factory=Bots)
    crossed_at_most: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The share of units seen in two arms above which nothing is concluded from an experiment."""
    rehearsal: str = ""
    """A Python script beside the task that makes the traffic until a moment, its argument, before that is
    observed. Days then pass as fast as they are computed, and nobody is asked before traffic is used: so it
    needs a DuckDB file, which holds made-up events only."""

    @property
    def virtual_time(self) -> bool:
        """Whether time is that of the events."""
        return bool(self.rehearsal)

    @field_validator("url")
    @classmethod
    def _without_secrets(cls, url: str) -> str:
        found = urlsplit(url)
        if not re.match("[a-z][a-z0-9+.-]*://", url):
            raise ValueError(
                "write it with its engine in small letters and two slashes, such as duckdb://events.duckdb"
            )
        if found.scheme in NO_GUARD:
            raise ValueError(
                f"{found.scheme} files cannot be opened to read only here; use DuckDB, which can attach them"
            )
        if found.password or any(_SECRET.search(key) for key, _ in parse_qsl(found.query)):
            raise ValueError(
                "task files are kept with each run, so no secret may stand there: name the environment "
                "variable with the password as `password_env`"
            )
        return url

    @field_validator("options")
    @classmethod
    def _not_secret(cls, options: Mapping[str, Option]) -> Mapping[str, Option]:
        if any(_SECRET.search(key) for key in options):
            raise ValueError("no secret may stand there: the password goes into an environment variable")
        return options

    @model_validator(mode="after")
    def _whole(self) -> WarehouseSettings:
        if self.exposures.ingested and not self.exposures.production:
            raise ValueError(
                "exposures.ingested: after an experiment nobody is exposed, so its exposures would never be "
                "complete; use `late`, or log users who are in none too, and name that as `production`"
            )
        if self.rehearsal and not self.url.startswith(DUCKDB):
            raise ValueError(f"rehearsal makes up traffic, and needs a file of its own: url = {DUCKDB}FILE")
        if self.rehearsal != PurePath(self.rehearsal).name:
            raise ValueError("rehearsal names a script in the task's own folder, without a path")
        if len(self.columns) > MOST_COLUMNS:
            raise ValueError(f"there are {len(self.columns)} columns; {MOST_COLUMNS} are possible")
        several = len(self.events) > 1
        for name, column in self.columns.items():
            if "@" in name or name == "users":
                raise ValueError(f"columns.{name}: the name has a meaning of its own; use another")
            if column.events and column.events not in self.events:
                raise ValueError(
                    f"columns.{name}.events: there is no table [plugins.warehouse.events.{column.events}]"
                )
            if several and not column.events:
                raise ValueError(f"columns.{name}.events: which of {', '.join(self.events)}?")
        return self

    def events_of(self, column: str) -> str:
        """The name of the table that a column is computed from."""
        return self.columns[column].events or next(iter(self.events))
