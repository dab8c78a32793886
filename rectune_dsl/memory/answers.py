"""What people answered to a run's questions, from any machine. The first answer to a question stands."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from rectune_dsl.memory.journal import now
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import ANSWERS


def give(store: Store, run: str, step: str, body: str) -> bool:
    """Write an answer, where there is none yet. Returns whether this is the one that stands."""
    try:
        with store.writing() as db:
            db.execute(ANSWERS.insert().values(run=run, step=step, at=now(), body=body))
    except IntegrityError:
        return False
    return True


def counts(store: Store) -> dict[str, int]:
    """How many answers each run was given; runs without any are not in it."""
    query = sa.select(ANSWERS.c.run, sa.func.count()).group_by(ANSWERS.c.run)
    with store.reading() as db:
        return {run: int(many) for run, many in db.execute(query)}


def given(store: Store, run: str, step: str) -> str | None:
    """The answer to what a step asked; None while there is none."""
    query = sa.select(ANSWERS.c.body).where(ANSWERS.c.run == run, ANSWERS.c.step == step)
    with store.reading() as db:
        return db.execute(query).scalar()
