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
from rectune_warehouse.window import DAY, Part, Window, as_text


@dataclass(frozen=True)
class Reading:
    """What is read of one table of events: its columns, by their names in the task. How many events a user
    has on the `all_before` days before the first exposure is wanted too, whatever they are, as `events`;
    with 0 it is not."""

    name: str
    events: Events
    columns: Mapping[str, Column]
    all_before: int

    @property
    def without_covariates(self) -> Reading:
        """Of its columns those that are no covariates, and nothing else."""
        own = {name: column for name, column in self.columns.items() if column.days_before is None}
        return Reading(self.name, self.events, own, 0)

    def days(self, window: Window) -> tuple[datetime, datetime]:
        """The time that is read: of what counts for anybody who is exposed in the window."""
        columns = self.columns.values()
        before = max(self.all_before, *(column.days_before or 0 for column in columns), 0)
        ever = window.as_of if any(column.days_after for column in columns) else window.until
        return window.start - before * DAY, ever

    @property
    def numbers(self) -> tuple[str, ...]:
        """The table's columns whose values its columns take."""
        return tuple(dict.fromkeys(c.value for c in self.columns.values() if c.value))

    def relation(self, database: Database) -> Relation:
        return database.table(self.events.place(self.name), f"events.{self.name}")

    def rows(self, database: Database, window: Window) -> int:
        """How many are read."""
        table = self.relation(database)
        inside = _inside(table.time(self.events.time, "time"), self, window)
        counted = table.rows.filter(inside).aggregate(n=ibis._.count())
        ((count,),) = (row.values() for row in database.rows(counted))
        return int(count)

    def newest(self, database: Database) -> datetime | None:
        """When the last event happened; None where there is none."""
        table = self.relation(database)
        at = table.time(self.events.time, "time")
        ((found,),) = (row.values() for row in database.rows(table.rows.aggregate(newest=at.max())))
        return None if found is None else found.replace(tzinfo=None)


def events_of(database: Database, reading: Reading, window: Window, part: Part) -> Any:
    """The events of the window, which some column of the table counts, as `user` and `at`."""
    rows = _rows(reading.relation(database), reading, window, part)
    inside = (rows.at >= ibis.literal(window.start)) & (rows.at < ibis.literal(window.until))
    return rows.filter(inside).select("user", "at")


def values_of(database: Database, reading: Reading, members: Any, window: Window, part: Part) -> Any:
    """One row for each of the members with events: `who`, and a number for each of the columns as `value0`,
    `value1`, ...; `events` where all are counted."""
    rows = _rows(reading.relation(database), reading, window, part)
    if reading.events.event_id:
        rows = _once(rows)
    mine = members.select(who=members.user, first=members.first)
    joined = rows.inner_join(mine, same(rows.user, mine.who))
    found = {f"value{i}": _total(joined, reading, i, window) for i in range(len(reading.columns))}
    if reading.all_before:
        found["events"] = joined.count(where=_counts(joined, Column(days_before=reading.all_before), window))
    return joined.group_by("who").aggregate(**found)


def same(one: Any, other: Any) -> Any:
    """Whether two columns have the same user. A database may keep numbers here and text there."""
    if one.type().is_string() == other.type().is_string():
        return one == other
    return as_text(one) == as_text(other)


def _rows(table: Relation, reading: Reading, window: Window, part: Part) -> Any:
    """Events of the days that are read, as `user`, `at`, `event` (their id, where they have one), `number0`,
    ... (the values that columns take) and `counts`: a bit for each of the columns, which tells whether it
    counts the event. Those that none counts are left out, unless all are counted.

    So few numbers are kept of an event, as many as there may be of them at a time.
    """
    events, columns = reading.events, reading.columns
    user, at = table.column(events.user, "user"), table.time(events.time, "time")
    bits = [_selected(table, name, c).ifelse(2**i, 0) for i, (name, c) in enumerate(columns.items())]
    named = {"event": table.column(events.event_id, "event_id")} if events.event_id else {}
    takers = {name: table.of(f"columns.{_taker(columns, name)}") for name in reading.numbers}
    rows = table.rows.filter(user.notnull(), _inside(at, reading, window), part.has(user)).select(
        user=user,
        at=at,
        counts=reduce(or_, bits, ibis.literal(0, "int64")).cast("int16" if len(bits) < 15 else "int64"),
        **{name: part.short(_own_id(id)) for name, id in named.items()},
        **{f"number{i}": taker.number(name, "value") for i, (name, taker) in enumerate(takers.items())},
    )
    return rows if reading.all_before else rows.filter(rows.counts != 0)


def _inside(at: Any, reading: Reading, window: Window) -> Any:
    begin, end = map(ibis.literal, reading.days(window))
    return (at >= begin) & (at < end)


def _own_id(event: Any) -> Any:
    """Ids of events, those without one being given one of their own. Put that way, and not as two kinds of
    rows that are put together, the events need not all be kept before they are counted."""
    return as_text(event).coalesce(ibis.uuid().cast("string"))


def _once(rows: Any) -> Any:
    """Rows with the same user and event id are one event, of which the earliest time and the largest values
    count."""
    largest = {name: rows[name].max() for name in rows.columns if name not in ("user", "event", "at")}
    return rows.group_by("user", "event").aggregate(at=rows.at.min(), **largest)


def _taker(columns: Mapping[str, Column], value: str) -> str:
    """The first column that takes a value: the one that errors name."""
    return next(name for name, column in columns.items() if column.value == value)


def _selected(table: Relation, name: str, column: Column) -> Any:
    """Whether an event is one that a column counts."""
    setting = table.of(f"columns.{name}")
    tests = [_equals(setting, key, wanted) for key, wanted in column.where.items()]
    return reduce(and_, tests) if tests else ibis.literal(True)


def _equals(table: Relation, key: str, wanted: object) -> Any:
    found = table.column(key, "where")
    kind = found.type()
    fits = {str: kind.is_string(), bool: kind.is_boolean(), int: kind.is_numeric(), float: kind.is_numeric()}
    values = list(wanted) if isinstance(wanted, tuple) else [wanted]
    for value in values:
        if not fits[type(value)]:
            raise table.refused(key, "where", f"is {kind}, and never {value!r}", "values of its own kind")
    return found.isin(values)


def _counts(joined: Any, column: Column, window: Window) -> Any:
    """Whether an event lies on the days that a column counts for its user."""
    if column.days_before is not None:
        begin = joined.first - ibis.interval(days=column.days_before)
        return (joined.at >= begin) & (joined.at < joined.first)
    if column.days_after is None:
        return (joined.at >= joined.first) & (joined.at < ibis.literal(window.until))
    begin, end = (joined.first + ibis.interval(days=days) for days in column.days_after)
    return (joined.at >= begin) & (joined.at < end)


def _total(joined: Any, reading: Reading, place: int, window: Window) -> Any:
    """What the events of a user bring to the column at a place."""
    column = list(reading.columns.values())[place]
    counts = ((joined.counts & 2**place) != 0) & _counts(joined, column, window)
    if not column.value:
        total = joined.count(where=counts).cast("float64")
        return total if column.per == "sum" else (total > 0).ifelse(1, 0).cast("float64")
    brought = joined[f"number{reading.numbers.index(column.value)}"]
    if column.per == "any":
        return (joined.count(where=counts & (brought != 0)) > 0).ifelse(1, 0).cast("float64")
    return brought.sum(where=counts) if column.per == "sum" else brought.max(where=counts)
