"""The database: opened to read, closed after each question, its errors told without its secrets."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import BackendError, UsageError, secret_of
from rectune_warehouse.settings import DUCKDB, Place, WarehouseSettings

READ_ONLY = "-c default_transaction_read_only=on -c timezone=UTC"
TABLE = "[plugins.warehouse]"
_MANY = 10_000
_LONGEST = 400
"""Characters of what a driver says of an error."""


@dataclass(frozen=True)
class Source:
    """Where the tables are. A connection lives for one question, so that a file is free for its writer in
    between, and nothing has to be mended after a break."""

    settings: WarehouseSettings
    folder: Path

    @property
    def description(self) -> str:
        """The engine and where it is; without user, password and options."""
        if path := self._file:
            return f"DuckDB {path.name}"
        url = urlsplit(self.settings.url)
        return f"{url.scheme}://{url.hostname or ''}{url.path}"

    @contextmanager
    def open(self) -> Iterator[Database]:
        """Raises BackendError where it cannot be reached, and for whatever fails while it is asked."""
        password = self._password()
        try:
            connection = self._connect(password)
        except BackendError:
            raise
        except Exception as error:  # every engine has errors of its own
            raise self._failed("cannot be opened", error, password) from None
        try:
            yield Database(connection, self.description)
        except (BackendError, UsageError):
            raise
        except Exception as error:
            raise self._failed("cannot answer", error, password) from None
        finally:
            with suppress(Exception):  # what was asked has been answered, or has failed
                connection.disconnect()

    @property
    def _file(self) -> Path | None:
        """The file of a DuckDB database."""
        url = self.settings.url
        return self.folder / url.removeprefix(DUCKDB) if url.startswith(DUCKDB) else None

    def _password(self) -> str:
        variable = self.settings.password_env
        return secret_of(variable, "the password of the warehouse") if variable else ""

    def _connect(self, password: str) -> Any:
        import ibis

        options: dict[str, Any] = dict(self.settings.options)
        if path := self._file:
            if not path.is_file():
                raise BackendError(
                    f"there is no file {path.name}", help=f"`url` of {TABLE} is its path from the task"
                )
            options.setdefault("temp_directory", str(Path(tempfile.gettempdir()) / f"rectune-{os.getpid()}"))
            connection = ibis.duckdb.connect(path, read_only=True, **options)
            connection.settings["enable_progress_bar"] = False
            return connection
        if password:
            options["password"] = password
        if self.settings.url.startswith(("postgres://", "postgresql://")):
            options["options"] = f"{options.get('options', '')} {READ_ONLY}".strip()
        return ibis.connect(self.settings.url, **options)

    def _failed(self, what: str, error: Exception, password: str) -> BackendError:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        said = re.sub(r"(?<=://)[^/@\s]*@", "", said)
        if password:
            said = said.replace(password, "***")
        return BackendError(f"{self.description} {what}: {said[:_LONGEST]}", help=self._help(error))

    def _help(self, error: Exception) -> str:
        if isinstance(error, ImportError):
            engine = urlsplit(self.settings.url).scheme.replace("postgresql", "postgres")
            return f"install what Ibis needs for it: pip install 'ibis-framework[{engine}]'"
        if self._file:
            return "check that no other process has the file open to write: DuckDB has one writer, or readers"
        return f"check `url`, `password_env` and `options` of {TABLE}, and that its user may read the tables"


@dataclass(frozen=True)
class Database:
    """An open connection."""

    connection: Any
    description: str

    def table(self, place: Place, setting: str) -> Relation:
        """A table that a setting names. Raises BackendError where there is none."""
        import ibis

        try:
            rows = self.connection.table(place.table, database=place.namespace or None)
        except ibis.common.exceptions.TableNotFound:
            raise BackendError(
                f"{self.description} has no table `{place.table}`",
                help=_named(f"{setting}] `table`", place.table, self._tables()),
            ) from None
        return Relation(rows, place.table, setting)

    @property
    def splits(self) -> bool:
        """Whether users can be read in parts: an engine in this process, which has its memory."""
        return bool(self.connection.name == "duckdb")

    def rows(self, query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.connection.to_pyarrow(query).to_pylist()
        return found

    def _tables(self) -> Sequence[str]:
        """The names of tables, of all schemas; none where the engine does not tell them."""
        try:
            known = self.connection.table("tables", database="information_schema")
            return [row["table_name"] for row in self.rows(known.select("table_name").limit(_MANY))]
        except Exception:  # they are only wanted to help with an error
            return []


@dataclass(frozen=True)
class Relation:
    """A table, and the setting that named it, which its errors name in turn."""

    rows: Any
    name: str
    setting: str

    def of(self, setting: str) -> Relation:
        """The same table, for another setting that says what is read of it."""
        return Relation(self.rows, self.name, setting)

    def column(self, name: str, key: str) -> Any:
        """A column that a key of the setting names. Raises BackendError where there is none."""
        if name in self.rows.columns:
            return self.rows[name]
        raise BackendError(
            f"table `{self.name}` has no column `{name}`",
            help=_named(f"{self.setting}] `{key}`", name, self.rows.columns),
        )

    def time(self, name: str, key: str) -> Any:
        """A column of times, in UTC: without a zone they are taken to be that. Raises BackendError for what
        is no time."""
        found = self.column(name, key)
        kind = found.type()
        if kind.is_date():
            return found.cast("timestamp")
        if not kind.is_timestamp():
            raise self.refused(name, key, f"is {kind}, and no time", "a column of timestamps")
        return found if kind.timezone is None and kind.scale in (None, 6) else found.cast("timestamp")

    def number(self, name: str, key: str) -> Any:
        """A column of numbers as floats; what is no finite number is NULL. Raises BackendError for what is
        neither number nor boolean."""
        found = self.column(name, key)
        kind = found.type()
        if kind.is_boolean():
            return found.ifelse(1, 0).cast("float64")
        if not kind.is_numeric():
            raise self.refused(name, key, f"is {kind}, and no number", "a column of numbers")
        numbers = found.cast("float64")
        if kind.is_integer():
            return numbers
        return (numbers.isnan() | numbers.isinf()).ifelse(None, numbers)

    def refused(self, name: str, key: str, why: str, wanted: str) -> BackendError:
        return BackendError(
            f"column `{name}` of table `{self.name}` {why}",
            help=f"[plugins.warehouse.{self.setting}] `{key}` names {wanted}",
        )


def _named(key: str, name: str, known: Sequence[str]) -> str:
    """The setting that a name comes from, and what may have been meant."""
    return f"[plugins.warehouse.{key} names it; {did_you_mean(name, known)}".rstrip("; ")
