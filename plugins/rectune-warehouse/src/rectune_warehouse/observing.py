"""What is observed: moments per arm of an experiment, or of production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, USER, ArmMoments, BackendError, ExperimentSpec, Moments
from rectune_warehouse import members, values
from rectune_warehouse.freshness import complete_until
from rectune_warehouse.moments import Summing, quantile
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Database
from rectune_warehouse.study import Study
from rectune_warehouse.wanted import Wanted, readings, wanted_of
from rectune_warehouse.window import DAY, Part, Window, aware, naive, window_of

AT_ONCE = 25_000_000
"""Rows of a table with event ids that DuckDB is given at a time: what it keeps of them takes 2 GB."""


@dataclass(frozen=True)
class Asked:
    """Who asks, and whom."""

    task: Task
    settings: WarehouseSettings
    database: Database

    def observed(self, experiment: str, spec: ExperimentSpec, as_of: datetime) -> Moments:
        """An experiment as the tables have it: one query for all arms and columns, and one for each column
        with quantiles."""
        database, settings = self.database, self.settings
        window = window_of(spec, as_of, self.task.matures_after_days)
        wanted = wanted_of(self.task, settings, counts_users=spec.unit != USER)
        arms = [arm.name for arm in spec.arms]

        def exposed(study: Study) -> Any:
            shown = settings.exposures
            return members.exposed(database, shown, experiment, arms, window, spec.unit, study.part)

        studies = self._studies(window, wanted, spec.unit)
        users = [study.users(exposed(study)) for study in studies]
        summing = Summing(wanted.columns, spec.caps, spec.unit)
        found, crossed = summing.moments(database, users, arms)
        counts = summing.histograms(database, users, [c for c in self.task.quantiles if c in wanted.columns])
        return Moments(
            as_of=as_of,
            columns=wanted.columns,
            arms=tuple(replace(arm, histograms=counts.get(i, {})) for i, arm in enumerate(found)),
            complete_until=complete_until(database, settings, wanted, window),
            missing={**wanted.missing, **self._mixed(crossed, found, wanted)},
        )

    def produced(self, days: int) -> Moments:
        """Production over the last `days` whole days of which events are there."""
        task, unit = self.task, self.task.experiment.unit
        wanted = wanted_of(task, self.settings, counts_users=unit != USER)
        window = self._latest(wanted, days)
        users = [study.users(self._everyone(study, unit)) for study in self._studies(window, wanted, unit)]
        ordered = [c for c in dict.fromkeys((*task.quantiles, *task.winsorized)) if c in wanted.columns]
        counts = Summing(wanted.columns, {}, unit).histograms(self.database, users, ordered).get(0, {})
        caps = {c: quantile(counts[c], share) for c, share in task.winsorized.items() if c in counts}
        ((found,), _) = Summing(wanted.columns, caps, unit).moments(self.database, users, [CONTROL])
        arm = replace(found, histograms=counts)
        return Moments(aware(window.as_of), wanted.columns, (arm,), missing=wanted.missing)

    def _studies(self, window: Window, wanted: Wanted, unit: str) -> list[Study]:
        """One for each part of the users; one for all where a unit is a group of them, who may be in several
        parts."""
        tables = readings(self.settings, wanted.measured)
        rows = 0
        if unit == USER and self.database.splits:
            rows = max((r.rows(self.database, window) for r in tables if r.events.event_id), default=0)
        of = max(1, -(-rows // AT_ONCE))
        task, settings, database = self.task, self.settings, self.database
        return [Study(task, settings, database, window, wanted, tables, Part(i, of)) for i in range(of)]

    def _everyone(self, study: Study, unit: str) -> Any:
        """The users that production is told by."""
        exposures, window = self.settings.exposures, study.window
        if exposures.production:
            return members.production(self.database, exposures, window, unit, study.part)
        if unit != USER:
            raise BackendError(
                f"nothing tells the {unit} of users who are in no experiment",
                help="log their exposures too, under a name of their own, and write it as `production` of "
                "[plugins.warehouse.exposures]",
            )
        counted = [reading.without_covariates for reading in study.readings]
        return members.comers(
            [values.events_of(self.database, r, window, study.part) for r in counted if r.columns]
        )

    def _latest(self, wanted: Wanted, days: int) -> Window:
        """The last whole days of which all tables have all events, and before the days in which they mature.

        The newest event of any table tells the time: a table of rare events may have none for days, and is
        complete all the same."""
        tables = [reading.without_covariates for reading in readings(self.settings, wanted.measured)]
        newest = [time for reading in tables if (time := reading.newest(self.database)) is not None]
        now = max(newest, default=datetime(1970, 1, 1))
        if not self.settings.virtual_time:
            now = min(now, naive(datetime.now(UTC)))
        shown = self.settings.exposures
        late = [reading.events.late for reading in tables] + [shown.late] * bool(shown.production)
        as_of = (now - max(late, default=0 * DAY)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = as_of - self.task.matures_after_days * DAY
        return Window(end - days * DAY, end, as_of)

    def _mixed(self, crossed: int, arms: Sequence[ArmMoments], wanted: Wanted) -> dict[str, str]:
        """Why no column says anything, where too many units were in several arms; empty else."""
        units, most = sum(arm.assigned for arm in arms), self.settings.crossed_at_most
        if crossed <= most * units:
            return {}
        why = f"{crossed:,} of {units:,} were exposed to several arms, more than {most:.1%}"
        return dict.fromkeys(wanted.columns, f"{why}: whoever serves the arms moves users between them")
