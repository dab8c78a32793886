"""What would stop a campaign on these tables, each in a sentence that says what to write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, USER, RectuneError
from rectune_warehouse import members
from rectune_warehouse.freshness import complete_until
from rectune_warehouse.moments import Summing
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Database, Source
from rectune_warehouse.study import Study
from rectune_warehouse.values import Reading, events_of
from rectune_warehouse.wanted import Wanted, readings, wanted_of
from rectune_warehouse.window import DAY, WHOLE, Window, naive

NOBODY = "rectune check"
"""The name of an experiment that has no exposures."""
WEEKS = 4
"""In which most users come."""
MORE, FEWER = 1.2, 5.0
"""How many times `population` users may be seen in these weeks, and how many times fewer."""


def problems(task: Task, settings: WarehouseSettings, source: Source) -> Iterator[str]:
    yield from _of_covariates(task, settings)
    yield from _of_maturity(task, settings)
    try:
        with source.open() as database:
            _asked(task, settings, database)
            yield from _of_population(task, settings, database)
    except RectuneError as error:
        yield f"{error}: {error.help}" if error.help else str(error)


def _of_covariates(task: Task, settings: WarehouseSettings) -> Iterator[str]:
    for name, metric in task.judged.items():
        column = settings.columns.get(metric.covariate or "")
        if column is not None and column.days_before is None:
            yield (
                f"the covariate of `{name}` is to be from before the experiment: write days_before in "
                f"[plugins.warehouse.columns.{metric.covariate}]"
            )


def _of_maturity(task: Task, settings: WarehouseSettings) -> Iterator[str]:
    """Metrics that would be judged before their events are there."""
    for name, metric in task.judged.items():
        plain = metric.model_copy(update={"covariate": None})
        for column in (c.partition("@")[0] for c in plain.columns(name)):
            if column not in settings.columns:
                continue
            counted = settings.columns[column]
            days = counted.days_after[1] if counted.days_after else 0
            late = max(settings.events[settings.events_of(column)].late, settings.exposures.late)
            needed = -(-(days * DAY + late) // DAY)
            if metric.matures_after_days < needed:
                yield (
                    f"`{name}` is known {needed} days after the experiment's last one, as column `{column}` "
                    f"is: write matures_after_days = {needed} in [metrics.{name}]"
                )


def _asked(task: Task, settings: WarehouseSettings, database: Database) -> None:
    """Ask as an observation does, of an experiment that nobody is in: for all columns of the settings, so
    that a name that is wrong is found before it is needed."""
    today = naive(datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    window = Window(today - DAY, today, today)
    needed = wanted_of(task, settings, counts_users=False)
    wanted = Wanted(tuple(dict.fromkeys((*settings.columns, *needed.columns))), {})
    for unit in (USER, *settings.exposures.units):
        everyone = members.exposed(database, settings.exposures, NOBODY, [CONTROL], window, unit)
        study = Study(task, settings, database, window, wanted, readings(settings, wanted.measured), WHOLE)
        database.rows(Summing(wanted.columns, {}, unit).query(study.users(everyone)))
    complete_until(database, settings, wanted, window)


def _of_population(task: Task, settings: WarehouseSettings, database: Database) -> Iterator[str]:
    """Whether `population` is about what is seen. Where there are no events yet, nothing tells."""
    if task.experiment.unit != USER:
        return
    wanted = wanted_of(task, settings, counts_users=False)
    tables = [reading.without_covariates for reading in readings(settings, wanted.measured)]
    seen = max((_seen(database, reading) for reading in tables if reading.columns), default=0)
    population = settings.population
    if seen and not seen / MORE <= population <= seen * FEWER:
        yield (
            f"about {seen:,} users had events in the last {WEEKS} weeks of them, and population = "
            f"{population:,}: write how many users can be assigned, so that experiments get as many as they "
            "ask for"
        )


def _seen(database: Database, reading: Reading) -> int:
    """About how many users had events in the last weeks of a table."""
    last = reading.newest(database)
    if last is None:
        return 0
    rows = events_of(database, reading, Window(last - WEEKS * 7 * DAY, last + DAY, last + DAY), WHOLE)
    ((found,),) = (row.values() for row in database.rows(rows.aggregate(users=rows.user.approx_nunique())))
    return int(found)
