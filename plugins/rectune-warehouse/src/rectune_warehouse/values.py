"""What users did: one number per user and column, out of the events that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis

from rectune_warehouse.settings import Column, Events
from rectune_warehouse.source import Database, Relation
from rectune_warehouse.window import DAY, Window


@dataclass(frozen=True)
class Reading:
    """What is read of one table of events: its columns, by their names in the task. `counts_all`: how many
    events a user has is wanted too, whatever they are, as `events`."""

    name: str
    events: Events
    columns: Mapping[str, Column]
    counts_all: bool

    @property
    def counted(self) -> Mapping[str, Column]:
        """The columns that are no covariates."""
        return {name: column for name, column in self.columns.items() if column.days_before is None}

    def relation(self, database: Database) -> Relation:
        place = self.events.place(self.name)
        return database.table(place, f"events.{self.name}")


def comers_of(database: Database, reading: Reading, window: Window) -> Any:
    """The events of the window that some column of the table counts, as `user` and `at`: those of covariates
    apart."""
    rows = _rows(reading.relation(database), reading, window, reading.counted)
    return rows.filter(rows.at >= ibis.literal(window.start), rows.at < ibis.literal(window.until)).select(
        "user", "at"
    )


def newest(database: Database, reading: Reading) -> datetime | None:
    """When the last event of a table happened; None where it has none."""
    table = reading.relation(database)
    at = table.time(reading.events.time, "time")
    ((found,),) = (row.values() for row in database.rows(table.rows.aggregate(newest=at.max())))
    return None if found is None else found.replace(tzinfo=None)


def users_of(database: Database, reading: Reading, days: int) -> int:
    """About how many users had events that some column of the table counts, in its last days."""
    last = newest(database, reading)
    if last is None or not reading.counted:
        return 0
    window = Window(last - days * DAY, last + DAY, last + DAY)
    seen = comers_of(database, reading, window)
    ((found,),) = (row.values() for row in database.rows(seen.aggregate(users=seen.user.approx_nunique())))
    return int(found)


def values_of(database: Database, reading: Reading, members: Any, window: Window) -> Any:
    """One row for each of the members with events: `who`, and a number for each of the columns as `value0`,
    `value1`, ...; `events` where all are counted."""
    table = reading.relation(database)
    rows = _rows(table, reading, window, {} if reading.counts_all else reading.columns)
    if reading.events.event_id:
        rows = _once(rows, len(reading.columns))
    mine = members.select(who=members.user, first=members.first)
    joined = rows.inner_join(mine, same(rows.user, mine.who))
    found = {
        f"value{i}": _total(joined, joined[f"value{i}"], column, window)
        for i, column in enumerate(reading.columns.values())
    }
    if reading.counts_all:
        found["events"] = joined.count(where=_counts(joined, Column(), window))
    return joined.group_by("who").aggregate(**found)


def _rows(table: Relation, reading: Reading, window: Window, only: Mapping[str, Column]) -> Any:
    """Events as `user`, `at`, `event` (their id, where they have one), and of each column the `value0`, ... that
    the event brings: NULL where it does not count. Where there are `only` some columns, no other events."""
    events = reading.events
    at = table.time(events.time, "time")
    chosen = {f"value{i}": _value(table, name, c) for i, (name, c) in enumerate(reading.columns.items())}
    rows = table.rows.select(
        user=table.column(events.user, "user"),
        at=at,
        event=table.column(events.event_id, "event_id") if events.event_id else ibis.null("string"),
        **chosen,
        **({"wanted": reduce(or_, (_selected(table, n, c) for n, c in only.items()))} if only else {}),
    )
    before = max((column.days_before or 0 for column in reading.columns.values()), default=0)
    ever = window.as_of if any(c.days_after for c in reading.columns.values()) else window.until
    kept = [
        rows.user.notnull(),
        rows.at >= ibis.literal(window.start - before * DAY),
        rows.at < ibis.literal(ever),
    ]
    return rows.filter(*kept, *([rows.wanted] if only else []))


def _once(rows: Any, columns: int) -> Any:
    """Rows with the same user and event id are one event, of which the earliest time and the largest values
    count. Those without an id are events of their own."""
    values = {f"value{i}": rows[f"value{i}"].max() for i in range(columns)}
    known = rows.filter(rows.event.notnull())
    single = known.group_by("user", "event").aggregate(at=known.at.min(), **values)
    names = ["user", "at", *values]
    return single.select(names).union(rows.filter(rows.event.isnull()).select(names))


def _selected(table: Relation, name: str, column: Column) -> Any:
    """Whether an event is one that a column counts."""
    setting = f"columns.{name}"
    tests = [_equals(table, key, wanted, setting) for key, wanted in column.where.items()]
    return reduce(and_, tests) if tests else ibis.literal(True)


def _equals(table: Relation, key: str, wanted: object, setting: str) -> Any:
    found = table.of(setting).column(key, "where")
    values = list(wanted) if isinstance(wanted, tuple) else [wanted]
    kind = found.type()
    for value in values:
        fits = {
            bool: kind.is_boolean(),
            str: kind.is_string(),
            int: kind.is_numeric(),
            float: kind.is_numeric(),
        }
        if not fits[type(value)]:
            raise table.of(setting).refused(
                key, "where", f"is {kind}, so it is never {value!r}", "values it has"
            )
    return found.isin(values)


def _value(table: Relation, name: str, column: Column) -> Any:
    """What an event brings to a column."""
    brought = table.of(f"columns.{name}").number(column.value, "value") if column.value else ibis.literal(1.0)
    if column.per == "any":
        brought = (brought != 0).ifelse(1.0, 0.0)
    return _selected(table, name, column).ifelse(brought, ibis.null("float64"))


def _counts(joined: Any, column: Column, window: Window) -> Any:
    """Whether an event lies on the days that a column counts for its user."""
    if column.days_before is not None:
        return (joined.at >= joined.first - ibis.interval(days=column.days_before)) & (
            joined.at < joined.first
        )
    if column.days_after is None:
        return (joined.at >= joined.first) & (joined.at < ibis.literal(window.until))
    begin, end = (joined.first + ibis.interval(days=days) for days in column.days_after)
    return (joined.at >= begin) & (joined.at < end)


def _total(joined: Any, brought: Any, column: Column, window: Window) -> Any:
    counts = _counts(joined, column, window)
    return brought.sum(where=counts) if column.per == "sum" else brought.max(where=counts)


def same(one: Any, other: Any) -> Any:
    """Whether two columns have the same user. A database may keep numbers here and text there."""
    return (
        one == other if one.type().is_string() == other.type().is_string() else as_text(one) == as_text(other)
    )


def as_text(column: Any) -> Any:
    return column if column.type().is_string() else column.cast("string")
