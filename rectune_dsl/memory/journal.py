"""The append-only journal: the one truth about a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from rectune_dsl.hooks.api import Slot
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.lease import LeaseLostError, RunHeldError, Seize, held_by
from rectune_dsl.memory.process import Process
from rectune_dsl.memory.slots import reserve
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import CONFIRMATIONS, ENTRIES, RUNS

HEADER = "header"
"""The key of a run's first entry."""


class OrderedAlreadyError(RunHeldError):
    """A living process does already what was ordered before."""


@dataclass(frozen=True)
class Entry:
    """One line of a journal. `key` is unique in its run; keys that begin with `attempt:` record that an
    act was about to be tried."""

    seq: int
    key: str
    at: str
    body: str

    @property
    def is_attempt(self) -> bool:
        return self.key.startswith("attempt:")


@dataclass(frozen=True)
class RunRow:
    run: str
    task: str
    surface: str
    created_at: str


class Journal:
    """The runs of a store. Of their entries none is ever changed or removed."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Open the store; make it if it is not there and may be made. Raises UsageError otherwise."""
        self.store = Store(url, create=create)
        self.url = self.store.url

    def create(
        self,
        run: str,
        task: str,
        surface: str,
        header: str | None = None,
        *,
        alone: bool = False,
        slot: Slot | None = None,
    ) -> None:
        """Make a run, all at once: with its first entry and, where it has to be `alone` on users, with their
        slot of the surface, or all of it. Raises UsageError when another run has some of them."""
        with self.store.writing(alone=surface) as db:
            db.execute(RUNS.insert().values(run=run, task=task, surface=surface, created_at=now()))
            if header is not None:
                db.execute(ENTRIES.insert().values(run=run, seq=1, key=HEADER, at=now(), body=header))
            if alone:
                reserve(db, run, surface, slot)

    def runs(self) -> list[RunRow]:
        """Every run, the newest first."""
        query = sa.select(RUNS).order_by(RUNS.c.created_at.desc(), RUNS.c.run.desc())
        with self.store.reading() as db:
            return [RunRow(*row) for row in db.execute(query)]

    def find(self, run: str) -> RunRow:
        """The run with this id, or the only one whose id begins with it; `last` is the newest.

        Raises UsageError when there is none or more than one.
        """
        runs = self.runs()
        if run == "last" and runs:
            return runs[0]
        found = [r for r in runs if r.run == run] or [r for r in runs if r.run.startswith(run)]
        if len(found) == 1:
            return found[0]
        what = "more than one run begins" if found else "there is no run that begins"
        raise UsageError(f"{what} with {run!r} in {self.url}", help="`rectune ls` lists the runs")

    def entries(self, run: str) -> list[Entry]:
        query = sa.select(ENTRIES.c.seq, ENTRIES.c.key, ENTRIES.c.at, ENTRIES.c.body)
        with self.store.reading() as db:
            rows = db.execute(query.where(ENTRIES.c.run == run).order_by(ENTRIES.c.seq))
            return [Entry(*row) for row in rows]

    def entry(self, run: str, key: str) -> Entry | None:
        """The entry with this key; None where there is none."""
        query = sa.select(ENTRIES.c.seq, ENTRIES.c.key, ENTRIES.c.at, ENTRIES.c.body)
        with self.store.reading() as db:
            row = db.execute(query.where(ENTRIES.c.run == run, ENTRIES.c.key == key)).one_or_none()
        return None if row is None else Entry(*row)

    def append(self, run: str, seq: int, key: str, body: str, token: str | None = None) -> None:
        """Write entry number `seq`, under the `token` of the run's lease where it has one.

        Raises LeaseLostError when another process holds the run or wrote the entry first.
        """
        values = {"run": run, "seq": seq, "key": key, "at": now(), "body": body}
        try:
            with self.store.writing() as db:
                if held_by(db, run) != token:
                    raise _lost(run)
                db.execute(ENTRIES.insert().values(values))
        except IntegrityError as error:
            raise _lost(run) from error

    def verify(self, run: str, token: str | None) -> None:
        """Raises LeaseLostError unless the run's lease has this token, or it has none and there is none."""
        with self.store.reading() as db:
            if held_by(db, run) != token:
                raise _lost(run)

    def claim_confirmation(self, surface: str, run: str) -> int:
        """The number r of this run's confirmation on its surface, counted over all runs of the store.

        A run has one; asking again gives the same number.
        """
        table = CONFIRMATIONS
        for _ in range(100):  # on PostgreSQL another run may claim the same number at the same moment
            try:
                with self.store.writing() as db:
                    mine = db.execute(sa.select(table.c.number).where(table.c.run == run)).scalar()
                    if mine is not None:
                        return int(mine)
                    latest = sa.select(sa.func.max(table.c.number)).where(table.c.surface == surface)
                    number = int(db.execute(latest).scalar() or 0) + 1
                    db.execute(table.insert().values(surface=surface, number=number, run=run))
                    return number
            except IntegrityError:
                continue
        raise UsageError(f"too many runs confirm on surface {surface} at once", help="resume this run later")

    def confirmations(self, surface: str) -> int:
        """How many confirmations the surface has had."""
        query = sa.select(sa.func.count()).where(CONFIRMATIONS.c.surface == surface)
        with self.store.reading() as db:
            return int(db.execute(query).scalar() or 0)


def ordering(run: str, key: str, order: Callable[[Process | None], str]) -> Seize:
    """Seizes a run's lease for an order, which is told whom it overtakes, and is its entry `key`. There is
    one order at most: whoever comes later takes the run if nobody lives who does what was ordered, and else
    is refused with OrderedAlreadyError."""

    def seize(db: sa.Connection, living: Process | None) -> None:
        query = sa.select(ENTRIES.c.key).where(ENTRIES.c.run == run).order_by(ENTRIES.c.seq)
        keys = list(db.execute(query).scalars())
        if key not in keys:
            attempt = f"attempt:{sum(k.startswith('attempt:') for k in keys) + 1}:{key}"
            for seq, (name, body) in enumerate(((attempt, "{}"), (key, order(living))), len(keys) + 1):
                values = {"run": run, "seq": seq, "key": name, "at": now(), "body": body}
                db.execute(ENTRIES.insert().values(values))
        elif living is not None:
            raise OrderedAlreadyError(f"{living.holder} is at it", help="let it finish")

    return seize


def now() -> str:
    """UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _lost(run: str) -> LeaseLostError:
    return LeaseLostError(
        f"another process has taken over run {run}: what was done here since was not recorded",
        help="`rectune status` tells who works on it",
    )
