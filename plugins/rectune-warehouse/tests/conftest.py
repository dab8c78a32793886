"""Settings and databases for every test."""

import shutil
import tempfile

import pytest
from engines import DuckDB, PostgreSQL
from hypothesis import HealthCheck, settings
from trials import EVENTS, EXPOSURES

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def server():
    """Its data lie outside of pytest's folder, which other sessions of pytest close to the server's user."""
    import pgserver

    folder = tempfile.mkdtemp(prefix="rectune-postgresql-")
    found = pgserver.get_server(folder)
    yield found
    found.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def duck(tmp_path):
    return DuckDB(tmp_path)


@pytest.fixture(params=["duckdb", "postgresql"])
def engine(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "duckdb":
        return DuckDB(tmp_path)
    return PostgreSQL(request.getfixturevalue("server"), tmp_path)


@pytest.fixture
def tables(engine):
    """An empty database of each kind with the tables that the settings have by default."""
    engine.execute(EXPOSURES)
    engine.execute(EVENTS)
    return engine


@pytest.fixture(autouse=True)
def a_zone_of_its_own(monkeypatch):
    """The machine's time zone must not matter."""
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
