"""Until when everything is known, so that what comes late is waited for, and not taken for nothing."""

from __future__ import annotations

from datetime import datetime

import ibis

from rectune_dsl.hooks.api import USERS
from rectune_warehouse.settings import Column, Events, Exposures, WarehouseSettings
from rectune_warehouse.source import Database, Relation
from rectune_warehouse.wanted import Wanted
from rectune_warehouse.window import DAY, Window, aware


def complete_until(
    database: Database, settings: WarehouseSettings, wanted: Wanted, window: Window
) -> dict[str, datetime]:
    """The columns that are not known until `as_of`, and until when they are.

    A column whose days are over is complete once everything of those days is there, and stays so. Which tells
    a metric that has to mature for long enough from one that is stale.
    """
    known = _of_tables(database, settings, wanted, window)
    found = {}
    for column in wanted.columns:
        name = column.partition("@")[0]
        tables = ["exposures"] if name == USERS else ["exposures", f"events.{settings.events_of(name)}"]
        until = min(known[table] for table in tables)
        if until < _last(None if name == USERS else settings.columns[name], window):
            found[column] = aware(max(until, window.start))
    return found


def _of_tables(
    database: Database, settings: WarehouseSettings, wanted: Wanted, window: Window
) -> dict[str, datetime]:
    """By the setting of each table: before when all of its rows are there."""
    exposures = settings.exposures
    found = {"exposures": _known(database.table(exposures, "exposures"), exposures, database, window)}
    for name in dict.fromkeys(settings.events_of(column) for column in wanted.measured):
        events = settings.events[name]
        table = database.table(events.place(name), f"events.{name}")
        found[f"events.{name}"] = _known(table, events, database, window)
    return found


def _known(table: Relation, settings: Events | Exposures, database: Database, window: Window) -> datetime:
    """Before when all rows are there: they are written within `late`, and in the order in which `ingested`
    has it. Where nothing tells when rows were written, the last one may have been at `as_of`."""
    if not settings.ingested:
        return window.as_of - settings.late
    written = table.time(settings.ingested, "ingested")
    rows = table.rows.filter(table.time(settings.time, "time") >= ibis.literal(window.start))
    ((newest,),) = (row.values() for row in database.rows(rows.aggregate(newest=written.max())))
    return window.start if newest is None else newest.replace(tzinfo=None) - settings.late


def _last(column: Column | None, window: Window) -> datetime:
    """Until when anything counts for a column."""
    if column is None or column.days_after is None:
        return window.until
    return min(window.until + column.days_after[1] * DAY, window.as_of)
