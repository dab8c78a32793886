"""Who takes part in an experiment, in which arm, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from rectune_dsl.hooks.api import USER
from rectune_warehouse.settings import Exposures
from rectune_warehouse.source import Database, Relation
from rectune_warehouse.window import WHOLE, Part, Window


def exposed(
    database: Database,
    exposures: Exposures,
    experiment: str,
    arms: Sequence[str],
    window: Window,
    unit: str,
    part: Part = WHOLE,
) -> Any:
    """One row for each user who was exposed in the window: `user`, `first` (when that was first), `unit`,
    `arm` (its place among `arms`) and `crossed` (1 where the unit was seen in several arms).

    A unit counts in the arm of its first exposure, whatever it saw later: so nothing that an arm does to its
    users decides who is counted. Of exposures at the same moment that in the spec's first arm holds. Rows
    without a user, a time or a unit are left out, and those of arms that the spec does not have.
    """
    table = database.table(exposures, "exposures")
    shown = _shown(table, exposures, experiment, window, unit, part)
    shown = shown.mutate(arm=table.column(exposures.arm, "arm")).filter(ibis._.arm.isin(list(arms)))
    seen = {f"seen{i}": shown.at.min(where=shown.arm == arm) for i, arm in enumerate(arms)}
    users = shown.group_by("user").aggregate(first=shown.at.min(), unit=shown.unit.min(), **seen)
    if unit != USER:
        of_unit = ibis.window(group_by=users.unit)
        together = {name: users[name].min().over(of_unit) for name in seen}
        users = users.mutate(begun=users.first.min().over(of_unit), **together)
    else:
        users = users.mutate(begun=users.first)
    looks = [users[name] for name in seen]
    return users.select("user", "first", "unit", arm=_place(looks, users.begun), crossed=_several(looks))


def production(database: Database, exposures: Exposures, window: Window, unit: str, part: Part) -> Any:
    """The same of users who were in no experiment, all of one arm: they log exposures under a name of their
    own."""
    table = database.table(exposures, "exposures")
    shown = _shown(table, exposures, exposures.production, window, unit, part)
    users = shown.group_by("user").aggregate(first=shown.at.min(), unit=shown.unit.min())
    return users.mutate(arm=ibis.literal(0), crossed=ibis.literal(0))


def comers(seen: Sequence[Any]) -> Any:
    """The same of users with events, each table of which has `user` and `at`."""
    rows = ibis.union(*seen) if len(seen) > 1 else seen[0]
    users = rows.group_by("user").aggregate(first=rows.at.min())
    return users.mutate(unit=users.user, arm=ibis.literal(0), crossed=ibis.literal(0))


def _shown(
    table: Relation, exposures: Exposures, experiment: str, window: Window, unit: str, part: Part
) -> Any:
    """Exposures in the window: `user`, `at` and `unit` are added to the table's columns."""
    user, at = table.column(exposures.user, "user"), table.time(exposures.time, "time")
    group = user if unit == USER else table.column(exposures.units[unit], f"units.{unit}")
    rows = table.rows.mutate(user=user, at=at, unit=group)
    return rows.filter(
        table.column(exposures.experiment, "experiment") == experiment,
        rows.at >= ibis.literal(window.start),
        rows.at < ibis.literal(window.until),
        rows.user.notnull(),
        rows.unit.notnull(),
        part.has(rows.user),
    )


def _place(looks: Sequence[Any], begun: Any) -> Any:
    return ibis.cases(*((look == begun, i) for i, look in enumerate(looks)), else_=len(looks))


def _several(looks: Sequence[Any]) -> Any:
    count = looks[0].notnull().cast("int32")
    for look in looks[1:]:
        count = count + look.notnull().cast("int32")
    return (count > 1).ifelse(1, 0)
