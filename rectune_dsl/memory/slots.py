"""Which users each campaign on real traffic has to itself, so that no two share any."""

from __future__ import annotations

import sqlalchemy as sa

from rectune_dsl.hooks.api import Slot
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import SLOTS

_WHOLE = ("", 0.0, 1.0)
"""Stands for all users of a surface."""


def share_users(one: Slot | None, other: Slot | None) -> bool:
    """Whether two campaigns on one surface with these slots may get the same users. Who has no slot may get
    anybody."""
    return one is None or other is None or one.meets(other)


def reserve(db: sa.Connection, run: str, surface: str, slot: Slot | None) -> None:
    """Keep a slot of a surface, or all of it, for the run until `release`. Raises UsageError when another run
    may get the same users."""
    for row in db.execute(sa.select(SLOTS).where(SLOTS.c.surface == surface)):
        kept = (row.layer, row.low, row.high)
        if share_users(None if kept == _WHOLE else Slot(*kept), slot):
            raise _taken(row.run, surface)
    layer, low, high = _WHOLE if slot is None else (slot.layer, slot.low, slot.high)
    db.execute(SLOTS.insert().values(run=run, surface=surface, layer=layer, low=low, high=high))


def release(store: Store, run: str) -> None:
    """Let others have the run's users."""
    with store.writing() as db:
        db.execute(SLOTS.delete().where(SLOTS.c.run == run))


def _taken(run: str, surface: str) -> UsageError:
    return UsageError(
        f"run {run} experiments on users of surface {surface} that this campaign would share",
        help=f"let it finish or `rectune abort {run}`; or give both tasks an [exclusion] with the same "
        "`layer` and a `share` of their own",
    )
