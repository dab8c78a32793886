"""Databases that tests may fill: real DuckDB files, and databases of a real PostgreSQL server."""

import contextlib
import uuid

import duckdb
import psycopg


class DuckDB:
    """A database file in `folder`."""

    kind = "duckdb"

    def __init__(self, folder):
        self.folder, self.url, self.password = folder, "duckdb://events.duckdb", ""
        self.execute("SELECT 1")

    def execute(self, statement, rows=None):
        with contextlib.closing(duckdb.connect(str(self.folder / "events.duckdb"))) as connection:
            connection.execute("SET TimeZone = 'America/New_York'")
            if rows is None:
                return connection.execute(statement).fetchall()
            connection.begin()
            for row in rows:
                connection.execute(f"{statement} VALUES ({', '.join('?' * len(row))})", row)
            connection.commit()
        return None


class PostgreSQL:
    """A new database on the server, with a role that has a password."""

    kind = "postgresql"

    def __init__(self, server, folder):
        self.folder = folder
        self._name = name = f"test_{uuid.uuid4().hex}"
        self._server = server
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        self._uri = server.get_uri(name)
        socket = self._uri.partition("host=")[2]
        self.url = f"postgres://postgres@/{name}?host={socket}"

    def execute(self, statement, rows=None):
        with psycopg.connect(self._uri, autocommit=True) as connection:
            if rows is None:
                found = connection.execute(statement)
                return found.fetchall() if found.description else None
            if rows:
                marks = ", ".join(["%s"] * len(rows[0]))
                connection.cursor().executemany(f"{statement} VALUES ({marks})", rows)
        return None

    def allow(self, connections):
        """Whether anybody can connect to the database."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS {connections}")
