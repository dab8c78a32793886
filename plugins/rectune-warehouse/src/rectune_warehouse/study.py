"""One question to the warehouse: its parts put together, from members and events to users' numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USERS
from rectune_warehouse import values
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Database
from rectune_warehouse.values import Reading
from rectune_warehouse.wanted import Wanted
from rectune_warehouse.window import Part, Window


@dataclass(frozen=True)
class Study:
    """What is asked: of whom, and what."""

    task: Task
    settings: WarehouseSettings
    database: Database
    window: Window
    wanted: Wanted
    readings: Sequence[Reading]
    part: Part

    def users(self, members: Any) -> Any:
        """One row for each of the members: `arm`, `unit`, `crossed`, `counted` (0 for bots), and the wanted
        columns as `x0`, `x1`, ..."""
        rows, brought = members.mutate(bot=ibis.literal(0)), dict[str, str]()
        for number, reading in enumerate(self.readings):
            rows = self._with_events(rows, members, number, reading)
            brought |= {name: f"brought{number}_{i}" for i, name in enumerate(reading.columns)}
        rows = self._with_listed(self._with_segments(rows))
        counted = {
            f"x{i}": self._column(rows, column, brought) for i, column in enumerate(self.wanted.columns)
        }
        return rows.select("arm", "unit", "crossed", counted=self._is_person(rows).ifelse(1, 0), **counted)

    def _with_events(self, rows: Any, members: Any, number: int, reading: Reading) -> Any:
        """With what the users' events in one table bring, 0 for users without."""
        found = values.values_of(self.database, reading, members, self.window, self.part)
        joined = rows.left_join(found, rows.user == found.who)
        added = {
            f"brought{number}_{i}": joined[f"value{i}"].fill_null(0.0) for i in range(len(reading.columns))
        }
        if reading.all_before:
            added[f"events{number}"] = joined.events.fill_null(0)
        return joined.select(*rows.columns, **added)

    def _with_segments(self, rows: Any) -> Any:
        """With the place of each user's segment in the task; the first of them, where a user has several."""
        segments = self.settings.segments
        if segments is None or not self.wanted.has_segments:
            return rows
        table = self.database.table(segments, "segments")
        user, segment = table.column(segments.user, "user"), table.column(segments.segment, "segment")
        if not segment.type().is_string():
            raise table.refused(segments.segment, "segment", f"is {segment.type()}", "the segments' names")
        places = ibis.cases(*((segment == name, i) for i, name in enumerate(self.task.segments)), else_=None)
        known = table.rows.select(member=user, place=places).filter(ibis._.place.notnull())
        first = known.group_by("member").aggregate(place=known.place.min())
        joined = rows.left_join(first, values.same(rows.user, first.member))
        return joined.select(*rows.columns, place=joined.place.fill_null(len(self.task.segments)))

    def _with_listed(self, rows: Any) -> Any:
        """With `bot`, which is 1 for listed users."""
        listed = self.settings.bots.listed
        if listed is None:
            return rows
        table = self.database.table(listed, "bots.listed")
        known = table.rows.select(listed=table.column(listed.user, "user")).distinct()
        joined = rows.drop("bot").left_join(known, values.same(rows.user, known.listed))
        return joined.select(
            *(name for name in rows.columns if name != "bot"), bot=joined.listed.notnull().ifelse(1, 0)
        )

    def _is_person(self, rows: Any) -> Any:
        """Whether a user is no bot: not listed, and with no more events a day than people have, before an
        arm was served."""
        bots = self.settings.bots
        if bots.events_per_day is None:
            return rows.bot == 0
        events = sum((rows[f"events{i}"] for i in range(len(self.readings))), ibis.literal(0))
        return (rows.bot == 0) & (events <= bots.events_per_day * bots.days)

    def _column(self, rows: Any, column: str, brought: dict[str, str]) -> Any:
        name, _, segment = column.partition("@")
        value = ibis.literal(1).cast("float64") if name == USERS else rows[brought[name]]
        if not segment:
            return value
        return (rows.place == list(self.task.segments).index(segment)).ifelse(value, 0.0)
