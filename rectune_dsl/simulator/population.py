"""Users: what stays the same about each, made from the id alone. The population is never held at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.simulator.keyed import Ids, Noise, key_of, uniform

NEW_USERS = 0.2
DAYS_BEFORE = 14
"""Days of the period before an experiment that the `_before` columns cover."""

Column = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Users:
    """Persistent latents, each (users,).

    `activity` is the chance to come on an ordinary day; `minutes` scales watch time; `click`, `like` and
    `hate` shift log-odds; `latency` scales latency; `taste` is where the user's tastes start in the
    table of normals. `watch_before` and `sessions_before` are the period before any experiment.
    """

    ids: Ids
    is_new: Column
    activity: Column
    minutes: Column
    click: Column
    like: Column
    hate: Column
    latency: Column
    taste: NDArray[np.intp]
    watch_before: Column
    sessions_before: Column

    def __len__(self) -> int:
        return self.ids.size

    def at(self, rows: NDArray[np.intp]) -> Users:
        """The users at `rows`, in that order."""
        return Users(*(getattr(self, f.name)[rows] for f in fields(self)))


def make_users(world_seed: int, normals: Noise, ids: Ids) -> Users:
    """The users with these ids."""

    def normal(what: str) -> Column:
        return normals.one(key_of("user", world_seed, what), ids)

    is_new = uniform(key_of("user", world_seed, "new"), ids) < NEW_USERS
    coming = 0.55 + 1.0 * normal("activity") - 0.5 * is_new
    activity = (0.05 + 0.9 / (1 + np.exp(-coming))).astype(np.float32)
    minutes = np.exp(0.52 * normal("minutes"))
    click = 0.35 * normal("click")
    spread = np.sqrt(DAYS_BEFORE * activity * (1 - activity))
    sessions = np.clip(np.rint(DAYS_BEFORE * activity + spread * normal("sessions")), 0, DAYS_BEFORE)
    # what a session brought, up to the noise of a fortnight
    watched = sessions * 4.2 * minutes * np.exp(0.5 * click + 0.2 * normal("watched"))
    return Users(
        ids=ids,
        is_new=is_new.astype(np.float32),
        activity=activity,
        minutes=minutes,
        click=click,
        like=0.5 * normal("like") - np.float32(0.1),
        hate=0.6 * normal("hate") - np.float32(0.18),
        latency=np.exp(0.15 * normal("latency")),
        taste=normals.starts(key_of("user", world_seed, "taste"), ids),
        watch_before=watched.astype(np.float32),
        sessions_before=sessions.astype(np.float32),
    )
