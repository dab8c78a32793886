"""Which users a campaign on real traffic has to itself, so that no two share any.

A slot is an interval of a layer: of users' hashes under the layer's name. Slots of different layers overlap
wherever both have users, since their hashes are independent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import SLOTS


@dataclass(frozen=True)
class Claim:
    """The users of a run: those whose hash under `layer` lies in [low, high); by default all users."""

    surface: str
    layer: str = ""
    low: float = 0.0
    high: float = 1.0


def reserve(db: sa.Connection, run: str, wanted: Claim) -> None:
    """Keep the users for the run until `release`. Raises UsageError when another run has some of them."""
    for row in db.execute(sa.select(SLOTS).where(SLOTS.c.surface == wanted.surface)):
        if row.layer != wanted.layer or (row.low < wanted.high and wanted.low < row.high):
            raise _taken(row.run, wanted)
    db.execute(SLOTS.insert().values(run=run, **asdict(wanted)))


def release(store: Store, run: str) -> None:
    """Let others have the run's users."""
    with store.writing() as db:
        db.execute(SLOTS.delete().where(SLOTS.c.run == run))


def _taken(run: str, wanted: Claim) -> UsageError:
    return UsageError(
        f"run {run} experiments on users of surface {wanted.surface} that this campaign would share",
        help=f"let it finish or `rectune abort {run}`; or give both tasks an [exclusion] with the same "
        "`layer` and a `share` of their own",
    )
