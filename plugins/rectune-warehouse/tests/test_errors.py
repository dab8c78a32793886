"""What goes wrong is told in a sentence with the setting to change, and without secrets."""

import contextlib
import subprocess
import sys
import traceback

import duckdb
import pytest
from rectune_warehouse.settings import WarehouseSettings
from rectune_warehouse.source import Source
from trials import DAY, EVENTS, EXPOSURES, SPEC, arm_of, event, exposure, fill, observe, task, warehouse

from rectune_dsl.hooks.api import BackendError, RectuneError, UsageError

SECRET = "tr0ub4dor&3"
ODD = "a\"b'; DROP TABLE events; --"
"""A name that would do harm where it was put into a statement as it is."""


def problem(backend):
    """The sentence of `check` about its tables; it is what an observation fails with."""
    (said,) = backend.check()
    with pytest.raises(BackendError) as error:
        observe(backend, 1)
    assert said == f"{error.value}: {error.value.help}"
    return said


@pytest.mark.parametrize(
    ("settings", "wrong", "right"),
    [
        (
            {"exposures": {"table": "exposure"}},
            "no table `exposure`",
            "[plugins.warehouse.exposures] `table` names it; did you mean `exposures`?",
        ),
        (
            {"exposures": {"user": "userid"}},
            "no column `userid`",
            "[plugins.warehouse.exposures] `user` names it; did you mean `user_id`?",
        ),
        (
            {"exposures": {"time": "arm"}},
            "and no time",
            "[plugins.warehouse.exposures] `time` names a column of timestamps",
        ),
        ({"exposures": {"units": {"household": "house"}}}, "no column `house`", "`units.household`"),
        (
            {"events": {"events": {"table": "event"}}},
            "no table `event`",
            "[plugins.warehouse.events.events] `table`",
        ),
        ({"events": {"events": {"event_id": "eventid"}}}, "no column `eventid`", "did you mean `event_id`?"),
        ({"events": {"events": {"ingested": "value"}}}, "and no time", "`ingested`"),
        (
            {"columns": {"watch": {"value": "name"}}},
            "and no number",
            "[plugins.warehouse.columns.watch] `value`",
        ),
        (
            {"columns": {"likes": {"where": {"nam": "like"}}}},
            "no column `nam`",
            "[plugins.warehouse.columns.likes] `where`",
        ),
        (
            {"columns": {"likes": {"where": {"name": 3}}}},
            "never 3",
            "[plugins.warehouse.columns.likes] `where`",
        ),
        ({"columns": {"likes": {"where": {"value": "3"}}}}, "never '3'", "values of its own kind"),
        ({"bots": {"listed": {"table": "bots"}}}, "no table `bots`", "[plugins.warehouse.bots.listed]"),
    ],
)
def test_a_setting_that_the_tables_do_not_have_is_named(tables, settings, wrong, right):
    backend = warehouse(tables, **settings)
    said = backend.check()[0] if "units" in str(settings) else problem(backend)
    assert wrong in said
    assert right in said


def test_names_with_quotes_are_only_names(engine):
    def quoted(name):
        return '"' + name.replace('"', '""') + '"'

    engine.execute("CREATE TABLE events (x TEXT)")
    engine.execute(f'CREATE TABLE {quoted(ODD + "1")} (e TEXT, {quoted(ODD)} TEXT, u TEXT, "at" TIMESTAMP)')
    columns = f'{quoted(ODD)} TEXT, {quoted(ODD + "v")} REAL, "at" TIMESTAMP, n TEXT'
    engine.execute(f"CREATE TABLE {quoted(ODD + '2')} ({columns})")
    engine.execute(
        f"INSERT INTO {quoted(ODD + '1')}".replace("%", "%%"),
        [(SPEC.key, "a", ODD, SPEC.start.replace(tzinfo=None))],
    )
    engine.execute(f"INSERT INTO {quoted(ODD + '2')}", [(ODD, 2.0, SPEC.start.replace(tzinfo=None), ODD)])
    column = {"value": ODD + "v", "where": {"name": None, "n": [ODD, "'"]}, "events": ODD}
    backend = warehouse(
        engine,
        {
            "metrics": dict.fromkeys(("likes", "liked", "hate_rate", "longest")),
            "guardrails": {"hate_rate": None},
        },
        population=1,
        exposures={"table": ODD + "1", "experiment": "e", "arm": ODD, "user": "u", "units": None},
        events={"events": None, ODD: {"table": ODD + "2", "user": ODD}},
        columns={"watch": column, "watch_before": {**column, "days_before": 1}}
        | dict.fromkeys(("likes", "liked", "hates", "views", "longest")),
    )
    assert backend.check() == []
    assert arm_of(observe(backend, 1), "a")["watch"] == 2.0
    assert engine.execute("SELECT count(*) FROM events") == [(0,)]


def test_ids_and_arms_with_quotes_are_only_values(tables):
    fill(tables, [(ODD, "control", ODD, SPEC.start.replace(tzinfo=None), None)], [event(ODD, "like", 1)])
    backend = warehouse(tables)
    experiment = backend.create(SPEC, ODD)
    assert arm_of(backend.observe(experiment, SPEC.start + DAY), "control")["likes"] == 1


def test_the_tables_can_only_be_read(tables):
    settings = WarehouseSettings.model_validate(dict(task(tables).plugins["warehouse"]))
    with Source(settings, tables.folder).open() as database, pytest.raises(Exception, match=r"(?i)read.only"):
        database.connection.raw_sql("CREATE TABLE mine (x INTEGER)")
    with Source(settings, tables.folder).open() as database, pytest.raises(Exception, match=r"(?i)read.only"):
        database.connection.raw_sql("DELETE FROM events")


def test_a_file_that_is_not_there_is_told(tmp_path, duck):
    said = problem(warehouse(duck, url="duckdb://event.duckdb"))
    assert "there is no file event.duckdb" in said
    assert "`url`" in said


def test_a_file_that_is_being_written_is_told_and_left_to_its_writer_afterwards(duck):
    duck.execute(EXPOSURES)
    duck.execute(EVENTS)
    run = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", run, str(duck.folder / "events.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "open\n"
        assert "DuckDB has one writer, or readers" in problem(warehouse(duck))
        writer.communicate()
    backend = warehouse(duck)
    observe(backend, 1)
    with contextlib.closing(duckdb.connect(str(duck.folder / "events.duckdb"))) as connection:
        connection.execute("CREATE TABLE more (x INTEGER)")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": f"postgres://reader:{SECRET}@host/db"}, "password_env"),
        ({"url": f"snowflake://account/db?token={SECRET}"}, "password_env"),
        ({"url": "events.duckdb"}, "duckdb://events.duckdb"),
        ({"options": {"password": SECRET}}, "environment variable"),
        ({"population": 0}, "population"),
        ({"pasword_env": "X"}, "password_env"),
        ({"events": {"events": {"late": "2 hours"}}}, '"2h"'),
        ({"columns": {"likes": {"days_after": [2, 1]}}}, "[1, 2]"),
        ({"columns": {"likes": {"days_after": [1, 2], "days_before": 1}}}, "not both"),
        ({"columns": {"likes": {"per": "max"}}}, "value"),
        ({"columns": {"likes": {"events": "others"}}}, "events.others"),
        ({"events": {"others": {}}}, "which of events, others"),
        ({"columns": {"users": {}}}, "meaning of its own"),
        ({"exposures": {"ingested": "at", "production": ""}}, "never be complete"),
        ({"rehearsal": "../traffic.py"}, "own folder"),
        ({"rehearsal": "traffic.py", "url": "postgres://ada@h/d"}, "a file of its own"),
        ({"url": "sqlite://events.db"}, "read only"),
        ({"url": "DUCKDB://events.duckdb"}, "small letters"),
        ({"url": "duckdb:events.duckdb"}, "two slashes"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_kept(duck, settings, said):
    with pytest.raises(UsageError) as error:
        warehouse(duck, **settings)
    assert said in f"{error.value} {error.value.help}"
    assert SECRET not in whole(error.value)


def test_no_error_and_no_description_has_the_password(duck, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
    backend = warehouse(duck, url="postgres://reader@127.0.0.1:1/db", password_env="WAREHOUSE_PASSWORD")
    experiment = backend.create(SPEC, SPEC.key)
    said = [*backend.check(), repr(backend), str(backend.capabilities()), repr(vars(backend))]
    for act in (lambda: backend.observe(experiment, SPEC.start), lambda: backend.baseline(1)):
        with pytest.raises(BackendError) as error:
            act()
        said.append(whole(error.value))
        assert "cannot be opened" in str(error.value)
        assert "password_env" in error.value.help
    assert not [
        text for text in said if SECRET in text or "reader@" in text.replace("WarehouseSettings", "")[:200]
    ]


def test_what_a_driver_says_is_told_without_the_password(duck, monkeypatch):
    import ibis

    monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)

    def connect(url, **options):
        raise OSError(
            f"no route to postgres://reader:{options['password']}@host/db with {options['password']!r}"
        )

    monkeypatch.setattr(ibis, "connect", connect)
    with pytest.raises(BackendError) as error:
        warehouse(duck, url="postgres://reader@host/db", password_env="WAREHOUSE_PASSWORD").baseline(1)
    assert (
        str(error.value)
        == "postgres://host/db cannot be opened: OSError: no route to postgres://host/db with '***'"
    )
    assert SECRET not in whole(error.value)


def test_a_password_that_is_not_set_is_a_usage_error(duck, monkeypatch):
    monkeypatch.delenv("WAREHOUSE_PASSWORD", raising=False)
    backend = warehouse(duck, url="postgres://reader@host/db", password_env="WAREHOUSE_PASSWORD")
    (said,) = backend.check()
    assert said.startswith("WAREHOUSE_PASSWORD is not set: set the environment variable")


def test_an_engine_that_is_not_installed_tells_how_to_install_it(duck, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "ibis.backends.postgres", raising=False)
    with pytest.raises(BackendError) as error:
        warehouse(duck, url="postgres://reader@host/db").baseline(1)
    assert error.value.help == "install what Ibis needs for it: pip install 'ibis-framework[postgres]'"


def test_a_database_that_breaks_while_it_is_asked_is_a_backend_error(tables):
    fill(tables, [exposure("u1", "a")])
    view = "SELECT user_id, 'x' AS name, CAST(user_id AS INTEGER) AS value, \"at\" FROM exposures"
    tables.execute(f"CREATE VIEW broken AS {view}")
    columns = {"likes": {"value": "value", "where": None}}
    backend = warehouse(tables, events={"events": {"table": "broken", "event_id": None}}, columns=columns)
    with pytest.raises(BackendError, match="cannot answer") as error:
        observe(backend, 1)
    assert error.value.help


def whole(error: RectuneError):
    return f"{''.join(traceback.format_exception(error))} {error.help}"
