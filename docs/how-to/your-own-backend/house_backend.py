"""A rectune backend on the house's platform."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import house
import numpy as np

from rectune_dsl.hooks.api import (
    HOLDOUT,
    USER,
    USERS,
    ArmMoments,
    BackendContext,
    BackendError,
    Capabilities,
    Config,
    ExperimentSpec,
    Histogram,
    Moments,
    fingerprint,
)
from rectune_dsl.hooks.specs import hookimpl

MEASURED = {"minutes": "visits", "clicks": "visits", "purchases": "purchases"}
"""Column -> the table that it is summed from."""
LATE = timedelta(days=2)
"""By when a purchase is recorded."""


class HouseBackend:
    """Nothing is kept in the process but what `create` brings again after a crash: the specs."""

    def __init__(self, context: BackendContext) -> None:
        task = context.task
        self._columns = tuple(dict.fromkeys(c for n, m in task.judged.items() for c in m.columns(n)))
        self._quantiles = task.quantiles
        self._unit = task.experiment.unit
        self._specs: dict[str, ExperimentSpec] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(
            metrics=tuple(MEASURED),
            signals=None,
            keys=(),
            virtual_time=False,
            randomises=True,
            real_traffic=True,
            population=self._population(self._unit),
            description="the house's platform",
            units=(USER, "household"),
            quantiles=("minutes", "clicks"),
            winsorises=True,
        )

    def check(self) -> Sequence[str]:
        try:
            self._ask("SELECT 1")
        except BackendError as error:
            return [f"{error}: {error.help}"]
        return []

    # --- experiments ---------------------------------------------------------------------------

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """One row per key, which the platform's own UNIQUE sees to, also between two processes."""
        row = (key, json.dumps(self._flag(spec)), spec.start.isoformat(), fingerprint(spec))
        columns = "key, flag, starts, fingerprint"
        self._ask(f"INSERT INTO experiments ({columns}) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", *row)
        ((number, known),) = self._ask("SELECT id, fingerprint FROM experiments WHERE key = ?", key)
        if known != fingerprint(spec):
            raise BackendError(
                f"there is another experiment with the key {key!r}", help="give each experiment its own key"
            )
        self._specs[str(number)] = spec
        return str(number)

    def start(self, experiment: str) -> None:
        """What was stopped is not started again."""
        self._known(experiment)
        self._ask("UPDATE experiments SET state = 'runs' WHERE id = ? AND state = 'made'", experiment)

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        stopped = self._known(experiment)
        if not 0 <= fraction <= 1:
            raise BackendError(f"{fraction} is not a share of users", help="give a fraction from 0 to 1")
        if arm is None:
            self._ask("UPDATE experiments SET open = ? WHERE id = ?", fraction, experiment)
        elif fraction:
            raise BackendError(f"only a part of arm {arm!r} cannot be served", help="stop it, or leave it")
        else:
            names = json.dumps(sorted({*stopped, arm}))
            self._ask("UPDATE experiments SET stopped = ? WHERE id = ?", names, experiment)

    def stop(self, experiment: str, outcome: str) -> None:
        self._known(experiment)
        self._ask("UPDATE experiments SET state = 'stopped' WHERE id = ?", experiment)

    # --- results -------------------------------------------------------------------------------

    def observe(self, experiment: str, as_of: datetime) -> Moments:
        if experiment not in self._specs:
            raise BackendError(f"there is no experiment {experiment!r}", help="create it again with its key")
        spec = self._specs[experiment]
        columns = (*self._columns, USERS) if spec.unit != USER else self._columns
        users = self._users(experiment, as_of, spec)
        arms = tuple(self._moments(arm.name, users, columns, spec.unit) for arm in spec.arms)
        late = {"purchases": until} if (until := self._purchases_until(as_of)) < as_of else {}
        missing = {c: f"the house does not record {c!r}" for c in self._columns if c not in MEASURED}
        return Moments(as_of, columns, arms, late, missing)

    def _users(self, experiment: str, as_of: datetime, spec: ExperimentSpec) -> list[dict[str, Any]]:
        """What each exposed user did from the first exposure until `as_of`, capped."""
        users = {
            user: {"arm": arm, "unit": user if spec.unit == USER else household, USERS: 1.0}
            for user, household, arm in self._ask(
                "SELECT user, household, arm FROM exposures JOIN people USING (user) "
                "WHERE experiment = ? AND at < ?",
                experiment,
                as_of.isoformat(),
            )
        }
        for column in self._columns:
            totals = dict(self._totals(column, experiment, as_of)) if column in MEASURED else {}
            for user, row in users.items():
                row[column] = min(totals.get(user, 0.0), spec.caps.get(column, np.inf))
        return list(users.values())

    def _totals(self, column: str, experiment: str, as_of: datetime) -> list[tuple[str, float]]:
        table, value = MEASURED[column], "amount" if column == "purchases" else column
        return self._ask(
            f"SELECT user, SUM({value}) FROM {table} JOIN exposures USING (user) "
            f"WHERE experiment = ? AND {table}.at >= exposures.at AND {table}.at < ? GROUP BY user",
            experiment,
            as_of.isoformat(),
        )

    def _moments(
        self, arm: str, users: list[dict[str, Any]], columns: tuple[str, ...], unit: str
    ) -> ArmMoments:
        """Sums and products over units, each being the sum of its users."""
        own = [user for user in users if user["arm"] == arm]
        values = np.array([[user[c] for c in columns] for user in own]).reshape(len(own), len(columns))
        names, places = np.unique([user["unit"] for user in own], return_inverse=True)
        rows = np.zeros((len(names), len(columns)))  # (units, columns)
        np.add.at(rows, places, values)
        histograms = {c: _histogram([user[c] for user in own]) for c in self._quantiles if c in MEASURED}
        products = tuple(map(tuple, (rows.T @ rows).tolist()))
        return ArmMoments(arm, len(rows), len(rows), tuple(rows.sum(axis=0).tolist()), products, histograms)

    def _purchases_until(self, as_of: datetime) -> datetime:
        ((loaded,),) = self._ask("SELECT MAX(until) FROM loaded")
        return min(as_of, datetime.fromisoformat(loaded) - LATE) if loaded else as_of - LATE

    # --- production ----------------------------------------------------------------------------

    def deliver(self, config: Config) -> None:
        text = json.dumps(dict(config.values), sort_keys=True)
        self._ask("UPDATE production SET before = now, now = ? WHERE now <> ?", text, text)

    def rollback(self) -> None:
        self._ask("UPDATE production SET now = before")

    # --- the platform --------------------------------------------------------------------------

    def _ask(self, sql: str, *values: Any) -> list[Any]:
        """The driver tells its address, password and all: so its own error goes no further."""
        try:
            return house.connect(os.environ["HOUSE_URL"]).query(sql, *values)
        except (KeyError, ConnectionError):
            raise BackendError(
                "the house's platform cannot be reached",
                help="set HOUSE_URL to its address, and look at its status page",
            ) from None

    def _known(self, experiment: str) -> list[str]:
        """The stopped arms of an experiment that there is."""
        for (stopped,) in self._ask("SELECT stopped FROM experiments WHERE id = ?", experiment):
            names: list[str] = json.loads(stopped)
            return names
        raise BackendError(f"there is no experiment {experiment!r}", help="create it with its spec first")

    def _population(self, unit: str) -> int:
        column = "user" if unit == USER else unit
        ((count,),) = self._ask(f"SELECT COUNT(DISTINCT {column}) FROM people")
        return int(count)

    def _flag(self, spec: ExperimentSpec) -> dict[str, Any]:
        """What the service reads: who takes part, and what each arm is served."""
        if spec.unit not in (USER, "household"):
            raise BackendError(f"the house has no {spec.unit!r} to randomise", help='write unit = "user"')
        population = self._population(spec.unit)
        held = population * spec.holdout_share
        has_holdout = any(arm.name == HOLDOUT for arm in spec.arms)
        return {
            "surface": spec.surface,
            "unit": spec.unit,
            "salt": spec.salt,
            "share": spec.exposure(population).share,
            "arms": {arm.name: dict(arm.config.values) for arm in spec.arms},
            "fresh_of": [[used.salt, used.share] for used in spec.fresh_of],
            "slot": [spec.slot.layer, spec.slot.low, spec.slot.high] if spec.slot else None,
            "holdout_share": spec.holdout_share,
            "holdout": spec.users_per_arm / held if has_holdout else 0.0,
        }


def _histogram(values: list[float]) -> Histogram:
    found, counts = np.unique(values, return_counts=True)
    return Histogram(tuple(found.tolist()), tuple(counts.tolist()))


@hookimpl
def rectune_register_backends(register):
    register("house", HouseBackend)
