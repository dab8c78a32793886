"""A database of runs: opened, brought to this version's tables, read and written in transactions.

SQLite by default, in WAL mode and with full synchronisation; PostgreSQL by URL.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.migrations.names import HEAD, VERSION_TABLE

_BUSY_SECONDS = 30
"""How long a writer waits for others to finish."""
_POLL_SECONDS = 0.02
Q = TypeVar("Q", bound=sa.Select[Any])


class NoStoreError(UsageError):
    """There is no store, and none may be made."""


class StoreError(UsageError):
    """The store cannot be reached now, or refuses."""


class Store:
    def __init__(self, url: str, *, create: bool = True) -> None:
        """Open the store; make it if it is not there and may be made. Raises UsageError otherwise."""
        self._engine = _engine(url, create)
        self._writer = self._engine.execution_options(writes=True)
        self.url = self._engine.url.render_as_string(hide_password=True)
        self._prepare()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the store."""
        with self._said(), self._engine.connect() as db:
            yield db

    @contextmanager
    def writing(self, alone: str = "") -> Iterator[sa.Connection]:
        """A transaction that writes all or nothing. Raises IntegrityError where another one wrote the same.

        Of those that name the same thing `alone`, one is done after the other.
        """
        with self._said(), self._writer.begin() as db:
            if alone and db.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(alone))))
            yield db

    def now(self) -> sa.ColumnElement[float]:
        """The database's clock, in seconds: one clock for all processes."""
        if self._engine.dialect.name == "sqlite":
            return sa.literal_column("(julianday('now') - 2440587.5) * 86400.0", sa.Double)
        return sa.literal_column("extract(epoch from clock_timestamp())", sa.Double)

    def _prepare(self) -> None:
        if self._version() == HEAD:
            return
        with self.writing(alone=VERSION_TABLE) as db:
            _migrate(db)
        if (found := self._version()) != HEAD:
            raise UsageError(
                f"the store {self.url} has version {found}; this rectune reads version {HEAD}",
                help="use the rectune that wrote it, or another --store",
            )

    def _version(self) -> str | None:
        with self.reading() as db:
            return _version(db)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What the database refuses is said as a StoreError; a conflict is left to the caller."""
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, NoConnectionError) as error:
            why = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(
                f"the store {self.url} refuses: {why}",
                help="check that it is up, is a journal, is writable and has space, or give another --store",
            ) from error


def lasting(db: sa.Connection, query: Q) -> Q:
    """The query. What it finds in a transaction that writes, nobody can change before that ends."""
    return query.with_for_update() if _writes(db) else query


def _version(db: sa.Connection) -> str | None:
    """The last script that was applied; None for a store without one."""
    if not sa.inspect(db).has_table(VERSION_TABLE):
        return None
    return db.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _migrate(db: sa.Connection) -> None:
    """Apply the scripts that are missing. Nobody else writes meanwhile."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": db})
    config.set_main_option("script_location", "rectune_dsl.memory:migrations")
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = _version(db)
    if found is None or found in known:  # one that is not known is of a later rectune
        command.upgrade(config, "head")


def _engine(url: str, create: bool) -> sa.Engine:
    try:
        parsed = _with_driver(make_url(url if "://" in url else f"sqlite:///{url}"))
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite:
            _find_file(parsed.database, create)
        engine = sa.create_engine(parsed, pool_pre_ping=True)  # a server may have been restarted
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        secret = re.sub(r"//[^@/]*@", "//***@", url)
        raise UsageError(
            f"{secret!r} is not a store: {str(error).replace(url, secret)}",
            help="write a file name, sqlite:///FILE or postgresql://USER@HOST/DATABASE "
            "(pip install 'rectune[postgres]')",
        ) from error
    if sqlite:
        sa.event.listen(engine, "connect", _durable)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _with_driver(url: URL) -> URL:
    """`postgresql://` means the driver that the extra installs."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def _find_file(database: str | None, create: bool) -> None:
    """Make sure that the file can be there. A store in memory would be lost with the process."""
    if not database or database == ":memory:":
        raise UsageError("a store needs a file", help="write a file name, such as journal.sqlite")
    file = Path(database)
    if not create and not file.exists():
        raise NoStoreError(f"there is no store {database}", help="`rectune run TASK` makes one")
    file.parent.mkdir(parents=True, exist_ok=True)


def _durable(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None  # transactions begin where `_begin` says
        connection.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Set WAL mode. SQLite itself does not wait for the lock of this, which who makes the file may hold."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the rest says what it is busy with
            if not busy or time.monotonic() > until:
                raise
            time.sleep(_POLL_SECONDS)


def _begin(db: sa.Connection) -> None:
    """A writer locks at once: one that read first could find that another wrote since."""
    db.exec_driver_sql("BEGIN IMMEDIATE" if _writes(db) else "BEGIN")


def _writes(db: sa.Connection) -> bool:
    return bool(db.get_execution_options().get("writes", False))
