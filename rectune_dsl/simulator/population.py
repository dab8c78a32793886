"""Users: what stays the same about each, made from the id alone. The population is never held at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.keyed import Ids, Noise, key_of, uniform
from rectune_dsl.simulator.tables.users import Population
from rectune_dsl.simulator.worldfile import WorldFile

DAYS_BEFORE = 14
"""Days of the period before an experiment that the `_before` columns cover."""
NEW_COME_LESS = 0.5
"""Log-odds by which new users come less often."""
LONGEST = 10
"""Items that a typical slate has, for what a session of the past brought."""
_QUARTILES = np.array([-0.6745, 0.0, 0.6745])
"""Of a standard normal."""

Column = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Users:
    """Persistent latents, each (users,).

    `activity` is the chance to come on an ordinary day; `looks` is the chance to look at one more item after
    each; `pace` scales amounts; `prone` shifts the log-odds of responses, by name; `latency` scales latency;
    `taste` is where the user's tastes start in the table of normals. `amount_before` and `sessions_before`
    are the period before any experiment; `activity_class`, 0 to 3, is what a log makes of these sessions.
    """

    ids: Ids
    is_new: Column
    activity: Column
    activity_class: Column
    looks: Column
    pace: Column
    latency: Column
    taste: NDArray[np.intp]
    amount_before: Column
    sessions_before: Column
    prone: Mapping[str, Column]

    def __len__(self) -> int:
        return self.ids.size

    def at(self, rows: NDArray[np.intp]) -> Users:
        """The users at `rows`, in that order."""
        columns: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "prone"}
        picked = {name: column[rows] for name, column in columns.items()}
        return Users(**picked, prone={name: column[rows] for name, column in self.prone.items()})

    def looked(self, slots: int) -> Column:
        """How many items each looks at of a slate with so many, on average, (users,)."""
        looked: Column = (1 - self.looks**slots) / (1 - self.looks)
        return looked


def make_users(file: WorldFile, seed: int, normals: Noise, ids: Ids) -> Users:
    """The users with these ids."""

    def normal(what: str) -> Column:
        return normals.one(key_of("user", seed, what), ids)

    of = file.users
    is_new = uniform(key_of("user", seed, "new"), ids) < of.new
    zeal = normal("activity")
    coming = np.log(of.daily / (1 - of.daily)) + of.daily_spread * zeal - NEW_COME_LESS * is_new
    activity = (1 / (1 + np.exp(-coming))).astype(np.float32)
    deep = of.heavy * zeal + np.sqrt(1 - of.heavy**2) * normal("depth")
    looks = (1 - 1 / (1 + (of.depth - 1) * np.exp(of.depth_spread * deep))).astype(np.float32)
    pace = np.exp(of.pace_spread * normal("pace") - of.pace_spread**2 / 2).astype(np.float32)
    prone = {
        name: np.float32(response.proneness) * normal(f"prone {name}")
        for name, response in file.responses.items()
        if response.proneness > 0
    }
    spread = np.sqrt(DAYS_BEFORE * activity * (1 - activity))
    sessions = np.clip(np.rint(DAYS_BEFORE * activity + spread * normal("sessions")), 0, DAYS_BEFORE)
    # what a session brought, up to the noise of a fortnight
    usual = file.amounts[file.main_amount].usual * np.exp(0.5 * prone.get(file.first, np.float32(0)))
    brought = (1 - looks**LONGEST) / (1 - looks) * pace * usual * np.exp(0.2 * normal("brought"))
    return Users(
        ids=ids,
        is_new=is_new.astype(np.float32),
        activity=activity,
        activity_class=np.searchsorted(_class_bounds(of), sessions).astype(np.float32),
        looks=looks,
        pace=pace,
        latency=np.exp(np.float32(file.latency.spread) * normal("latency")),
        taste=normals.starts(key_of("user", seed, "taste"), ids),
        amount_before=(sessions * brought).astype(np.float32),
        sessions_before=sessions.astype(np.float32),
        prone=prone,
    )


def _class_bounds(of: Population) -> NDArray[np.float64]:
    """Sessions of the fortnight before that users at the quartiles of activity have on average, (3,)."""
    coming = np.log(of.daily / (1 - of.daily)) + of.daily_spread * _QUARTILES
    bounds: NDArray[np.float64] = DAYS_BEFORE / (1 + np.exp(-coming))
    return bounds
