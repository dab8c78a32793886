"""The append-only journal: the one truth about a run. SQLite by default, any SQLAlchemy URL else."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)

from rectune_dsl.hooks.errors import UsageError

SCHEMA = 1
OPENING_ATTEMPTS = 20
"""Tries to open a store that others are making at the same moment."""

_metadata = sa.MetaData()
_meta = sa.Table("rectune_meta", _metadata, sa.Column("schema", sa.Integer, primary_key=True))
_runs = sa.Table(
    "rectune_runs",
    _metadata,
    sa.Column("run", sa.String(128), primary_key=True),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("surface", sa.String(256), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
)
_entries = sa.Table(
    "rectune_entries",
    _metadata,
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(128), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("run", "key"),
)
_confirmations = sa.Table(
    "rectune_confirmations",
    _metadata,
    sa.Column("surface", sa.String(256), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(128), nullable=False, unique=True),
)


class NoStoreError(UsageError):
    """There is no store, and none may be made."""


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
    """A store of runs. Nothing in it is ever changed or removed."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Open the store; make it if it is not there and may be made. Raises UsageError otherwise."""
        self._engine = _engine(url, create)
        self.url = self._engine.url.render_as_string(hide_password=True)
        with self._said():
            found = _prepare(self._engine)
        if found != SCHEMA:
            raise UsageError(
                f"the store {self.url} has schema {found}; this rectune reads schema {SCHEMA}",
                help="use the rectune that wrote it, or another --store",
            )

    def create(self, run: str, task: str, surface: str) -> None:
        with self._said(), self._engine.begin() as db:
            db.execute(_runs.insert().values(run=run, task=task, surface=surface, created_at=_now()))

    def runs(self) -> list[RunRow]:
        """Every run, the newest first."""
        query = sa.select(_runs).order_by(_runs.c.created_at.desc(), _runs.c.run.desc())
        with self._engine.connect() as db:
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
        query = sa.select(_entries.c.seq, _entries.c.key, _entries.c.at, _entries.c.body)
        with self._engine.connect() as db:
            rows = db.execute(query.where(_entries.c.run == run).order_by(_entries.c.seq))
            return [Entry(*row) for row in rows]

    def append(self, run: str, seq: int, key: str, body: str) -> None:
        """Write entry number `seq`. Raises UsageError when another process wrote it first."""
        values = {"run": run, "seq": seq, "key": key, "at": _now(), "body": body}
        try:
            with self._said(), self._engine.begin() as db:
                db.execute(_entries.insert().values(values))
        except IntegrityError as error:
            raise UsageError(
                f"another process is writing run {run}", help="let it finish, or stop it and resume the run"
            ) from error

    def claim_confirmation(self, surface: str, run: str) -> int:
        """The number r of this run's confirmation on its surface, counted over all runs of the store.

        A run has one; asking again gives the same number.
        """
        table = _confirmations
        for _ in range(100):  # another run may claim the same number at the same moment
            with self._engine.connect() as db:
                mine = db.execute(sa.select(table.c.number).where(table.c.run == run)).scalar()
                if mine is not None:
                    return int(mine)
                latest = db.execute(
                    sa.select(sa.func.max(table.c.number)).where(table.c.surface == surface)
                ).scalar()
            number = int(latest or 0) + 1
            try:
                with self._engine.begin() as db:
                    db.execute(table.insert().values(surface=surface, number=number, run=run))
            except IntegrityError:
                continue
            return number
        raise UsageError(f"too many runs confirm on surface {surface} at once", help="resume this run later")

    def confirmations(self, surface: str) -> int:
        """How many confirmations the surface has had."""
        query = sa.select(sa.func.count()).where(_confirmations.c.surface == surface)
        with self._engine.connect() as db:
            return int(db.execute(query).scalar() or 0)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What the database refuses is said as a UsageError; a conflict is left to the caller."""
        try:
            yield
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise UsageError(
                f"the store {self.url} refuses: {error.orig}",
                help="check that it is a journal, is writable and has space, or give another --store",
            ) from error


def _engine(url: str, create: bool) -> sa.Engine:
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
        if parsed.get_backend_name() == "sqlite":
            _find_file(parsed.database, create)
        engine = sa.create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        secret = re.sub(r"//[^@/]*@", "//***@", url)
        raise UsageError(
            f"{secret!r} is not a store: {str(error).replace(url, secret)}",
            help="write a file name, sqlite:///FILE or another SQLAlchemy URL whose driver is installed",
        ) from error
    if parsed.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _durable)
    return engine


def _find_file(database: str | None, create: bool) -> None:
    """Make sure that the file can be there. A store in memory would be lost with the process."""
    if not database or database == ":memory:":
        raise UsageError("a store needs a file", help="write a file name, such as journal.sqlite")
    file = Path(database)
    if not create and not file.exists():
        raise NoStoreError(f"there is no store {database}", help="`rectune run TASK` makes one")
    file.parent.mkdir(parents=True, exist_ok=True)


def _prepare(engine: sa.Engine) -> int:
    """Make the tables if they are not there; the store's schema. Others may be doing the same."""
    for attempt in range(OPENING_ATTEMPTS):
        try:
            with engine.begin() as db:
                _metadata.create_all(db)
                if db.execute(sa.select(_meta.c.schema)).scalar() is None:
                    db.execute(_meta.insert().values(schema=SCHEMA))
                return int(db.execute(sa.select(_meta.c.schema)).scalar_one())
        except (OperationalError, IntegrityError):
            if attempt + 1 == OPENING_ATTEMPTS:
                raise
            time.sleep(0.02 * (attempt + 1))
    raise AssertionError("unreachable")


def _durable(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
