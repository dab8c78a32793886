"""Settings that hold for every test."""

import os
import shutil
import tempfile
import uuid
from datetime import UTC, datetime, timedelta

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of the processes that tests start would compile all

import pytest
from hypothesis import HealthCheck, settings

# task files below here are read by tests; they are not to be tested themselves
collect_ignore_glob = ["*.toml"]

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def postgresql():
    """`postgresql()` is the URL of a new, empty database on a real server that ends with the session;
    `postgresql.ask(...)` executes statements there; `stop()` and `start()` do as they say.

    The server runs as another user, and every other session of pytest, such as one that a test starts, closes
    pytest's own folder to that user: so its data lie elsewhere."""
    import pgserver
    import psycopg

    folder = tempfile.mkdtemp(prefix="rectune-postgresql-")
    server = pgserver.get_server(folder)

    def ask(*statements):
        with psycopg.connect(server.get_uri(), autocommit=True) as db:
            for statement in statements:
                db.execute(statement)

    def new():
        name = f"test_{uuid.uuid4().hex}"
        ask(f"CREATE DATABASE {name}")
        return server.get_uri(name)

    def stop():
        pgserver.pg_ctl(
            ["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user, timeout=60
        )

    new.ask, new.stop, new.start = ask, stop, server.ensure_postgres_running
    yield new
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "deep" / "journal.sqlite")
    return request.getfixturevalue("postgresql")()


class Days:
    """The system's clock, moved by the test."""

    def __init__(self):
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def pass_(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def days(monkeypatch):
    """Real days that pass when the test says so."""
    moved = Days()
    monkeypatch.setattr("rectune_dsl.workflow.clock.utc_now", lambda: moved.now)
    return moved
