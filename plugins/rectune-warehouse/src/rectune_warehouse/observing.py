"""What is observed: moments per arm of an experiment, or of production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import USER, ArmMoments, BackendError, ExperimentSpec, Moments
from rectune_warehouse import members, moments, values
from rectune_warehouse.freshness import complete_until
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Database
from rectune_warehouse.study import Study
from rectune_warehouse.values import Reading
from rectune_warehouse.wanted import Wanted, readings, wanted_of
from rectune_warehouse.window import DAY, Window, aware, naive, window_of


def observed(
    task: Task,
    settings: WarehouseSettings,
    database: Database,
    experiment: str,
    spec: ExperimentSpec,
    as_of: datetime,
) -> Moments:
    """An experiment as the tables have it: one query for all arms, and one for each column with quantiles."""
    window = window_of(spec, as_of, maturing(task))
    wanted = wanted_of(task, settings, counts_users=spec.unit != USER)
    study = Study(task, settings, database, window, wanted, readings(settings, wanted.measured))
    arms = [arm.name for arm in spec.arms]
    users = study.users(members.exposed(database, settings.exposures, experiment, arms, window, spec.unit))
    ordered = [column for column in task.quantiles if column in wanted.columns]
    found, crossed = _summed(database, users, wanted, spec.caps, spec.unit, arms)
    counts = moments.histograms(database, users, wanted.columns, spec.caps, ordered)
    return Moments(
        as_of=as_of,
        columns=wanted.columns,
        arms=tuple(replace(arm, histograms=counts.get(i, {})) for i, arm in enumerate(found)),
        complete_until=complete_until(database, settings, wanted, window),
        missing={**wanted.missing, **_mixed(crossed, found, wanted, settings)},
    )


def produced(task: Task, settings: WarehouseSettings, database: Database, days: int, arm: str) -> Moments:
    """Production over the last `days` whole days that everything is known of."""
    unit = task.experiment.unit
    wanted = wanted_of(task, settings, counts_users=unit != USER)
    tables = readings(settings, wanted.measured)
    window = _latest(database, settings, tables, days, maturing(task))
    study = Study(task, settings, database, window, wanted, tables)
    users = study.users(_everyone(study, unit))
    ordered = [c for c in dict.fromkeys((*task.quantiles, *task.winsorized)) if c in wanted.columns]
    counts = moments.histograms(database, users, wanted.columns, {}, ordered).get(0, {})
    caps = {
        column: moments.quantile(counts[column], share)
        for column, share in task.winsorized.items()
        if column in counts
    }
    ((found,), _) = _summed(database, users, wanted, caps, unit, [arm])
    return Moments(
        aware(window.as_of), wanted.columns, (replace(found, histograms=counts),), {}, wanted.missing
    )


def maturing(task: Task) -> int:
    """Days after an experiment until its slowest metric has matured."""
    return max((metric.matures_after_days for metric in task.judged.values()), default=0)


def _everyone(study: Study, unit: str) -> Any:
    """The users that production is told by."""
    exposures = study.settings.exposures
    if exposures.production:
        return members.production(study.database, exposures, study.window, unit)
    if unit != USER:
        raise BackendError(
            f"nothing tells the {unit} of users who are in no experiment",
            help="log their exposures too, under a name of their own, and write it as [plugins.warehouse.exposures] "
            "production",
        )
    return members.comers(
        [
            values.comers_of(study.database, reading, study.window)
            for reading in study.readings
            if reading.counted
        ]
    )


def _latest(
    database: Database, settings: WarehouseSettings, tables: Sequence[Reading], days: int, matures: int
) -> Window:
    """The last whole days of events, and before the days in which they mature."""
    newest = [time for reading in tables if (time := values.newest(database, reading)) is not None]
    as_of = max(newest, default=datetime(1970, 1, 2))
    if not settings.virtual_time:
        as_of = min(as_of, naive(datetime.now(UTC)))
    as_of = as_of.replace(hour=0, minute=0, second=0, microsecond=0)
    end = as_of - matures * DAY
    return Window(end - days * DAY, end, as_of)


def _summed(
    database: Database,
    users: Any,
    wanted: Wanted,
    caps: Mapping[str, float],
    unit: str,
    arms: Sequence[str],
) -> tuple[tuple[ArmMoments, ...], int]:
    """The arms' moments, and how many units were seen in several of them."""
    rows = database.rows(moments.summed(users, wanted.columns, caps, unit))
    by_arm = {row["arm"]: row for row in rows}
    size = len(wanted.columns)
    found = tuple(moments.arm_moments(arm, by_arm.get(i), size) for i, arm in enumerate(arms))
    return found, sum(int(row["crossed"]) for row in rows)


def _mixed(
    crossed: int, arms: Sequence[ArmMoments], wanted: Wanted, settings: WarehouseSettings
) -> dict[str, str]:
    """Why no column says anything, where too many units were in several arms; empty else."""
    units = sum(arm.assigned for arm in arms)
    if crossed <= settings.crossed_at_most * units:
        return {}
    why = (
        f"{crossed:,} of {units:,} were exposed to several arms, more than {settings.crossed_at_most:.1%}: whoever "
        "serves the arms moves users between them"
    )
    return dict.fromkeys(wanted.columns, why)
