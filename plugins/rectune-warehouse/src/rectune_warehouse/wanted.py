"""Which columns a task needs, and which tables have to be read for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USERS
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.values import Reading


@dataclass(frozen=True)
class Wanted:
    """The columns of an observation, `NAME` or `NAME@SEGMENT`, where NAME may be `users`; and `missing`: what
    the task needs and the settings do not have, with the reason."""

    columns: tuple[str, ...]
    missing: dict[str, str]

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns of the settings that they are made from."""
        names = (column.partition("@")[0] for column in self.columns)
        return tuple(dict.fromkeys(name for name in names if name != USERS))

    @property
    def has_segments(self) -> bool:
        return any("@" in column for column in self.columns)


def wanted_of(task: Task, settings: WarehouseSettings, *, counts_users: bool) -> Wanted:
    """What the task's metrics are computed from; and `users`, where units are groups of them."""
    needed = [c for name, metric in task.judged.items() for c in metric.columns(name)]
    needed += [USERS] if counts_users else []
    missing = {c: why for c in dict.fromkeys(needed) if (why := _why_missing(c, settings))}
    return Wanted(tuple(c for c in dict.fromkeys(needed) if c not in missing), missing)


def readings(settings: WarehouseSettings, columns: Sequence[str]) -> list[Reading]:
    """Each table that these columns of the settings come from; all tables, where bots are told by how many
    events they have."""
    days = settings.bots.days if settings.bots.events_per_day is not None else 0
    found = []
    for name, events in settings.events.items():
        own = {c: settings.columns[c] for c in columns if settings.events_of(c) == name}
        if own or days:
            found.append(Reading(name, events, own, days))
    return found


def _why_missing(column: str, settings: WarehouseSettings) -> str:
    """Empty for what there is."""
    name, _, segment = column.partition("@")
    if name != USERS and name not in settings.columns:
        return f"there is no [plugins.warehouse.columns.{name}]"
    if segment and settings.segments is None:
        return "there is no [plugins.warehouse.segments], which tells who belongs to a segment"
    return ""
