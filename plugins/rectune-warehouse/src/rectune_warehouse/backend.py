"""The backend `warehouse`: it measures experiments that a delivery serves, from exposures and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from rectune_dsl.hooks.api import (
    USER,
    USERS,
    BackendContext,
    BackendError,
    Capabilities,
    Config,
    Delivery,
    ExperimentSpec,
    Moments,
    UsageError,
    settings_of,
)
from rectune_warehouse.rehearsal import play
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Source

NAME = "warehouse"


class Warehouse:
    """Reads results from a team's tables, and leaves all acts to the delivery that the task names.

    It writes nothing and remembers nothing but the specs of the process's experiments: what is observed
    follows from the tables, the spec and the time that is asked for. Raises UsageError for settings that
    cannot be.
    """

    def __init__(self, context: BackendContext) -> None:
        self._task = context.task
        self._settings = settings_of(context.task, NAME, WarehouseSettings)
        self._folder = context.folder
        self._source = Source(self._settings, context.folder)
        self._given = context.delivery
        self._specs: dict[str, ExperimentSpec] = {}

    def capabilities(self) -> Capabilities:
        settings = self._settings
        columns = tuple(settings.columns)
        return Capabilities(
            metrics=(*columns, USERS, *self._of_segments()),
            signals=None,
            keys=self._keys(),
            virtual_time=settings.virtual_time,
            randomises=True,
            real_traffic=not settings.virtual_time,
            population=settings.population,
            description=self._described(),
            sources=tuple(self._task.sources),
            units=(USER, *settings.exposures.units),
            quantiles=columns,
            winsorises=True,
        )

    def check(self) -> Sequence[str]:
        """What of the settings the tables do not have, and what would keep a metric from being known."""
        from rectune_warehouse.problems import problems

        found = list(problems(self._task, self._settings, self._source))
        if self._given is None:
            found.append(_unserved().help)
        else:
            found += self._given.check()
        return found

    # --- experiments ---------------------------------------------------------------------------

    def create(self, spec: ExperimentSpec, key: str) -> str:
        self._check_unit(spec.unit)
        experiment = self._delivery.create(spec, key, self._settings.population)
        known = self._specs.setdefault(experiment, spec)
        if replace(known, key="") != replace(spec, key=""):
            raise BackendError(
                f"there is another experiment with the key {key!r}", help="give each experiment its own key"
            )
        return experiment

    def start(self, experiment: str) -> None:
        self._delivery.start(experiment)

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        self._delivery.set_exposure(experiment, fraction, arm, at)

    def observe(self, experiment: str, as_of: datetime) -> Moments:
        """What the tables say now of the time before `as_of`: an event that comes late is there once it has
        come. Raises BackendError where they cannot be read."""
        from rectune_warehouse.observing import Asked

        spec = self._specs.get(experiment)
        if spec is None:
            raise BackendError(
                f"there is no experiment {experiment!r}", help="call `create` with its spec first"
            )
        if self._settings.rehearsal:
            play(self._folder / self._settings.rehearsal, as_of)
        with self._source.open() as database:
            return Asked(self._task, self._settings, database).observed(experiment, spec, as_of)

    def stop(self, experiment: str, outcome: str) -> None:
        self._delivery.stop(experiment, outcome)

    def deliver(self, config: Config) -> None:
        self._delivery.deliver(config)

    def rollback(self) -> None:
        self._delivery.rollback()

    # --- what can be known beforehand ----------------------------------------------------------

    def baseline(self, days: int) -> Moments:
        """Production's users on the last whole days that have events."""
        from rectune_warehouse.observing import Asked

        self._check_unit(self._task.experiment.unit)
        with self._source.open() as database:
            return Asked(self._task, self._settings, database).produced(days)

    # --- what it is made of --------------------------------------------------------------------

    @cached_property
    def _delivery(self) -> Delivery:
        if self._given is None:
            raise _unserved()
        return self._given

    def _of_segments(self) -> tuple[str, ...]:
        if self._settings.segments is None:
            return ()
        names = (*self._settings.columns, USERS)
        return tuple(f"{name}@{segment}" for segment in self._task.segments for name in names)

    def _keys(self) -> tuple[str, ...]:
        """Whatever the task's stages diversify by: their service knows it, and tables of events need not."""
        return tuple(dict.fromkeys(s.diversity.by for s in self._task.stages.values() if s.diversity))

    def _check_unit(self, unit: str) -> None:
        if unit != USER and unit not in self._settings.exposures.units:
            raise BackendError(
                f"the warehouse has no unit {unit!r}",
                help=f"name the column of exposures that has it: [plugins.{NAME}.exposures.units] "
                f'{unit} = "COLUMN"',
            )

    def _described(self) -> str:
        served = f", served by {self._given.description}" if self._given else ""
        rehearsed = "; a rehearsal: time is that of the events" if self._settings.virtual_time else ""
        return f"exposures and events in {self._source.description}{served}{rehearsed}"


def _unserved() -> UsageError:
    return UsageError(
        "the warehouse measures experiments, and serves none",
        help='name who serves the arms: [experiment] delivery = "flagd", or another registered delivery',
    )
