"""A store is opened, made, and brought to this version's tables; what cannot be is said."""

import contextlib
import sqlite3
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.migrations.names import HEAD, VERSION_TABLE
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import METADATA

BEFORE_VERSIONS = """
CREATE TABLE rectune_meta (schema INTEGER NOT NULL, PRIMARY KEY (schema));
INSERT INTO rectune_meta VALUES (1);
CREATE TABLE rectune_runs (run VARCHAR(128) NOT NULL, task VARCHAR(64) NOT NULL,
    surface VARCHAR(256) NOT NULL, created_at VARCHAR(32) NOT NULL, PRIMARY KEY (run));
INSERT INTO rectune_runs VALUES ('old-1', 'old', 'simulator/feed', '2026-01-05T00:00:00.000000Z');
CREATE TABLE rectune_entries (run VARCHAR(128) NOT NULL, seq INTEGER NOT NULL, "key" VARCHAR(128) NOT NULL,
    at VARCHAR(32) NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, seq), UNIQUE (run, "key"),
    FOREIGN KEY(run) REFERENCES rectune_runs (run));
INSERT INTO rectune_entries VALUES ('old-1', 1, 'attempt:1:step', '2026-01-05T00:00:01.000000Z', '{}');
INSERT INTO rectune_entries VALUES ('old-1', 2, 'step', '2026-01-05T00:00:02.000000Z', '7');
CREATE TABLE rectune_confirmations (surface VARCHAR(256) NOT NULL, number INTEGER NOT NULL,
    run VARCHAR(128) NOT NULL, PRIMARY KEY (surface, number), UNIQUE (run));
INSERT INTO rectune_confirmations VALUES ('simulator/feed', 1, 'old-1');
"""
"""A store of the first version, as its tables were."""


def test_migrations_lead_to_the_tables_that_are_used(store_url):
    with Store(store_url).reading() as db:
        context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD


def test_a_store_from_before_versions_is_brought_forward_with_all_that_is_in_it(tmp_path):
    file = tmp_path / "old.sqlite"
    with sqlite3.connect(file) as db:
        db.executescript(BEFORE_VERSIONS)
    journal = Journal(str(file))
    assert [row.run for row in journal.runs()] == ["old-1"]
    recorder = Recorder(journal, "old-1")
    assert recorder.recall("step", int) == 7
    assert recorder.act("next", int, lambda: 8) == 8
    assert journal.confirmations("simulator/feed") == 1
    with Store(str(file)).reading() as db:
        assert not sa.inspect(db).has_table("rectune_meta")


def test_a_store_of_a_later_rectune_is_left_alone(store_url):
    with Store(store_url).writing() as db:
        db.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(UsageError, match="version 9999"):
        Journal(store_url)


def test_what_fails_in_a_transaction_leaves_nothing(store_url):
    def fail():
        with Store(store_url).writing() as db:
            db.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = 'x'"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    Store(store_url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_store_can_be_opened_by_many_processes_at_once(kind, tmp_path, request):
    script = "import sys; from rectune_dsl.memory.journal import Journal; Journal(sys.argv[1])"
    for trial in range(2):
        new = f"{trial}.sqlite" if kind == "sqlite" else request.getfixturevalue("postgresql")()
        command = [sys.executable, "-c", script, str(tmp_path / new) if kind == "sqlite" else new]
        opened = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        assert [(p.wait(), p.stderr.read()) for p in opened] == [(0, "")] * 4


def test_who_opens_a_file_that_another_one_is_making_waits(tmp_path):
    file = tmp_path / "new.sqlite"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as maker:
        maker.execute("CREATE TABLE first (x)")
        maker.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.3, maker.execute, ["COMMIT"])
        done.start()
        assert Journal(str(file)).runs() == []
        done.join()


def test_a_password_is_never_shown(tmp_path):
    with pytest.raises(UsageError) as caught:
        Journal("postgresql+nosuchdriver://user:secret@localhost/x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(url):
    with pytest.raises(UsageError, match="needs a file"):
        Journal(url)


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(UsageError, match="there is no store"):
        Journal(str(tmp_path / "deep" / "none.sqlite"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_opened_says_what_to_write(tmp_path):
    (tmp_path / "text").write_text("not a database, but long enough to be looked at as one" * 30)
    for url in (str(tmp_path / "text"), "nonsense://x"):
        with pytest.raises(UsageError) as caught:
            Journal(url)
        assert "store" in str(caught.value)
        assert caught.value.help
