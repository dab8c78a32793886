"""The backend among its neighbours: the delivery that acts, the task that is judged, the command line."""

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from rectune_warehouse.backend import Warehouse
from rectune_warehouse.settings import Events, Exposures, WarehouseSettings
from trials import DAY, EVENTS, EXPOSURES, SPEC, TASK, Served, event, exposure, fill, merged, task, warehouse

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, BackendError, Config, UsageError
from rectune_dsl.plugins.host import Host


@pytest.fixture
def filled(duck):
    duck.execute(EXPOSURES)
    duck.execute(EVENTS)
    return duck


def test_all_acts_are_the_delivery_s(filled):
    served = Served()
    backend = warehouse(filled, delivery=served)
    experiment = backend.create(SPEC, SPEC.key)
    at = SPEC.start + DAY
    backend.start(experiment)
    backend.set_exposure(experiment, 0.5)
    backend.set_exposure(experiment, 0.0, "a", at)
    backend.stop(experiment, "finished")
    backend.deliver(Config({"a": 0.5}))
    backend.rollback()
    assert served.calls == [
        ("create", SPEC.key, 1000),
        ("start", experiment),
        ("set_exposure", experiment, 0.5, None, None),
        ("set_exposure", experiment, 0.0, "a", at),
        ("stop", experiment, "finished"),
        ("deliver", Config({"a": 0.5})),
        ("rollback",),
    ]


def test_exposures_are_found_under_the_id_that_the_delivery_gives(filled):
    class Renamed(Served):
        def create(self, spec, key, population):
            return f"flag/{key}"

    fill(filled, [exposure("u1", "a", 1, experiment="flag/round-1"), exposure("u2", "a", 1)])
    backend = warehouse(filled, delivery=Renamed())
    found = backend.observe(backend.create(SPEC, SPEC.key), SPEC.start + DAY)
    assert [arm.n for arm in found.arms] == [0, 1, 0]


def test_without_a_delivery_it_says_what_to_write(filled):
    backend = Warehouse(BackendContext(task(filled), 0, filled.folder))
    (said,) = backend.check()
    assert 'delivery = "flagd"' in said
    for act in (lambda: backend.create(SPEC, "k"), lambda: backend.deliver(Config({})), backend.rollback):
        with pytest.raises(UsageError) as error:
            act()
        assert 'delivery = "flagd"' in error.value.help


def test_what_the_delivery_says_is_said(filled):
    assert warehouse(filled, delivery=Served(["The flag file is gone."])).check() == [
        "The flag file is gone."
    ]


def test_other_experiments_are_refused(filled):
    backend = warehouse(filled)
    backend.create(SPEC, SPEC.key)
    for act in (
        lambda: backend.create(replace(SPEC, days=9), SPEC.key),
        lambda: backend.observe("nobody", SPEC.start),
        lambda: backend.create(replace(SPEC, key="k", unit="city"), "k"),
    ):
        with pytest.raises(BackendError) as error:
            act()
        assert error.value.help


def test_what_would_never_be_known_is_told_beforehand(filled):
    changes = {
        "metrics": {"back": {"kind": "proportion", "matures_after_days": 1}, "watch": {"covariate": "likes"}},
    }
    columns = {"back": {"days_after": [1, 2], "per": "any"}}
    said = warehouse(filled, changes, columns=columns).check()
    assert len(said) == 2
    assert "write days_before in [plugins.warehouse.columns.likes]" in said[0]
    assert "write matures_after_days = 2 in [metrics.back]" in said[1]
    late = warehouse(filled, events={"events": {"late": "2h"}}).check()
    assert any("write matures_after_days = 1 in [metrics.watch]" in line for line in late)


def test_a_population_that_is_far_off_is_told(filled):
    assert warehouse(filled).check() == [], "without events nothing tells"
    fill(filled, [], [event(f"u{i}", "view", i / 10) for i in range(100)])
    assert warehouse(filled, population=90).check() == []
    for population in (50, 5_000):
        (said,) = warehouse(filled, population=population).check()
        assert f"population = {population:,}" in said


def test_it_says_what_it_can(filled):
    found = warehouse(filled, rehearsal="traffic.py").capabilities()
    assert set(found.metrics) == {
        "watch",
        "watch_before",
        "likes",
        "liked",
        "hates",
        "views",
        "longest",
        "users",
    }
    assert (found.units, found.population) == (("user", "household"), 1000)
    assert (found.virtual_time, found.real_traffic) == (True, False)
    tables, rehearsed = (
        "exposures and events in DuckDB events.duckdb",
        "a rehearsal: time is that of the events",
    )
    assert found.description == f"{tables}, served by a test; {rehearsed}"
    assert warehouse(filled).capabilities().real_traffic


def test_ibis_is_imported_only_when_tables_are_read(filled):
    lines = (
        "import sys, pathlib",
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "import trials",
        "from rectune_dsl.hooks.api import BackendContext",
        "from rectune_warehouse.backend import Warehouse",
        "made = Warehouse(BackendContext(trials.task(), 0, delivery=trials.Served()))",
        "made.create(trials.SPEC, 'k'), made.capabilities(), made.start('k')",
        "print('ibis' in sys.modules)",
    )
    run = [sys.executable, "-c", "\n".join(lines)]
    assert subprocess.run(run, capture_output=True, text=True, timeout=120).stdout == "False\n"


def test_rectune_finds_it_by_its_entry_point(filled):
    made = Host().backend("warehouse")(BackendContext(task(filled), 0, filled.folder, delivery=Served()))
    assert made.capabilities().population == 1000


def rectune(*arguments, folder=None):
    run = [sys.executable, "-m", "rectune_dsl", *arguments]
    return subprocess.run(run, capture_output=True, text=True, timeout=200, cwd=folder, check=False)


def test_plugins_lists_it():
    done = rectune("plugins")
    assert done.returncode == 0, done.stderr
    assert "backend warehouse" in " ".join(done.stdout.split())


def test_plan_tells_what_the_tables_can_show(filled):
    """Without a delivery it says so, and nothing else is wrong."""
    (filled.folder / "feed.toml").write_text(
        TASK.replace("population = 1000", "population = 300")
        .replace("users_per_arm = 100", "users_per_arm = 40")
        .replace("days = 3", "days = 1")
        .replace("[experiment]", "[approval]\nmode = 'auto'\n[experiment]")
    )
    users = range(300)
    watched = [
        event(f"u{i}", "watch", 1 + day * 24, 5.0 + i % 3, f"{i}/{day}") for i in users for day in (0, 1)
    ]
    fill(filled, [], [*watched, *(event(f"u{i}", "like", 2) for i in users if i % 2)])
    done = rectune("plan", "feed.toml", "--json", folder=filled.folder)
    assert done.returncode == 2
    assert 'delivery = "flagd"' in done.stderr + done.stdout


def test_the_readme_s_settings_fit_the_tables_that_they_are_for(filled):
    """And the lines that it says can be left out can be."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    written = tomllib.loads(readme.partition("```toml")[2].partition("```")[0])["plugins"]["warehouse"]
    metrics = {
        "watch_minutes": {"goal": "maximize", "covariate": "watch_minutes_before"},
        "next_day_return": {"kind": "proportion", "matures_after_days": 2},
        "hates": {},
    }
    tables = merged(tomllib.loads(TASK), {"guardrails": {"hate_rate": None}, "plugins": None})
    tables = {**tables, "metrics": metrics, "plugins": {"warehouse": written}}
    context = BackendContext(Task.model_validate(tables), 0, filled.folder, delivery=Served())
    assert Warehouse(context).check() == []
    shown = WarehouseSettings.model_validate(written)
    assert shown.exposures == Exposures()
    assert shown.events["events"] == Events(event_id="event_id", ingested="ingested_at")
