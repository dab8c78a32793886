"""Journals at a glance: how long they are, and what a few keys say, without reading all that was measured."""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa

from rectune_dsl.memory.journal import Entry, Journal
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import CALLS, ENTRIES

_AT_ONCE = 500
"""Bodies that are asked for in one query: databases limit its values."""


class Glance(Journal):
    """A journal without attempts, whose entries have the bodies of those keys only that `wanted` picks out of
    all keys of a run; the others are empty. For readers who know what they will ask for, of one moment: what
    was read of a run is not read again."""

    def __init__(self, journal: Journal, wanted: Callable[[Collection[str]], Collection[str]]) -> None:
        self.store, self.url = journal.store, journal.url
        self._wanted = wanted
        self._seen: dict[str, list[Entry]] = {}

    def entries(self, run: str) -> list[Entry]:
        if run not in self._seen:
            self._seen[run] = self._read(run)
        return self._seen[run]

    def _read(self, run: str) -> list[Entry]:
        is_done = ENTRIES.c.key.not_like("attempt:%")
        keys = sa.select(ENTRIES.c.seq, ENTRIES.c.key, ENTRIES.c.at).where(ENTRIES.c.run == run, is_done)
        with self.store.reading() as db:
            rows = db.execute(keys.order_by(ENTRIES.c.seq)).all()
            bodies = _bodies(db, run, sorted(self._wanted({row.key for row in rows})))
        return [Entry(row.seq, row.key, row.at, bodies.get(row.key, "")) for row in rows]


def lengths(store: Store) -> dict[str, int]:
    """How many entries each run's journal has."""
    query = sa.select(ENTRIES.c.run, sa.func.max(ENTRIES.c.seq)).group_by(ENTRIES.c.run)
    with store.reading() as db:
        return {run: int(length) for run, length in db.execute(query)}


def length(store: Store, run: str) -> tuple[int, int]:
    """How many entries a run's journal has, and how many lines its ledger of language models."""
    entries = sa.select(sa.func.coalesce(sa.func.max(ENTRIES.c.seq), 0)).where(ENTRIES.c.run == run)
    calls = sa.select(sa.func.count()).where(CALLS.c.run == run)
    with store.reading() as db:
        return int(db.execute(entries).scalar_one()), int(db.execute(calls).scalar_one())


def _bodies(db: sa.Connection, run: str, keys: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for first in range(0, len(keys), _AT_ONCE):
        some = ENTRIES.c.key.in_(keys[first : first + _AT_ONCE])
        query = sa.select(ENTRIES.c.key, ENTRIES.c.body).where(ENTRIES.c.run == run, some)
        found.update((key, body) for key, body in db.execute(query))
    return found
