"""One writer per run: a lease with a heartbeat.

Who holds it renews it in the background. A holder that has stopped renewing, or whose process is gone, may be
replaced; what it tries to write afterwards is refused, since every entry is written under its writer's token.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.process import Process, is_gone, this_process
from rectune_dsl.memory.store import Store, StoreError, lasting
from rectune_dsl.memory.tables import LEASES

BEAT_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
"""A lease that was not renewed for so long is free."""
_TRIES = 100
"""How often a lease is asked for that others take and give back at the same moments."""


class RunHeldError(UsageError):
    """Another process writes the run."""


class LeaseLostError(UsageError):
    """Another process has taken the run over."""


Seize = Callable[[sa.Connection, Process | None], None]
"""Is told who lives and holds a run, in the transaction that takes it from him. What it writes there stands
if the run is taken, and only then; what it raises leaves the run to him."""


@dataclass(frozen=True)
class Holder:
    """Who holds a run's lease; `silent_for` are the seconds since its last heartbeat."""

    process: Process
    token: str
    silent_for: float

    @property
    def alive(self) -> bool:
        return self.silent_for < PATIENCE_SECONDS and not is_gone(self.process)


class Lease:
    """A run's lease, as a context: held inside it, given back at its end.

    Entering raises RunHeldError while a living process holds it, unless `seize` takes it by force: from one
    that may still be in the middle of an act.
    """

    def __init__(self, store: Store, run: str, *, seize: Seize | None = None) -> None:
        self.run = run
        self.token = secrets.token_hex(16)
        self._store = store
        self._seize = seize
        self._done = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True, name=f"lease of {run}")

    def __enter__(self) -> Lease:
        self._acquire()
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._beating.join(BEAT_SECONDS)
        # one that cannot be given back lapses: that must not hide how the work inside ended
        with contextlib.suppress(StoreError), self._store.writing() as db:
            db.execute(LEASES.delete().where(*self._mine))

    def _acquire(self) -> None:
        for _ in range(_TRIES):
            with contextlib.suppress(IntegrityError):  # another process inserted at the same moment
                return self._take()
        raise RunHeldError(f"other processes take run {self.run} again and again", help="let them finish")

    def _take(self) -> None:
        row = {"token": self.token, "beat": self._store.now(), **asdict(this_process())}
        with self._store.writing() as db:
            held = _holder(self._store, db, self.run)
            living = held if held is not None and held.alive else None
            if self._seize is not None:
                self._seize(db, None if living is None else living.process)
            elif living is not None:
                raise _held(self.run, living)
            if held is None:
                db.execute(LEASES.insert().values(run=self.run, **row))
            else:
                db.execute(LEASES.update().where(LEASES.c.run == self.run).values(row))

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            try:
                with self._store.writing() as db:
                    beat = LEASES.update().where(*self._mine).values(beat=self._store.now())
                    if db.execute(beat).rowcount == 0:
                        return  # it was taken over, which the next entry will find out
            except StoreError:
                continue  # a store that cannot be reached now may be at the next beat

    @property
    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return LEASES.c.run == self.run, LEASES.c.token == self.token


def holder(store: Store, run: str) -> Holder | None:
    """Who holds the run's lease, alive or not; None where nobody does."""
    with store.reading() as db:
        return _holder(store, db, run)


def holders(store: Store) -> dict[str, Holder]:
    """Who holds which run's lease, alive or not."""
    with store.reading() as db:
        return {row[0]: _read(row[1:]) for row in db.execute(_query(store, LEASES.c.run))}


def held_by(db: sa.Connection, run: str) -> str | None:
    """The token of the run's lease; as long as a transaction that writes lasts, nobody can change it."""
    query = sa.select(LEASES.c.token).where(LEASES.c.run == run)
    return db.execute(lasting(db, query)).scalar()


def _holder(store: Store, db: sa.Connection, run: str) -> Holder | None:
    row = db.execute(lasting(db, _query(store).where(LEASES.c.run == run))).one_or_none()
    return None if row is None else _read(row)


def _query(store: Store, *first: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """What `_read` reads of a lease, behind what comes `first`."""
    table = LEASES.c
    process = (table.holder, table.machine, table.process, table.born)
    return sa.select(*first, table.token, store.now() - table.beat, *process)


def _read(row: Sequence[Any]) -> Holder:
    token, silent_for, *process = row
    return Holder(Process(*process), token, float(silent_for))


def _held(run: str, held: Holder) -> RunHeldError:
    return RunHeldError(
        f"{held.process.holder} is working on run {run}, and was seen {held.silent_for:.0f} s ago",
        help="let it finish; `rectune status` tells what it waits for, `rectune abort` stops the run",
    )
