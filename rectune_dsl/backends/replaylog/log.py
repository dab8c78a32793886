"""The log in order of time, and its parts: fit, tune, confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog import catalogue as pools
from rectune_dsl.backends.replaylog import segments, slates, tables
from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.layout import (
    IMPRESSIONS,
    Layout,
    layout,
    log_columns,
    outcome_column,
    outcome_names,
)
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.replay import Split
from rectune_dsl.funnel.stage import Functions
from rectune_dsl.hooks.errors import BackendError

PartName = Literal["fit", "tune", "confirm"]


@dataclass(frozen=True, eq=False)
class Log:
    """Impressions in order of time; every array is (rows,).

    `time`: microseconds since 1970 UTC; `pool`: index of the catalogue's pool; `item`: the logged item's
    place among its pool's candidates; `propensity`: P(item | context) of the policy that logged it;
    `position`: from 1; `outcomes` by name of the task; `numbers` and `labels` by name of the column;
    `slate`: which rows belong together, None where each stands alone; `shown`: what is known of the whole
    slate's propensities.
    """

    time: NDArray[np.int64]
    pool: NDArray[np.int64]
    item: NDArray[np.int64]
    propensity: NDArray[np.float64]
    position: NDArray[np.int64] | None
    outcomes: Mapping[str, NDArray[np.float64]]
    numbers: Mapping[str, NDArray[np.float64]]
    labels: Mapping[str, tables.Column]
    slate: NDArray[np.int64] | None = None
    shown: NDArray[np.float64] | None = None

    @property
    def rows(self) -> int:
        return len(self.time)

    def take(self, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Log:
        """Some of its rows."""
        return Log(
            self.time[rows],
            self.pool[rows],
            self.item[rows],
            self.propensity[rows],
            None if self.position is None else self.position[rows],
            {name: values[rows] for name, values in self.outcomes.items()},
            {name: values[rows] for name, values in self.numbers.items()},
            {name: tables.Column(c.values[rows], c.labels) for name, c in self.labels.items()},
            None if self.slate is None else self.slate[rows],
            None if self.shown is None else self.shown[rows],
        )


def load(task: Task, folder: Path, functions: Functions | None = None) -> tuple[Log, Catalogue]:
    """Read the task's log and items, oldest impression first (ties in the order of the file); a slate is as
    old as its first. Conditions of segments may call a plugin's `functions`.

    Raises BackendError, with what to do, for files, columns or values that cannot be used.
    """
    assert task.replay is not None
    roles = layout(task.replay)
    columns = tables.read(tables.files(folder, task.replay.log), log_columns(task))
    kept = _randomised(columns, roles)
    columns = {name: tables.Column(c.values[kept], c.labels) for name, c in columns.items()}
    pool = columns[roles.pool] if roles.pool is not None else None
    catalogue = pools.build(task, folder, pool, columns[roles.item])
    log = _as_log(task, roles, columns, catalogue, functions or {})
    if log.slate is not None and log.position is not None:
        slates.require_whole(columns[str(roles.slate)], log.position, log.pool)
        log = replace(log, time=slates.first_moments(log.slate, log.time))
    return log.take(np.argsort(log.time, kind="stable")), catalogue


def split(log: Log, shares: Split) -> dict[PartName, Log]:
    """Cut the log at the shares of its rows; impressions of one moment stay in one part.

    Raises BackendError when a part would be empty.
    """
    at_tune = _cut(log, shares.fit)
    at_confirm = _cut(log, shares.fit + shares.tune)
    parts: dict[PartName, Log] = {
        "fit": log.take(slice(0, at_tune)),
        "tune": log.take(slice(at_tune, at_confirm)),
        "confirm": log.take(slice(at_confirm, None)),
    }
    for name, part in parts.items():
        if part.rows == 0:
            raise BackendError(
                f"the {name} part of the log is empty: {log.rows} rows are too few, or share one moment",
                help="change [replay.split], or bring a longer log",
            )
    return parts


def _cut(log: Log, share: float) -> int:
    """The first row of the moment at which `share` of the rows lie behind."""
    at = min(round(share * log.rows), log.rows - 1)
    return int(np.searchsorted(log.time, log.time[at], side="left")) if log.rows else 0


def _randomised(columns: Mapping[str, tables.Column], roles: Layout) -> NDArray[np.bool_]:
    rows = len(columns[roles.time].values)
    kept = np.ones(rows, np.bool_) if roles.only is None else columns[roles.only].values == 1
    if not kept.any():
        raise BackendError(
            "the log has no impression that can be replayed",
            help=f"rows need {roles.only} = 1" if roles.only and rows else "bring a log with rows",
        )
    return kept


def _as_log(
    task: Task,
    roles: Layout,
    columns: Mapping[str, tables.Column],
    catalogue: Catalogue,
    functions: Functions,
) -> Log:
    assert task.replay is not None
    time = columns[roles.time].values
    pool = columns[roles.pool].values if roles.pool is not None else np.zeros(len(time), np.int64)
    signals = task.replay.signals.values()
    numbers = {s.column: columns[s.column].values for s in signals if s.column is not None}
    outcomes = {n: columns[outcome_column(task.replay, n)].values for n in outcome_names(task)}
    outcomes[IMPRESSIONS] = np.ones(len(time))
    outcomes |= segments.outcomes(task, outcomes, numbers, len(time), functions)
    return Log(
        time,
        pool,
        _places(columns[roles.item], pool, catalogue),
        _propensity(columns, roles, pool, catalogue),
        _position(columns, roles),
        outcomes,
        numbers,
        {s.sparse: columns[s.sparse] for s in signals if s.sparse is not None},
        None if roles.slate is None else columns[roles.slate].values,
        _shown(columns, roles),
    )


def _shown(columns: Mapping[str, tables.Column], roles: Layout) -> NDArray[np.float64] | None:
    """(rows,) the slate's propensity, or (rows, positions) the item's at each position; None without."""
    if roles.slate_propensity is not None:
        return slates.same_in_each(columns[roles.slate_propensity].values, columns[str(roles.slate)])
    if roles.propensities is not None:
        own, position = columns[str(roles.propensity)].values, columns[str(roles.position)].values
        return slates.at_each_position(columns[roles.propensities], own, position.astype(np.int64))
    return None


def _places(items: tables.Column, pool: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.int64]:
    table = [[own.get(item, -1) for item in items.labels] for own in catalogue.places]
    places: NDArray[np.int64] = np.array(table, np.int64)[pool, items.values]
    return places


def _propensity(
    columns: Mapping[str, tables.Column], roles: Layout, pool: NDArray[np.int64], catalogue: Catalogue
) -> NDArray[np.float64]:
    if roles.propensity is None:
        return 1.0 / catalogue.sizes[pool]
    given: NDArray[np.float64] = columns[roles.propensity].values
    if np.any((given <= 0) | (given > 1)):
        wrong = given[(given <= 0) | (given > 1)][0]
        raise BackendError(
            f"column {roles.propensity!r} holds {wrong:g}, and a propensity lies in (0, 1]",
            help="log the probability with which the shown item was chosen, and drop rows without one",
        )
    return given


def _position(columns: Mapping[str, tables.Column], roles: Layout) -> NDArray[np.int64] | None:
    if roles.position is None:
        return None
    given = columns[roles.position].values
    if np.any((given < 1) | (given != np.floor(given))):
        raise BackendError(
            f"column {roles.position!r} must count positions from 1",
            help="number the positions 1, 2, 3, ... from the top of the slate",
        )
    return given.astype(np.int64)
